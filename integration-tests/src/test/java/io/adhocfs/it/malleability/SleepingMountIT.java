package io.adhocfs.it.malleability;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.Processes;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.posix.LockProgram;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A mount is stopped while its instance grows and then moves to wholly other nodes. */
@Timeout(300)
class SleepingMountIT {
  private static final Duration SHORT_LEASE = Duration.ofSeconds(3);

  /** What a lease is taken to be over after, for sure. */
  private static final Duration OVER = SHORT_LEASE.multipliedBy(4);

  private static void growAndMove(TestInstance instance) throws Exception {
    instance.adhocfs("expand", "--nodes", "1", "--wait").expectSuccess();
    instance.adhocfs("relocate", "--nodes", "2", "--wait").expectSuccess();
  }

  @Test
  void withinItsLeaseItGoesOn() throws Exception {
    try (TestInstance instance = TestInstance.up(2, "--set", "client.lease=120s")) {
      Path mount = instance.mount();
      Path other = instance.mount();
      try (LockProgram holder = new LockProgram(mount.resolve("file"));
          LockProgram waiting = new LockProgram(other.resolve("file"))) {
        holder.does("write f 0 first");
        holder.does("posix f ex 0 0");
        ProcessHandle process = instance.mountProcess(mount);
        Processes.signal(process, "STOP");
        try {
          waiting.begins("posix f ex 0 0 wait");
          growAndMove(instance);
          waiting.waits();
        } finally {
          Processes.signal(process, "CONT");
        }
        assertThat(holder.says("read f 0 100")).isEqualTo("first");
        holder.does("write f 0 again");
        waiting.waits();
        holder.does("posix f un 0 0");
        assertThat(waiting.answer()).isEqualTo("ok");
        assertThat(waiting.says("read f 0 100")).isEqualTo("again");
      }
      instance.verify();
    }
  }

  @Test
  void beyondItsLeaseWhatItHadOpenIsLostAndTheRestGoesOn() throws Exception {
    try (TestInstance instance =
        TestInstance.up(2, "--set", "client.lease=" + SHORT_LEASE.toSeconds() + "s")) {
      Path mount = instance.mount();
      Path other = instance.mount();
      try (LockProgram holder = new LockProgram(mount.resolve("file"));
          LockProgram heir = new LockProgram(other.resolve("file"))) {
        holder.does("write f 0 first");
        holder.does("posix f ex 0 0");
        ProcessHandle process = instance.mountProcess(mount);
        long stopped = System.nanoTime();
        Processes.signal(process, "STOP");
        try {
          growAndMove(instance);
          // The mount sleeps for longer than its lease: time itself is the subject.
          LockSupport.parkNanos(OVER.toNanos() - (System.nanoTime() - stopped));
          heir.does("posix f ex 0 0 wait");
          heir.does("write f 0 other");
          // This one waits in the kernel and is the first that the mount sees.
          holder.begins("write f 0 AAAAA");
        } finally {
          Processes.signal(process, "CONT");
        }
        assertThat(holder.answer()).isEqualTo("EIO");
        assertThat(holder.says("read f 0 5")).isEqualTo("EIO");
        assertThat(holder.says("posix f ex 0 0")).isEqualTo("EIO");
        assertThat(heir.says("read f 0 100")).isEqualTo("other");
        assertThat(instance.bash(mount, "cat file")).isEqualTo("other");
        holder.does("open again " + mount.resolve("file"));
        heir.does("posix f un 0 0");
        holder.does("posix again ex 0 0 wait");
        holder.does("write again 0 third");
        assertThat(holder.says("write f 0 AAAAA")).isEqualTo("EIO");
        assertThat(heir.says("read f 0 100")).isEqualTo("third");
      }
      instance.bash(mount, "echo new > new && mkdir directory && cat file");
      instance.verify();
    }
  }
}
