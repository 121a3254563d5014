package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

/** Locks of programs on two mounts of three daemons. */
class LocksIT {
  private static final int NODES = 3;

  private static TestInstance instance;
  private static Path first;
  private static Path second;

  private final List<LockProgram> programs = new ArrayList<>();
  private String name = "";

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(NODES);
    first = instance.mount();
    second = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    instance.close();
  }

  @BeforeEach
  void nameTheFile(TestInfo test) {
    name = test.getTestMethod().orElseThrow().getName();
  }

  @AfterEach
  void endPrograms() {
    programs.forEach(LockProgram::close);
  }

  private LockProgram program(Path mountPoint) throws Exception {
    return program(mountPoint, name);
  }

  private LockProgram program(Path mountPoint, String file) throws Exception {
    var program = new LockProgram(mountPoint.resolve(file));
    programs.add(program);
    return program;
  }

  @Test
  void exclusiveLocksExcludeAndSharedOnesDoNot() throws Exception {
    LockProgram here = program(first);
    LockProgram there = program(second);
    LockProgram besides = program(first);
    for (String kind : List.of("posix", "ofd")) {
      here.does(kind + " f ex 0 10");
      assertThat(there.says(kind + " f ex 9 1")).isEqualTo("EAGAIN");
      assertThat(there.says(kind + " f sh 0 0")).isEqualTo("EAGAIN");
      assertThat(besides.says(kind + " f sh 0 1")).isEqualTo("EAGAIN");
      there.does(kind + " f ex 10 5");
      here.does(kind + " f sh 0 10");
      there.does(kind + " f sh 0 10");
      assertThat(here.says(kind + " f ex 0 1")).isEqualTo("EAGAIN");
      there.does(kind + " f un 0 0");
      here.does(kind + " f ex 0 0");
      here.does(kind + " f un 0 0");
    }
    here.does("flock f sh");
    there.does("flock f sh");
    assertThat(besides.says("flock f ex")).isEqualTo("EAGAIN");
    there.does("flock f un");
    assertThat(besides.says("flock f ex")).isEqualTo("EAGAIN");
    // The two families do not see each other.
    besides.does("posix f ex 0 0");
    here.does("flock f ex");
    assertThat(there.says("flock f sh")).isEqualTo("EAGAIN");
  }

  @Test
  void locksOfProcessesAndOfOpenFileDescriptionsExcludeEachOther() throws Exception {
    LockProgram here = program(first);
    LockProgram there = program(second);
    here.does("open g " + first.resolve(name));
    here.does("ofd f ex 0 1");
    assertThat(here.says("ofd g ex 0 1")).isEqualTo("EAGAIN");
    assertThat(here.says("posix f ex 0 1")).isEqualTo("EAGAIN");
    assertThat(there.says("posix f ex 0 1")).isEqualTo("EAGAIN");
    // Only the last descriptor takes it along, whatever else the process closes.
    here.does("dup h f");
    here.does("close f");
    here.does("close g");
    assertThat(there.says("ofd f ex 0 1")).isEqualTo("EAGAIN");
    here.does("close h");
    there.does("ofd f ex 0 1 wait");
  }

  @Test
  void aProcessLosesItsRangesAtAnyCloseAndItsFlockAtTheLast() throws Exception {
    LockProgram here = program(first);
    LockProgram there = program(second);
    here.does("open g " + first.resolve(name));
    here.does("posix f ex 0 0");
    here.does("flock f ex");
    here.does("dup h f");
    here.does("close g");
    there.does("posix f ex 0 0");
    here.does("close f");
    assertThat(there.says("flock f sh")).isEqualTo("EAGAIN");
    here.does("close h");
    there.does("flock f sh wait");
  }

  @Test
  void rangesAreSplitAndJoined() throws Exception {
    LockProgram here = program(first);
    LockProgram there = program(second);
    here.does("posix f ex 0 100");
    here.does("posix f sh 40 20");
    here.does("posix f un 10 10");
    assertThat(there.says("test f posix ex 0 0")).isEqualTo("ex 0 10 0");
    assertThat(there.says("test f posix ex 10 0")).isEqualTo("ex 20 20 0");
    assertThat(there.says("test f posix sh 40 0")).isEqualTo("ex 60 40 0");
    assertThat(there.says("test f posix ex 40 1")).isEqualTo("sh 40 20 0");
    assertThat(there.says("test f posix ex 10 10")).isEqualTo("un");
    assertThat(there.says("test f posix ex 100 0")).isEqualTo("un");
    here.does("posix f ex 10 0");
    assertThat(there.says("test f posix ex 5 1")).isEqualTo("ex 0 0 0");
  }

  @Test
  void theHolderIsNamedOnItsOwnMount() throws Exception {
    LockProgram here = program(first);
    LockProgram besides = program(first);
    LockProgram there = program(second);
    here.does("posix f ex 7 3");
    assertThat(besides.says("test f posix sh 0 0")).isEqualTo("ex 7 3 " + here.pid());
    assertThat(there.says("test f posix sh 0 0")).isEqualTo("ex 7 3 0");
    assertThat(here.says("test f posix ex 0 0")).isEqualTo("un");
  }

  @Test
  void thoseWhoWaitAreServedInTheirOrder() throws Exception {
    for (String kind : List.of("posix f %s 0 0", "ofd f %s 0 0", "flock f %s")) {
      LockProgram holder = program(first);
      holder.does(kind.formatted("ex"));
      List<LockProgram> waiting = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        LockProgram program = program(i % 2 == 0 ? second : first);
        program.begins(kind.formatted("ex") + " wait");
        program.waits();
        waiting.add(program);
      }
      LockProgram last = holder;
      for (int i = 0; i < waiting.size(); i++) {
        last.does(kind.formatted("un"));
        assertThat(waiting.get(i).answer()).isEqualTo("ok");
        for (LockProgram other : waiting.subList(i + 1, waiting.size())) {
          other.waits();
        }
        last = waiting.get(i);
      }
      last.does(kind.formatted("un"));
    }
  }

  @Test
  void aConversionOfAFlockGivesUpTheOldOneFirst() throws Exception {
    LockProgram here = program(first);
    LockProgram there = program(second);
    here.does("flock f sh");
    there.does("flock f sh");
    here.begins("flock f ex wait");
    here.waits();
    // As the other has given up its shared lock, this is no deadlock.
    there.does("flock f ex wait");
    there.does("flock f sh");
    here.waits();
    there.does("flock f un");
    assertThat(here.answer()).isEqualTo("ok");
  }

  @Test
  void twoWhoWouldConvertTheSameRangeAreADeadlock() throws Exception {
    LockProgram here = program(first);
    LockProgram there = program(second);
    here.does("posix f sh 0 10");
    there.does("posix f sh 0 10");
    here.begins("posix f ex 0 10 wait");
    here.waits();
    assertThat(there.says("posix f ex 0 10 wait")).isEqualTo("EDEADLK");
    there.does("posix f un 0 10");
    assertThat(here.answer()).isEqualTo("ok");
  }

  /** Two files whose inodes lie at different nodes. */
  private List<String> filesOfTwoNodes() throws IOException {
    List<String> files = new ArrayList<>();
    List<Long> nodes = new ArrayList<>();
    for (int i = 0; files.size() < 2; i++) {
      Path directory = Files.createDirectory(first.resolve(name + i));
      Path file = Files.createFile(directory.resolve("f"));
      long node = ((long) Files.getAttribute(file, "unix:ino") >>> 48) % NODES;
      if (!nodes.contains(node)) {
        nodes.add(node);
        files.add(name + i + "/f");
      }
    }
    return files;
  }

  @Test
  void aDeadlockOverTwoNodesEndsTheYoungerWaitAlone() throws Exception {
    List<String> files = filesOfTwoNodes();
    LockProgram here = program(first, files.get(0));
    here.does("open g " + first.resolve(files.get(1)));
    LockProgram there = program(second, files.get(0));
    there.does("open g " + second.resolve(files.get(1)));
    for (int round = 0; round < 3; round++) {
      here.does("posix f ex 0 1");
      there.does("posix g ex 0 1");
      here.begins("posix g ex 0 1 wait");
      here.waits();
      long before = System.nanoTime();
      assertThat(there.says("posix f ex 0 1 wait")).isEqualTo("EDEADLK");
      assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(20));
      here.waits();
      there.does("posix g un 0 1");
      assertThat(here.answer()).isEqualTo("ok");
      here.does("posix f un 0 0");
      here.does("posix g un 0 0");
    }
  }

  @Test
  void aChainThatEndsIsNoDeadlock() throws Exception {
    List<String> files = filesOfTwoNodes();
    LockProgram a = program(first, files.get(0));
    a.does("open g " + first.resolve(files.get(1)));
    LockProgram b = program(second, files.get(0));
    b.does("open g " + second.resolve(files.get(1)));
    LockProgram c = program(second, files.get(1));
    a.does("posix f ex 0 1");
    c.does("posix f ex 0 1");
    a.begins("posix g ex 0 1 wait");
    b.begins("posix f ex 0 1 wait");
    a.waits();
    b.waits();
    a.waits();
    b.waits();
    c.does("posix f un 0 0");
    assertThat(a.answer()).isEqualTo("ok");
    a.does("posix f un 0 0");
    assertThat(b.answer()).isEqualTo("ok");
  }

  @Test
  void aSignalEndsTheWait() throws Exception {
    LockProgram here = program(first);
    LockProgram there = program(second);
    LockProgram next = program(second);
    for (String kind : List.of("posix f %s 0 0", "flock f %s")) {
      here.does(kind.formatted("ex"));
      there.begins(kind.formatted("ex") + " wait");
      there.waits();
      next.begins(kind.formatted("ex") + " wait");
      next.waits();
      there.signal("USR1");
      assertThat(there.answer()).isEqualTo("EINTR");
      // Nor has it left anything in the queue.
      here.does(kind.formatted("un"));
      assertThat(next.answer()).isEqualTo("ok");
      next.does(kind.formatted("un"));
      there.does(kind.formatted("ex"));
      there.does(kind.formatted("un"));
    }
  }

  @Test
  void aKilledProcessLeavesNeitherLocksNorItsPlaceInTheQueue() throws Exception {
    for (String kind : List.of("posix f %s 0 0", "ofd f %s 0 0", "flock f %s")) {
      LockProgram holder = program(first);
      LockProgram killed = program(second);
      LockProgram waiting = program(second);
      holder.does(kind.formatted("ex"));
      killed.begins(kind.formatted("ex") + " wait");
      killed.waits();
      waiting.begins(kind.formatted("ex") + " wait");
      waiting.waits();
      killed.kill();
      holder.kill();
      assertThat(waiting.answer()).isEqualTo("ok");
      waiting.does(kind.formatted("un"));
    }
  }

  @Test
  void locksOfAKilledMountAreFreeAfterTheLease() throws Exception {
    try (TestInstance short_ = TestInstance.up(NODES, "--set", "client.lease=6s")) {
      Path doomed = short_.mount();
      Path other = short_.mount();
      LockProgram holder = program(doomed);
      LockProgram waiting = program(other);
      holder.does("posix f ex 0 0");
      holder.does("flock f ex");
      waiting.begins("posix f sh 0 0 wait");
      waiting.waits();
      short_.killMount(doomed);
      waiting.waits();
      assertThat(waiting.answer()).isEqualTo("ok");
      waiting.does("flock f sh wait");
      waiting.close();
      holder.close();
      short_.adhocfs("umount", doomed.toString()).expectSuccess();
    }
  }

  @Test
  void heldLocksSurviveTheDeathOfTheDaemonsAndWaitsGoOn() throws Exception {
    LockProgram holder = program(first);
    LockProgram waiting = program(second);
    LockProgram third = program(second);
    holder.does("posix f ex 0 10");
    holder.does("posix f sh 20 10");
    holder.does("flock f ex");
    waiting.begins("posix f ex 5 1 wait");
    waiting.waits();
    for (int node = 0; node < NODES; node++) {
      instance.killDaemon(node);
    }
    instance.adhocfs("start").expectSuccess();
    assertThat(third.says("posix f sh 0 1")).isEqualTo("EAGAIN");
    assertThat(third.says("posix f ex 25 1")).isEqualTo("EAGAIN");
    third.does("posix f sh 20 10");
    third.does("posix f ex 10 10");
    assertThat(third.says("flock f sh")).isEqualTo("EAGAIN");
    waiting.waits();
    holder.does("posix f un 0 0");
    assertThat(waiting.answer()).isEqualTo("ok");
    holder.does("flock f un");
    third.does("flock f sh");
    instance.verify();
  }

  @Test
  void sqliteCountsRightFromBothMountsAtOnce() throws Exception {
    Files.createDirectory(first.resolve(name));
    instance.bash(
        instance.scratch(),
        """
        cat > count.py <<'EOF'
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1], timeout=300, isolation_level=None)
        for i in range(40):
            db.execute('begin immediate')
            (n,) = db.execute('select n from counter').fetchone()
            db.execute('update counter set n = ?', (n + 1,))
            db.execute('insert into log values (?, ?)', (sys.argv[2], i))
            db.execute('commit')
        EOF
        sqlite3 %1$s/db 'create table counter (n); insert into counter values (0);
            create table log (who, i, primary key (who, i));'
        for who in a b; do python3 count.py %1$s/db $who-here & python3 count.py %2$s/db $who-there & done
        for job in $(jobs -p); do wait $job; done
        [ "$(sqlite3 %1$s/db 'select n from counter')" = 160 ]
        [ "$(sqlite3 %2$s/db 'select count(*) from log')" = 160 ]
        [ "$(sqlite3 %2$s/db 'pragma integrity_check')" = ok ]
        """
            .formatted(first.resolve(name), second.resolve(name)));
  }
}
