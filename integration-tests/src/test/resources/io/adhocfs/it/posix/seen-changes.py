"""Programs on two mounts of one instance that change and read the same file. What is done by one must be seen by all.

usage: seen-changes.py counters MOUNT MOUNT LOCKS BESIDES ROUNDS
       seen-changes.py ways WRITERS-MOUNT READERS-MOUNT FIRST
counters: processes on both mounts raise two counters in one page, each under its own lock (LOCKS: range, one range of each
  counter; flock, one lock of the file). BESIDES: nothing, chmod, direct (O_DIRECT writes to another block of the file).
  Says the sum of the counters and what it should be.
ways: a descriptor of the readers' mount is read in all ways while a program of the writers' mount changes, grows and cuts
  the file, closing it each time. FIRST: reader or writer, who opens the file first. Says what was not seen.
"""
import fcntl
import mmap
import os
import sys

PAGE = 4096
PROCESSES = 6


def raised(path, process, locks, rounds):
    file = os.open(path, os.O_RDWR)
    for turn in range(rounds):
        offset = (turn + process) % 2 * 16
        if locks == "flock":
            fcntl.flock(file, fcntl.LOCK_EX)
        else:
            fcntl.lockf(file, fcntl.LOCK_EX, 8, offset)
        value = int.from_bytes(os.pread(file, 8, offset), "big")
        os.pwrite(file, (value + 1).to_bytes(8, "big"), offset)
        if locks == "flock":
            fcntl.flock(file, fcntl.LOCK_UN)
        else:
            fcntl.lockf(file, fcntl.LOCK_UN, 8, offset)
    os.close(file)


def besides(path, what, stopped):
    """Does something else to the file until its parent has closed a pipe."""
    os.set_blocking(stopped, False)
    if what == "direct":
        file = os.open(path, os.O_RDWR | os.O_DIRECT)
        block = mmap.mmap(-1, PAGE)
    while True:
        if what == "direct":
            os.pwritev(file, [block], 2 * PAGE)
        else:
            os.chmod(path, 0o640)
            os.chmod(path, 0o600)
        try:
            os.read(stopped, 1)
            return
        except BlockingIOError:
            pass


def in_child(call, *arguments):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            call(*arguments)
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child):
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("a process failed")


def counters(mounts, locks, what, rounds):
    name = f"/counters.{os.getpid()}"
    with open(mounts[0] + name, "wb") as file:
        file.write(bytes(3 * PAGE if what == "direct" else 32))
    stopped, stop = os.pipe()
    others = []
    if what != "nothing":
        for mount in mounts:
            others.append(in_child(lambda path: (os.close(stop), besides(path, what, stopped)), mount + name))
    children = [in_child(raised, mounts[i % 2] + name, i // 2, locks, rounds) for i in range(PROCESSES)]
    for child in children:
        ended(child)
    os.close(stop)
    for other in others:
        ended(other)
    for mount in mounts:
        with open(mount + name, "rb") as file:
            data = file.read(32)
        total = int.from_bytes(data[:8], "big") + int.from_bytes(data[16:24], "big")
        print(total, "of", PROCESSES * rounds)


def piped(move):
    reading, writing = os.pipe()
    moved = move(writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    assert len(data) == moved
    return data


def copied(file, offset, target):
    os.ftruncate(target, 0)
    os.copy_file_range(file, target, PAGE, offset, 0)
    return os.pread(target, PAGE, 0)


def mapped(file, offset):
    size = os.fstat(file).st_size
    if size <= offset:
        return b""
    with mmap.mmap(file, size, prot=mmap.PROT_READ) as memory:
        return memory[offset : offset + PAGE]


def ways(writers, readers, first):
    name = f"/ways.{os.getpid()}"
    target = os.open(readers + name + ".copy", os.O_RDWR | os.O_CREAT)
    reads = {
        "pread": lambda file, offset: os.pread(file, PAGE, offset),
        "sendfile": lambda file, offset: piped(lambda pipe: os.sendfile(pipe, file, offset, PAGE)),
        "splice": lambda file, offset: piped(lambda pipe: os.splice(file, pipe, PAGE, offset)),
        "copy_file_range": lambda file, offset: copied(file, offset, target),
        "mmap": mapped,
    }
    done = 0
    for way, read in reads.items():
        for flags in (os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_APPEND):
            with open(writers + name, "wb") as file:
                file.write(b"0" * 3 * PAGE)
            kept = os.open(writers + name, os.O_WRONLY) if first == "writer" else None
            reader = os.open(readers + name, flags)
            read(reader, 0)

            def changed(act):
                writer = os.open(writers + name, os.O_WRONLY)
                act(writer)
                os.close(writer)

            for what, act, offset, expected in (
                ("changed", lambda file: os.pwrite(file, b"c" * PAGE, PAGE), PAGE, b"c" * PAGE),
                ("grown", lambda file: os.pwrite(file, b"g" * 2 * PAGE, 6 * PAGE), 6 * PAGE, b"g" * PAGE),
                ("hole", lambda file: None, 4 * PAGE, bytes(PAGE)),
                ("cut", lambda file: os.ftruncate(file, PAGE + 7), PAGE, b"c" * 7),
                ("cut away", lambda file: None, 6 * PAGE, b""),
                ("grown by little", lambda file: os.pwrite(file, b"l" * 3, PAGE + 7), PAGE, b"c" * 7 + b"lll"),
            ):
                changed(act)
                seen = read(reader, offset)
                done += 1
                if seen != expected:
                    print(f"{way} flags {flags:o} does not see what was {what}: {len(seen)} bytes, {seen[:12]!r}")
            os.truncate(writers + name, 3)
            if read(reader, 0) != b"000":
                print(f"{way} flags {flags:o} does not see a truncation by path")
            os.close(reader)
            if kept is not None:
                os.close(kept)
    print("done", done)


if sys.argv[1] == "counters":
    counters(sys.argv[2:4], sys.argv[4], sys.argv[5], int(sys.argv[6]))
else:
    ways(*sys.argv[2:5])
