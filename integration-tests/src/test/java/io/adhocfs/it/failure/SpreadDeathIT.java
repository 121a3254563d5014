package io.adhocfs.it.failure;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.placement.Placement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Daemons that die as if killed while a directory is being spread, and are started again. Whoever
 * makes entries meanwhile waits and is told success; afterwards each entry is there once, the
 * directory is spread, and nothing that was staged is left.
 */
class SpreadDeathIT {
  private static final int NODES = 4;
  private static final int SPREAD_ENTRIES = 100;
  private static final int ENTRIES = 150;
  private static final int HOME = 1;
  private static final Owner OWNER = new Owner(1000, 1000);

  private static MortalInstance instance;

  @BeforeAll
  static void up() throws Exception {
    instance = MortalInstance.up(NODES, "--set", "directory.spread-entries=" + SPREAD_ENTRIES);
  }

  @AfterAll
  static void down() throws Exception {
    instance.close();
  }

  @ParameterizedTest
  @CsvSource({
    "1, SPREAD_AFTER_BEGIN",
    "1, SPREAD_AFTER_ENTRIES",
    "1, COORDINATOR_AFTER_PREPARE",
    "1, COORDINATOR_BEFORE_DECISION",
    "1, COORDINATOR_AFTER_DECISION",
    "2, STAGING_AFTER_BEGIN",
    "3, STAGING_AFTER_ENTRIES",
    "2, PARTICIPANT_AFTER_PREPARED",
    "3, PARTICIPANT_BEFORE_APPLY",
    "0, PARTICIPANT_AFTER_APPLY",
  })
  void aDeathWhileADirectoryIsSpreadLosesAndLeavesNothing(int node, CrashPoint point)
      throws Exception {
    String name = nameOfDirectoryAtHome(point + "-" + node);
    InodeId directory =
        instance
            .client()
            .inodes()
            .makeDirectory(InodeId.ROOT, EntryName.ofText(name), 0755, OWNER)
            .get()
            .id();
    instance.arm(Map.of(node, point.name()));
    List<CompletableFuture<?>> creates = new ArrayList<>();
    for (int i = 0; i < ENTRIES; i++) {
      creates.add(create(directory, i));
    }
    MortalInstance.await(
        "the death of n" + node,
        () -> {
          // A spreading that does not reach a node that was just started is tried again later.
          if (creates.getLast().isDone()) {
            creates.add(create(directory, creates.size()));
          }
          return instance.isDead(node);
        });
    assertThat(instance.startDead()).containsExactly(node);
    for (CompletableFuture<?> create : creates) {
      MortalInstance.expectSuccess(create);
    }
    // One that failed is tried again with the next entry, after a while.
    int[] made = {creates.size()};
    MortalInstance.await(
        "the directory to be spread",
        () -> {
          MortalInstance.expectSuccess(create(directory, made[0]++));
          return attributes(directory).partitionExponent() > 0;
        });
    instance.awaitQuiet();
    Set<String> names = new TreeSet<>();
    List<String> listed = new ArrayList<>();
    var listing = instance.client().list(AdhocPath.ofText("/" + name), false);
    for (DirectoryItem item = listing.next(); item != null; item = listing.next()) {
      listed.add(item.name().toString());
    }
    names.addAll(listed);
    assertThat(listed).hasSize(made[0]);
    assertThat(names).hasSize(made[0]);
    assertThat(attributes(directory).sizeBytes()).isEqualTo(made[0]);
    instance.verify();
  }

  private static CompletableFuture<?> create(InodeId directory, int i) throws FsException {
    return instance
        .client()
        .inodes()
        .create(directory, EntryName.ofText("f" + i), NewInode.regularFile(0644, OWNER));
  }

  private static FileAttributes attributes(InodeId directory) throws Exception {
    return instance.client().inodes().getAttributes(directory).get();
  }

  private static String nameOfDirectoryAtHome(String prefix) throws FsException {
    for (int i = 0; ; i++) {
      String name = prefix + "-" + i;
      if (instance.owner(Placement.newDirectorySlot(InodeId.ROOT, EntryName.ofText(name)))
          == HOME) {
        return name;
      }
    }
  }
}
