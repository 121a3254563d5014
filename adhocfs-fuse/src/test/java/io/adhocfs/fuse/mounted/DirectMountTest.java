package io.adhocfs.fuse.mounted;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.fuse.kernel.DeadMounts;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The direct driver: the contract of every driver, and what only it can do. */
class DirectMountTest extends MountContract {

  @Override
  MountedServer.Settings settings() throws Exception {
    return MountedServer.Settings.of("direct");
  }

  @Test
  void renamesWithoutReplacingAndExchanges() throws Exception {
    assertThat(
            server()
                .python(
                    """
                    import ctypes
                    libc = ctypes.CDLL(None, use_errno=True)
                    def rename2(a, b, flags):
                        r = libc.renameat2(-100, os.fsencode(M + '/' + a), -100, os.fsencode(M + '/' + b), flags)
                        return 'ok' if r == 0 else errno.errorcode[ctypes.get_errno()]
                    os.mkdir(M + '/xd'); open(M + '/xf', 'w').write('f')
                    print(rename2('xf', 'xd', 1), rename2('xf', 'xn', 1), rename2('xn', 'xd', 2))
                    print(os.path.isdir(M + '/xn'), open(M + '/xd').read(), rename2('xn', 'none', 2), rename2('xn', 'xo', 4))
                    os.rmdir(M + '/xn'); os.remove(M + '/xd')
                    """))
        .isEqualTo("EEXIST ok ok\nTrue f ENOENT EINVAL");
  }

  @Test
  void timesBefore1970AreKept() throws Exception {
    assertThat(
            server()
                .python(
                    """
                    p = M + '/old'
                    open(p, 'w').close()
                    os.utime(p, ns=(-1, -1_500_000_000))
                    s = os.stat(p)
                    print(s.st_atime_ns, s.st_mtime_ns)
                    os.remove(p)
                    """))
        .isEqualTo("-1 -1500000000");
  }

  @Test
  void statTellsBlocksAndSizes() throws Exception {
    assertThat(
            server()
                .output(
                    "head -c 513 /dev/zero > s; mkdir t; stat -c '%s %b %o' s; stat -c '%s %b' t;"
                        + " rm -r s t"))
        .isEqualTo("513 2 524288\n4096 0");
  }

  @Test
  void devicesAndSocketsAreMade() throws Exception {
    assertThat(
            server()
                .output(
                    "mknod null c 1 3; mknod big b 300 70000; stat -c '%F %t:%T' null big;"
                        + " echo x > null; rm null big"))
        .isEqualTo("character special file 1:3\nblock special file 12c:11170");
  }

  @Test
  void ownersAndTheirRightsCount() throws Exception {
    assertThat(
            server()
                .output(
                    """
                    mkdir o; chmod 755 . o; echo secret > o/s; chown 1234:5678 o/s; chmod 600 o/s
                    stat -c '%u:%g' o/s
                    setpriv --reuid=4321 --regid=4321 --clear-groups cat o/s 2>&1 || true
                    setpriv --reuid=1234 --regid=4321 --clear-groups cat o/s
                    setpriv --reuid=4321 --regid=4321 --clear-groups touch o/new 2>&1 || true
                    chmod 777 o; setpriv --reuid=4321 --regid=8765 --clear-groups touch o/new; stat -c '%u:%g' o/new
                    rm -r o
                    """))
        .isEqualTo(
            "1234:5678\ncat: o/s: Permission denied\nsecret\n"
                + "touch: cannot touch 'o/new': Permission denied\n4321:8765");
  }

  @Test
  void directIoWorksAtOddLengths() throws Exception {
    assertThat(
            server()
                .output(
                    "head -c 3000001 /dev/urandom > d; dd if=d of=d2 bs=1M iflag=direct 2>/dev/null;"
                        + " cmp d d2 && echo same; rm d d2"))
        .isEqualTo("same");
  }

  @ParameterizedTest
  @CsvSource({
    "cat never-read, INT",
    "cat never-read, KILL",
    "cat never-opened, INT",
    "cat never-opened, KILL",
    "dd iflag=direct bs=4k count=1 if=never-read, INT",
    "dd iflag=direct bs=4k count=1 if=never-read, KILL"
  })
  void aProgramThatWaitsInVainEndsWithASignal(String command, String signal) throws Exception {
    // One reader stands for no asynchronous direct I/O too, which would not listen to signals.
    try (MountedServer silent =
        MountedServer.start(MountedServer.Settings.of("direct").withReaders(1))) {
      silent.output("echo data > made; mv made never-read; ln never-read never-opened");
      // What a shell starts in the background ignores SIGINT, and so would this program.
      Process program =
          new ProcessBuilder(("env --default-signal=INT " + command).split(" "))
              .directory(silent.mountPoint().toFile())
              .redirectErrorStream(true)
              .start();
      assertThat(silent.nextLine()).isEqualTo("waiting");

      long start = System.nanoTime();
      new ProcessBuilder("kill", "-" + signal, Long.toString(program.pid())).start().waitFor();
      assertThat(program.waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(1));
      assertThat(silent.output("echo on > on; cat on")).isEqualTo("on");
    }
  }

