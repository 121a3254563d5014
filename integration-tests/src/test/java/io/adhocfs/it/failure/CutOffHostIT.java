package io.adhocfs.it.failure;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.Hosts;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.posix.LockProgram;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * One of four hosts is cut off from the others for two leases. Sessions of all mounts end at nodes
 * that did not hear of them: what was open or locked there is lost, everything else goes on, and no
 * mount has to be mounted anew.
 */
@Timeout(300)
class CutOffHostIT {
  private static final int HOSTS = 4;
  private static final int CUT_OFF = 3;
  private static final Duration LEASE = Duration.ofSeconds(4);
  private static final Duration CUT = LEASE.multipliedBy(2);

  /** Twice the lease, and something for machines that are busy. */
  private static final Duration GIVEN_ON_MAX = Duration.ofSeconds(16);

  private final List<LockProgram> programs = new ArrayList<>();

  private static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }

  /** For each node a directory that it keeps, so that what is made in it is the node's too. */
  private static List<Path> directoriesByNode(Hosts hosts, Path mount) throws Exception {
    String said = hosts.bash(0, "cd %s; mkdir d{1..60}; stat -c '%%i %%n' d*".formatted(mount));
    var directories = new Path[HOSTS];
    for (String line : said.lines().toList()) {
      int space = line.indexOf(' ');
      // At first, node k has the slots that k is the rest of.
      int node = (int) ((Long.parseUnsignedLong(line.substring(0, space)) >>> 48) % HOSTS);
      if (directories[node] == null) {
        directories[node] = mount.resolve(line.substring(space + 1));
      }
    }
    assertThat(directories).doesNotContainNull();
    return List.of(directories);
  }

  /** What the mount of a host has said. */
  private static String mountLog(Hosts hosts, TestInstance instance, int host) throws Exception {
    String prefix = " " + hosts.address(host) + ":";
    String listed = instance.adhocfs("logs").expectSuccess().output();
    String line =
        listed
            .lines()
            .filter(each -> each.startsWith("mount ") && each.contains(prefix))
            .findFirst()
            .orElseThrow(() -> new AssertionError("no mount on host " + host + ": " + listed));
    return hosts.on(host, "cat " + line.substring(line.indexOf(prefix) + prefix.length()));
  }

  @Test
  void whatWasHeldAtNodesThatDidNotHearOfItIsLostAndTheRestGoesOn() throws Exception {
    try (Hosts hosts = Hosts.make(256, 256, 256, 256)) {
      Path mount = hosts.disk().resolve("mnt");
      try (TestInstance instance =
          TestInstance.up(
              hosts,
              hosts.file(0, 1, 2, 3),
              "--set",
              "client.lease=" + LEASE.toSeconds() + "s",
              "--mount",
              mount.toString())) {
        try {
          cutOff(hosts, instance, mount);
        } finally {
          programs.forEach(LockProgram::close);
        }
      }
    }
  }

  private LockProgram program(Hosts hosts, TestInstance instance, int host, Path file)
      throws Exception {
    Path source = instance.scratch().resolve("program-" + programs.size() + ".py");
    var program = new LockProgram(hosts, host, source, file);
    programs.add(program);
    return program;
  }

  private void cutOff(Hosts hosts, TestInstance instance, Path mount) throws Exception {
    List<Path> directories = directoriesByNode(hosts, mount);
    Path contended = directories.get(1).resolve("contended");
    // Files of nodes that stay together, on hosts that do.
    LockProgram near = program(hosts, instance, 0, directories.get(1).resolve("near"));
    near.does("write f 0 first");
    near.does("posix f ex 0 0");
    LockProgram wide = program(hosts, instance, 0, directories.get(1).resolve("wide"));
    wide.does("fill f 4");
    LockProgram maker = program(hosts, instance, 2, directories.get(2).resolve("made"));
    // A file of the node that is cut off, on another host.
    LockProgram lost = program(hosts, instance, 0, directories.get(CUT_OFF).resolve("lost"));
    lost.does("write f 0 first");
    lost.does("posix f ex 0 0");
    // On the host that is cut off: a file of its own node, and one of another.
    LockProgram own = program(hosts, instance, CUT_OFF, directories.get(CUT_OFF).resolve("own"));
    own.does("write f 0 first");
    own.does("posix f ex 0 0");
    LockProgram away = program(hosts, instance, CUT_OFF, contended);
    away.does("write f 0 first");
    away.does("posix f ex 0 0");
    LockProgram heir = program(hosts, instance, 1, contended);
    heir.begins("posix f ex 0 0 wait");
    heir.waits();

    long cutNanos = System.nanoTime();
    hosts.setPlugged(CUT_OFF, false);
    away.begins("write f 0 AAAAA");
    wide.begins("fill f 4");
    int rounds = 0;
    while (since(cutNanos).compareTo(CUT) < 0) {
      near.does("write f 0 round" + rounds);
      assertThat(near.says("read f 0 100")).isEqualTo("round" + rounds);
      Path made = directories.get(rounds % CUT_OFF).resolve("made-" + rounds);
      maker.does("open n " + made);
      maker.does("write n 0 made");
      maker.does("flock n ex");
      maker.does("close n");
      own.does("write f 0 round" + rounds);
      assertThat(own.says("read f 0 100")).isEqualTo("round" + rounds);
      rounds++;
    }
    assertThat(heir.answer()).isEqualTo("ok");
    Duration given = since(cutNanos);
    heir.does("write f 0 other");
    hosts.setPlugged(CUT_OFF, true);
    long pluggedNanos = System.nanoTime();
    System.out.printf(
        "lock given on at the latest %d ms after the cut, %d rounds meanwhile%n",
        given.toMillis(), rounds);
    assertThat(given).isBetween(LEASE, GIVEN_ON_MAX);

    // Whoever had to do with other nodes alone was held up at most.
    assertThat(wide.answer()).isEqualTo("ok");
    System.out.printf("the wide file goes on after %d ms%n", since(pluggedNanos).toMillis());
    assertThat(wide.says("letters f")).isEqualTo("u:" + (4 << 20));
    near.does("write f 0 near");
    near.does("posix f un 0 0");
    own.does("write f 0 own");
    assertThat(own.says("read f 0 3")).isEqualTo("own");
    own.does("posix f un 0 0");

    // The old holder of the lock has written nothing since, and writes nothing now.
    assertThat(away.answer()).isEqualTo("EIO");
    System.out.printf("its old holder hears of it after %d ms%n", since(pluggedNanos).toMillis());
    for (String order :
        List.of("write f 0 AAAAA", "cut f 0", "read f 0 5", "posix f ex 0 0", "flock f ex")) {
      assertThat(away.says(order)).as(order).isEqualTo("EIO");
    }
    assertThat(heir.says("read f 0 100")).isEqualTo("other");
    away.does("open n " + contended);
    assertThat(away.says("read n 0 100")).isEqualTo("other");
    assertThat(away.says("posix n ex 0 0")).isEqualTo("EAGAIN");
    heir.does("posix f un 0 0");
    away.does("posix n ex 0 0 wait");
    away.does("write n 0 third");
    assertThat(heir.says("read f 0 100")).isEqualTo("third");
    assertThat(away.says("write f 0 AAAAA")).isEqualTo("EIO");
    assertThat(heir.says("posix f ex 0 0")).isEqualTo("EAGAIN");

    // And so it is with the file of the node that was cut off.
    for (String order : List.of("write f 0 AAAAA", "read f 0 5", "posix f ex 0 0")) {
      assertThat(lost.says(order)).as(order).isEqualTo("EIO");
    }
    lost.does("posix f un 0 0");
    lost.does("open n " + directories.get(CUT_OFF).resolve("lost"));
    assertThat(lost.says("read n 0 100")).isEqualTo("first");
    lost.does("posix n ex 0 0");
    lost.does("write n 0 again");

    for (int host = 0; host < HOSTS; host++) {
      for (Path directory : directories) {
        hosts.bash(
            host,
            """
            cd %1$s
            echo %2$d > after-%2$d
            mkdir new-%2$d
            mv after-%2$d new-%2$d/file
            [ $(cat new-%2$d/file) = %2$d ]
            head -c 3000000 /dev/zero > wide-%2$d
            [ $(cat wide-%2$d | wc -c) = 3000000 ]
            rm wide-%2$d
            """
                .formatted(directory, host));
      }
    }
    String said = mountLog(hosts, instance, 0);
    assertThat(said)
        .contains("has ended at node n" + CUT_OFF)
        .contains("(open files: 1, locks: 1)")
        .contains("a new session");
    assertThat(mountLog(hosts, instance, CUT_OFF))
        .contains("has ended at node n0")
        .contains("has ended at node n1")
        .doesNotContain("has ended at node n" + CUT_OFF);
    programs.forEach(LockProgram::close);
    instance.verify();
    System.out.printf("all of it %d ms after the cut%n", since(cutNanos).toMillis());
  }
}
