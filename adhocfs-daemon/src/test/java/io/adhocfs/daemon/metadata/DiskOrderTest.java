package io.adhocfs.daemon.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsError;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskOrderTest {
  @TempDir Path directory;

  private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor();

  /** Syncs that were asked for and have not run. */
  private final ArrayDeque<Runnable> syncs = new ArrayDeque<>();

  /** What has been told, by the metadata thread. */
  private final List<String> told = new ArrayList<>();

  private boolean kept = true;
  private boolean full;

  @SuppressWarnings("NullAway.Init")
  private RocksSlotStore database;

  @SuppressWarnings("NullAway.Init")
  private DiskOrder order;

  @BeforeEach
  void open() throws Exception {
    database = new RocksSlotStore(directory.resolve("metadata"), 1L << 30);
    order =
        new DiskOrder(
            new MetadataThread(executor, () -> false, System::nanoTime),
            new MetadataStore(
                database, NumberLimit.open(SmallFile.at(directory.resolve(NumberLimit.FILE_NAME)))),
            sync -> {
              if (full) {
                throw new RejectedExecutionException("full");
              }
              syncs.add(sync);
            },
            () -> kept);
  }

  @AfterEach
  void close() {
    executor.close();
    database.close();
  }

  /** Asks on the metadata thread, and lets it come to rest. */
  private void then(String step) throws Exception {
    onThread(() -> order.then(error -> told.add(step + (error == null ? "" : error.error()))));
  }

  private void onThread(Runnable action) throws Exception {
    Object _ = executor.submit(action).get();
    // What that has handed to the thread.
    Object _ = executor.submit(() -> {}).get();
  }

  @Test
  void stepsWaitForASyncThatBeginsAfterThem() throws Exception {
    then("a");
    then("b");
    then("c");
    assertThat(told).isEmpty();
    assertThat(syncs).hasSize(1);
    onThread(syncs.remove());
    assertThat(told).containsExactly("a");
    assertThat(syncs).as("one for the two who came meanwhile").hasSize(1);
    onThread(syncs.remove());
    assertThat(told).containsExactly("a", "b", "c");
    assertThat(syncs).isEmpty();
  }

  @Test
  void aStepThatFailsKeepsNoOtherFromGoingOn() throws Exception {
    then("a");
    onThread(() ->
        order.then(_ -> {
          throw new IllegalStateException("planted");
        }));
    then("b");
    onThread(syncs.remove());
    onThread(syncs.remove());
    assertThat(told).containsExactly("a", "b");
  }

  @Test
  void nobodyWaitsWhereTheOrderIsNotKept() throws Exception {
    kept = false;
    then("a");
    assertThat(told).containsExactly("a");
    assertThat(syncs).isEmpty();
  }

  @Test
  void whoeverCannotBeSyncedIsTold() throws Exception {
    full = true;
    then("a");
    assertThat(told).containsExactly("a" + FsError.OVERLOADED);
    full = false;
    then("b");
    onThread(syncs.remove());
    assertThat(told).containsExactly("a" + FsError.OVERLOADED, "b");
  }
}
