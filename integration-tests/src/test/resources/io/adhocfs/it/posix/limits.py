# Things in great number: deep trees, many threads, many open files. Says what it did.
import errno
import os
import random
import resource
import sys
import threading


def make_deep(name, levels):
    """A chain of directories in the working directory, with a file at the bottom; comes back up."""
    start = os.open('.', os.O_RDONLY)
    for level in range(levels):
        os.mkdir(name)
        os.chdir(name)
    with open('bottom', 'w') as file:
        file.write('deep down')
    for level in range(levels):
        os.chdir('..')
    assert os.path.samestat(os.stat('.'), os.fstat(start)), 'not where we began'
    os.close(start)


def descend(name, levels):
    """Descriptor of the directory that is so many levels below the working directory."""
    here = os.open('.', os.O_RDONLY)
    for level in range(levels):
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    return here


def deep(name, levels):
    levels = int(levels)
    make_deep(name, levels)
    middle, bottom = descend(name, levels // 2), descend(name, levels)
    with open(os.open('bottom', os.O_RDONLY, dir_fd=bottom)) as file:
        assert file.read() == 'deep down'
    # No directory below itself, however far.
    for below, above in ((bottom, None), (bottom, middle), (middle, None)):
        try:
            os.rename(name, 'loop', src_dir_fd=above, dst_dir_fd=below)
            raise AssertionError('a directory was moved below itself')
        except OSError as e:
            assert e.errno == errno.EINVAL, e
    # The lower half to the top and back.
    os.rename(name, 'half', src_dir_fd=middle)
    assert os.stat('..', dir_fd=middle) != os.stat('half/..')
    os.rename('half', name, dst_dir_fd=middle)
    os.close(middle)
    os.close(bottom)


def longest_path():
    """The longest path that there may be leads to a file, and one byte more to none."""
    root = os.getcwd()
    longest = os.pathconf('.', 'PC_PATH_MAX') - 1
    path = root
    while len(path) < longest - 202:
        path += '/' + 'p' * 200
        os.mkdir(path)
    path += '/' + 'p' * (longest - len(path) - 1)
    assert len(path) == 4095
    with open(path, 'w') as file:
        file.write('far away')
    assert open(path).read() == 'far away'
    try:
        open(path + 'p')
        raise AssertionError('a longer path')
    except OSError as e:
        assert e.errno == errno.ENAMETOOLONG, e
    os.rename(path, path[:-1] + 'q')
    os.unlink(path[:-1] + 'q')


def names():
    """Names of 255 times the same byte, each of the bytes that a name may have."""
    allowed = [bytes([b]) for b in range(1, 256) if b != ord('/')]
    for b in allowed:
        with open(b * 255, 'wb') as file:
            file.write(b)
    assert sorted(os.listdir(b'.')) == [b * 255 for b in allowed]
    for b in allowed:
        os.rename(b * 255, b * 254 + b'\xff')
        os.symlink(b * 254 + b'\xff', b * 250)
        assert open(b * 250, 'rb').read() == b
    for name in os.listdir(b'.'):
        os.unlink(name)
    assert os.listdir(b'.') == []


def renames(threads, each, seed, *roots):
    """Threads move files and directories about in one tree. No name is there twice, so nothing is replaced."""
    threads, each = int(threads), int(each)
    print('seed', seed)
    places = [''] + ['d%d' % i for i in range(24)]
    for place in places[1:]:
        os.mkdir(place)
    for thread in range(threads):
        for i in range(3):
            with open('f-%d-%d' % (thread, i), 'w') as file:
                file.write('f-%d-%d' % (thread, i))
    allowed = {errno.ENOENT, errno.EINVAL, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}
    if len(roots) > 1:
        # The kernel's own answer where other mounts move directories while it looks them up.
        allowed.add(errno.ESTALE)
    failures = []
    moved = [0]

    def everything(root):
        """All directories that there are now, as far as they stay where they are."""
        found = [root]
        for path, directories, _ in os.walk(root):
            found += [os.path.join(path, d) for d in directories]
        return found

    def work(number):
        choice = random.Random('%s-%d' % (seed, number))
        root = roots[number % len(roots)]
        try:
            known = everything(root)
            for i in range(each):
                if i % 10 == 0:
                    known = everything(root)
                source, target = choice.choice(known), choice.choice(known)
                try:
                    name = choice.choice(os.listdir(source) or ['nothing'])
                    os.rename(os.path.join(source, name), os.path.join(target, name))
                    moved[0] += 1
                except OSError as e:
                    if e.errno not in allowed:
                        raise
        except BaseException as e:
            failures.append('thread %d: %r' % (number, e))

    running = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not failures, failures
    files, directories = [], []
    for path, inner, names_here in os.walk('.'):
        assert os.stat(path).st_nlink == 2 + len(inner), (path, os.stat(path).st_nlink, inner)
        directories += inner
        for name in names_here:
            assert open(os.path.join(path, name)).read() == name
            files.append(name)
    assert sorted(directories) == sorted(places[1:]), sorted(directories)
    assert sorted(files) == sorted('f-%d-%d' % (t, i) for t in range(threads) for i in range(3))
    print(moved[0], 'names moved')


def open_files(wanted):
    """So many open files, or as many as this machine lets a process have; half of them without a name."""
    wanted = int(wanted)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = int(open('/proc/sys/fs/nr_open').read())
    for limit in (min(wanted + 1000, ceiling), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            break
        except (ValueError, OSError):
            pass
    count = min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
    print('%d open files%s' % (count, '' if count == wanted else ': this machine allows no more'))
    files = []
    for i in range(count):
        if i % 1000 == 0:
            os.mkdir('d%d' % (i // 1000))
        files.append(os.open('d%d/f%d' % (i // 1000, i), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644))
        os.write(files[i], b'%d' % i)
    for i in range(0, count, 2):
        os.unlink('d%d/f%d' % (i // 1000, i))
    for i, file in enumerate(files):
        assert os.pread(file, 20, 0) == b'%d' % i
        assert os.fstat(file).st_nlink == i % 2
    for i in range(0, count, 100):
        os.pwrite(files[i], b'again', 100000)
        assert os.fstat(files[i]).st_size == 100005
    for file in files:
        os.close(file)
    assert sum(len(inner) for _, _, inner in os.walk('.')) == count // 2


sys.setrecursionlimit(10000)
globals()[sys.argv[1]](*sys.argv[2:])
