package io.adhocfs.fuse.mounted;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What every driver can do: the basic contract, as programs see it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class MountContract {
  private MountedServer server;

  /** Which driver to mount with. */
  abstract MountedServer.Settings settings() throws Exception;

  final MountedServer server() {
    return server;
  }

  @BeforeAll
  void mount() throws Exception {
    server = MountedServer.start(settings());
  }

  @AfterAll
  void unmount() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  @Test
  void createsWritesReadsAndRemoves() throws Exception {
    assertThat(
            server.output(
                "echo hello > a; cat a; stat -c '%s %h %F %a' a; rm a; ls | grep -x a || true"))
        .isEqualTo("hello\n6 1 regular file 644");
  }

  @Test
  void exclusiveCreationRefusesAnExistingName() throws Exception {
    assertThat(
            server.python(
                """
                os.close(os.open(M + '/x', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                try:
                    os.open(M + '/x', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                except OSError as e:
                    print(errno.errorcode[e.errno])
                os.remove(M + '/x')
                """))
        .isEqualTo("EEXIST");
  }

  @Test
  void bytesOfAnyLengthAtAnyOffsetComeBack() throws Exception {
    assertThat(
            server.python(
                """
                import random
                random.seed(20261121)
                model = bytearray()
                fd = os.open(M + '/bytes', os.O_CREAT | os.O_RDWR)
                for length in [1, 2, 511, 4095, 4096, 4097, 32768, 32769, 262143, 262145, 1048576, 1048577, 5242880]:
                    for offset in [0, 1, 4095, 131073, 1048575, random.randrange(3000000)]:
                        data = random.randbytes(length)
                        assert os.pwrite(fd, data, offset) == length
                        if len(model) < offset + length:
                            model.extend(bytes(offset + length - len(model)))
                        model[offset:offset + length] = data
                    at = random.randrange(len(model))
                    assert os.pread(fd, 70001, at) == bytes(model[at:at + 70001]), (length, at)
                os.close(fd)
                with open(M + '/bytes', 'rb') as f:
                    assert f.read() == bytes(model)
                os.remove(M + '/bytes')
                print('same')
                """))
        .isEqualTo("same");
  }

  @Test
  void holesReadAsZerosAndTruncationCutsThem() throws Exception {
    assertThat(
            server.python(
                """
                fd = os.open(M + '/t', os.O_CREAT | os.O_RDWR)
                os.pwrite(fd, b'end', 1000000)
                assert os.pread(fd, 10, 500000) == bytes(10)
                os.ftruncate(fd, 1000001)
                os.ftruncate(fd, 1000010)
                print(os.pread(fd, 100, 999999), os.fstat(fd).st_size)
                os.close(fd)
                os.truncate(M + '/t', 0)
                print(os.stat(M + '/t').st_size)
                os.close(os.open(M + '/t', os.O_WRONLY | os.O_TRUNC))
                os.remove(M + '/t')
                """))
        .isEqualTo("b'\\x00e\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00' 1000010\n0");
  }

  @Test
  void renameReplacesAFileAndMovesADirectory() throws Exception {
    assertThat(
            server.output(
                """
                mkdir r; cd r
                echo one > one; echo two > two; mv one two; cat two; ls
                mkdir -p d/sub e; echo in > d/sub/f; mv d e/d; cat e/d/sub/f; stat -c %h e
                mv -T e/d d2; mkdir d3; mv -T d2 d3; cat d3/sub/f
                cd ..; rm -r r
                """))
        .isEqualTo("one\ntwo\nin\n3\nin");
  }

  @Test
  void renameRefusesWhatCannotBe() throws Exception {
    assertThat(
            server.python(
                """
                os.makedirs(M + '/q/full/x'); os.mkdir(M + '/q/empty'); open(M + '/q/file', 'w').close()
                def attempt(a, b):
                    try:
                        os.rename(M + '/q/' + a, M + '/q/' + b); print('ok')
                    except OSError as e:
                        print(errno.errorcode[e.errno])
                attempt('empty', 'full')
                attempt('file', 'empty')
                attempt('empty', 'file')
                attempt('full', 'full/x/y')
                attempt('missing', 'new')
                """))
        .isEqualTo("ENOTEMPTY\nEISDIR\nENOTDIR\nEINVAL\nENOENT");
    server.output("rm -r q");
  }

  @Test
  void anUnlinkedOpenFileStaysUsable() throws Exception {
    assertThat(
            server.python(
                """
                fd = os.open(M + '/gone', os.O_CREAT | os.O_RDWR)
                os.write(fd, b'before')
                os.remove(M + '/gone')
                os.write(fd, b' and after')
                print(os.pread(fd, 100, 0), os.path.exists(M + '/gone'))
                os.close(fd)
                """))
        .isEqualTo("b'before and after' False");
  }

  @Test
  void listsTenThousandEntriesOnceAndRemovesThemWhileListing() throws Exception {
    assertThat(
            server.output(
                """
                mkdir many
                seq -f 'many/entry-%g' 10000 | xargs touch
                ls many | sort -u | wc -l
                ls many | wc -l
                rm -r many
                ls -d many 2>&1 || true
                """))
        .isEqualTo("10000\n10000\nls: cannot access 'many': No such file or directory");
  }

  @Test
  void symbolicAndHardLinksWork() throws Exception {
    assertThat(
            server.output(
                """
                echo x > target; ln -s target soft; ln target hard
                readlink soft; cat soft hard; stat -c %h target; stat -c '%F %s' soft
                rm target; cat hard; stat -c %h hard
                cat soft 2>&1 || true
                rm soft hard
                """))
        .isEqualTo("target\nx\nx\n2\nsymbolic link 6\nx\n1\ncat: soft: No such file or directory");
  }

  @Test
  void changesModeOwnerAndTimesToTheNanosecond() throws Exception {
    assertThat(
            server.python(
                """
                p = M + '/attributes'
                open(p, 'w').close()
                os.chmod(p, 0o4751)
                print(oct(os.stat(p).st_mode))
                os.utime(p, ns=(1_234_567_890_123_456_789, 987_654_321))
                s = os.stat(p)
                print(s.st_atime_ns, s.st_mtime_ns)
                os.remove(p)
                """))
        .isEqualTo("0o104751\n1234567890123456789 987654321");
  }

  @Test
  void theUmaskIsApplied() throws Exception {
    assertThat(
            server.output("umask 027; touch u; mkdir v; mkfifo w; stat -c %a u v w; rm -r u v w"))
        .isEqualTo("640\n750\n640");
  }

  @Test
  void namesUpTo255BytesAreTaken() throws Exception {
    assertThat(
            server.python(
                """
                open(M + '/' + 'n' * 255, 'w').close()
                os.remove(M + '/' + 'n' * 255)
                try:
                    open(M + '/' + 'n' * 256, 'w')
                except OSError as e:
                    print(errno.errorcode[e.errno])
                """))
        .isEqualTo("ENAMETOOLONG");
  }

  @Test
  void namesAreBytes() throws Exception {
    assertThat(
            server.python(
                """
                m = os.fsencode(M)
                names = [b'\\xff\\xfe', b'caf\\xe9', 'café'.encode(), b'\\x80\\n\\\\', b' ']
                for n in names:
                    open(m + b'/' + n, 'wb').write(n)
                assert set(names) <= set(os.listdir(m))
                for n in names:
                    assert open(m + b'/' + n, 'rb').read() == n
                    os.symlink(n, m + b'/link')
                    assert os.readlink(m + b'/link') == n
                    os.remove(m + b'/link')
                    os.remove(m + b'/' + n)
                print('ok')
                """))
        .isEqualTo("ok");
  }

  @Test
  void appendsGoToTheEnd() throws Exception {
    assertThat(
            server.output("echo a > log; for i in 1 2 3; do echo $i >> log; done; cat log; rm log"))
        .isEqualTo("a\n1\n2\n3");
  }

  @Test
  void tellsItsSize() throws Exception {
    assertThat(
            server.output(
                "stat -f -c '%s %l' .; df -P . | tail -1 | awk '{print ($2 > 0), ($4 > 0)}'"))
        .endsWith("255\n1 1");
  }

  @Test
  void takesFsync() throws Exception {
    assertThat(
            server.python(
                """
                fd = os.open(M + '/synced', os.O_CREAT | os.O_RDWR)
                os.write(fd, b'x'); os.fsync(fd); os.fdatasync(fd); os.close(fd)
                d = os.open(M, os.O_RDONLY); os.fsync(d); os.close(d)
                os.remove(M + '/synced'); print('ok')
                """))
        .isEqualTo("ok");
  }

  @Test
  void mappedFilesCanBeRead() throws Exception {
    assertThat(
            server.python(
                """
                import mmap
                with open(M + '/mapped', 'wb') as f:
                    f.write(b'0123456789' * 100000)
                with open(M + '/mapped', 'rb') as f:
                    m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
                    print(m[999990:1000000], len(m))
                    m.close()
                os.remove(M + '/mapped')
                """))
        .isEqualTo("b'0123456789' 1000000");
  }

  @Test
  void aThrowingFileSystemIsAnErrorOfThatRequestOnly() throws Exception {
    assertThat(
            server.output(
                "touch broken 2>/dev/null || true; cat broken 2>&1 || true; rm -f broken;"
                    + " echo on > on; cat on; rm on"))
        .isEqualTo("cat: broken: Input/output error\non");
  }

  @Test
  void answersMayComeFromAnotherThread() throws Exception {
    assertThat(server.output("echo x > slow; cat slow slow; rm slow")).isEqualTo("x\nx");
  }

  @Test
  void manyProgramsAtOnceDoNotDisturbEachOther() throws Exception {
    assertThat(
            server.output(
                """
                for p in 1 2 3 4 5 6; do (
                  mkdir p$p
                  for i in $(seq 60); do echo $p-$i > p$p/$i; mv p$p/$i p$p/r$i; done
                  cat p$p/r* | sort -u | wc -l
                  rm -r p$p
                ) & done
                wait
                """))
        .isEqualTo("60\n60\n60\n60\n60\n60");
  }
}
