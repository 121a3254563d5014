package io.adhocfs.daemon.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.settings.Settings;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What a node has begun in a slot ends with its ownership, also where the slot comes back. */
class LeftBehindTest {
  private static final int NAMES = 20;
  private static final long SECOND_NANOS = 1_000_000_000L;

  private final SimulatedInstance instance =
      new SimulatedInstance(
          new SplittableRandom(1),
          3,
          new Settings(Map.of("client.deadline", "0", "chunk.size", "4KiB", "inline.max", "0")),
          64 << 20);
  private final ClientProcess process = instance.newProcess();

  private static AdhocPath path(int number) throws FsException {
    return AdhocPath.ofText("/d" + number);
  }

  /** Gives the root's slot to a node, and the others as they were. */
  private void moveRootTo(int node) {
    short[] owners = instance.state().map().owners();
    var outcome =
        instance.decided(
            instance.rebalance(
                slot -> slot == 0 ? node : Short.toUnsignedInt(owners[slot]), List.of()));
    assertThat(outcome.accepted()).as(outcome.message()).isTrue();
    instance.time().until(() -> instance.state().rebalance() == null, "the root moves");
  }

  private interface Code {
    void run() throws FsException;
  }

  private void inProcess(Code code) {
    var done = new CompletableFuture<Boolean>();
    process.begin(() -> {
      try {
        code.run();
      } catch (FsException e) {
        throw new AssertionError(e);
      }
      done.complete(true);
    });
    instance.time().until(done::isDone, "the process has done it");
  }

  @Test
  void anOperationThatHasMovedOnDoesNotRunWhereItWasBegun() {
    instance.time().pass(SECOND_NANOS);
    int home = instance.state().map().ownerValue(0);
    int next = (home + 1) % 3;
    int cutOff = (home + 2) % 3;
    instance.network().separate("n" + home, "n" + cutOff, true);
    List<CompletableFuture<FileAttributes>> made = new ArrayList<>();
    inProcess(() -> {
      AdhocFileSystem fs = process.fileSystem();
      for (int i = 0; i < NAMES; i++) {
        made.add(fs.createDirectoryAsync(path(i), 0755));
      }
      process.pause(SECOND_NANOS);
    });
    assertThat(made)
        .as("some wait for the node that cannot be reached")
        .anyMatch(one -> !one.isDone());

    moveRootTo(next);
    inProcess(() -> {
      AdhocFileSystem fs = process.fileSystem();
      for (int i = 0; i < NAMES; i++) {
        process.await(made.get(i));
        process.await(fs.removeAsync(path(i)));
      }
    });
    moveRootTo(home);
    instance.network().joinAll();
    instance.time().pass(60 * SECOND_NANOS);

    var found = new AtomicInteger();
    inProcess(() -> {
      for (int i = 0; i < NAMES; i++) {
        try {
          process.await(process.fileSystem().statAsync(path(i)));
          found.incrementAndGet();
        } catch (FsException e) {
          assertThat(e.error()).isEqualTo(FsError.NOT_FOUND);
        }
      }
    });
    assertThat(found).hasValue(0);
    instance.settle();
    Inspection.requireSound(instance);
    instance.close();
  }

  @Test
  void aCutThatHasMovedOnIsNotDoneTwice() {
    instance.time().pass(SECOND_NANOS);
    int home = instance.state().map().ownerValue(0);
    int next = (home + 1) % 3;
    int cutOff = (home + 2) % 3;
    var cut = new AtomicReference<CompletableFuture<?>>();
    inProcess(() -> {
      OpenFile file = process.await(process.fileSystem().openAsync(path(0), OpenOptions.CREATE));
      process.await(file.writeAsync(0, ByteBuffer.allocate(10 * 4096)));
      instance.network().separate("n" + home, "n" + cutOff, true);
      cut.set(file.truncateAsync(1));
      process.pause(SECOND_NANOS);
    });
    assertThat(cut.get()).isNotDone();

    instance.network().separate("n" + next, "n" + cutOff, true);
    moveRootTo(next);
    moveRootTo(home);
    instance.time().pass(SECOND_NANOS);
    assertThat(instance.daemon(new NodeId(home)).pending()).isPositive();
    instance.network().joinAll();
    inProcess(() -> {
      process.await(cut.get());
      process.await(process.fileSystem().removeAsync(path(0)));
    });
    instance.settle();
    Inspection.requireSound(instance);
    instance.close();
  }
}