  @Test
  void signalsThatAProgramHandlesDoNotReachItsFileCalls() throws Exception {
    String answer =
        server()
            .python(
                """
                import ctypes, errno, signal
                open('made', 'w').close()
                os.rename('made', 'interruptible')
                libc = ctypes.CDLL(None, use_errno=True)
                arrived = [0]
                def handler(number, frame): arrived[0] += 1
                signal.signal(signal.SIGALRM, handler)
                signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
                failures = []
                for i in range(30):
                  file = libc.open(b'interruptible', os.O_RDONLY)
                  if file < 0: failures.append(errno.errorcode[ctypes.get_errno()])
                  else: os.close(file)
                signal.setitimer(signal.ITIMER_REAL, 0)
                print(sorted(set(failures)), arrived[0] > 10)
                """);
    assertThat(answer).isEqualTo("[] True");
  }

  @Test
  void aKilledServerLeavesADeadMountThatCanBeRemoved() throws Exception {
    try (MountedServer victim = MountedServer.start("direct")) {
      Path mountPoint = victim.mountPoint();
      assertThat(DeadMounts.stateOf(mountPoint)).isEqualTo(DeadMounts.State.ALIVE);
      assertThat(DeadMounts.cleanUp(mountPoint)).isZero();

      victim.process().destroyForcibly().waitFor();
      assertThat(victim.run("true").output()).contains("Transport endpoint is not connected");
      assertThat(DeadMounts.stateOf(mountPoint)).isEqualTo(DeadMounts.State.DEAD);

      assertThat(DeadMounts.cleanUp(mountPoint)).isEqualTo(1);
      assertThat(DeadMounts.stateOf(mountPoint)).isEqualTo(DeadMounts.State.NOT_MOUNTED);
      assertThat(victim.isMounted()).isFalse();
    }
  }

  @Test
  void aStoppedServerCountsAsHangingAndIsLeftAlone() throws Exception {
    try (MountedServer stopped = MountedServer.start("direct")) {
      String pid = Long.toString(stopped.process().pid());
      new ProcessBuilder("kill", "-STOP", pid).start().waitFor();
      try {
        assertThat(DeadMounts.stateOf(stopped.mountPoint())).isEqualTo(DeadMounts.State.HANGING);
        assertThat(DeadMounts.cleanUp(stopped.mountPoint())).isZero();
      } finally {
        new ProcessBuilder("kill", "-CONT", pid).start().waitFor();
      }
      assertThat(stopped.output("echo x > f; cat f")).isEqualTo("x");
    }
  }

  @Test
  void unmountRefusesWhileInUseAndDetachDoesNot() throws Exception {
    try (MountedServer busy = MountedServer.start("direct")) {
      Process user = busy.startProgram("exec 3> held; echo ready; read line; echo still here >&3");
      assertThat(user.inputReader().readLine()).isEqualTo("ready");
      assertThat(busy.command("unmount")).contains("busy");
      assertThat(busy.isMounted()).isTrue();

      assertThat(busy.command("detach")).isEqualTo("done");
      assertThat(busy.isMounted()).isFalse();
      assertThat(busy.process().isAlive()).isTrue();
      user.outputWriter().append("\n").close();
      assertThat(user.waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(user.exitValue()).isZero();
      assertThat(busy.process().waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(busy.process().exitValue()).isZero();
    }
  }

  @Test
  void theServerEndsWhenSomebodyElseUnmounts() throws Exception {
    try (MountedServer unmounted = MountedServer.start("direct")) {
      assertThat(unmounted.output("echo x > f; cat f")).isEqualTo("x");
      assertThat(new ProcessBuilder("umount", unmounted.mountPoint().toString()).start().waitFor())
          .isZero();
      assertThat(unmounted.process().waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(unmounted.process().exitValue()).isZero();
    }
  }

  @Test
  void mountingTwiceIsRefused() throws Exception {
    assertThat(MountedServer.refusal(MountedServer.Settings.of("direct", server().mountPoint())))
        .contains("is a mount of under-test already");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void anyNumberOfReadersServes(int readers) throws Exception {
    try (MountedServer mounted =
        MountedServer.start(MountedServer.Settings.of("direct").withReaders(readers))) {
      assertThat(
              mounted.output(
                  "for p in 1 2 3 4; do (for i in $(seq 50); do echo $i > f$p-$i; done) & done;"
                      + " wait; ls | wc -l"))
          .isEqualTo("200");
      assertThat(mounted.command("unmount")).isIn("done", "null");
    }
  }

  @Test
  void cachingKeepsTheContract() throws Exception {
    try (MountedServer mounted =
        MountedServer.start(MountedServer.Settings.of("direct").withTimeoutMillis(1000))) {
      assertThat(
              mounted.output(
                  "echo one > a; cat a; mv a b; cat b; test ! -e a; echo two >> b; cat b; rm b; ls"))
          .isEqualTo("one\none\none\ntwo");
    }
  }
}
