package io.adhocfs.client.routing;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.wire.DataRequest;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class UnsyncedTest {
  private static final NodeId NODE = new NodeId(3);
  private static final FileLayout LAYOUT = new FileLayout(4096, 0, 1, 0, false);

  private final Unsynced unsynced = new Unsynced();

  private void write(long inode) {
    unsynced.sent(new DataRequest.WriteChunks(new InodeId(inode), LAYOUT, 0, List.of()));
  }

  /** What a sync fails with, or null. */
  private @Nullable FsError sync(long inode, Runnable meanwhile) throws InterruptedException {
    try {
      unsynced
          .sync(
              new InodeId(inode),
              () -> {
                meanwhile.run();
                return CompletableFuture.completedFuture(null);
              })
          .get();
      return null;
    } catch (ExecutionException e) {
      assertThat(e.getCause()).hasMessageContaining("n3").hasMessageContaining("inode " + inode);
      return FsException.of(e).error();
    }
  }

  private @Nullable FsError sync(long inode) throws InterruptedException {
    return sync(inode, () -> {});
  }

  @Test
  void aSyncSaysOnceThatWritesBeforeAFailureMayBeLost() throws Exception {
    unsynced.met(NODE, 1);
    write(7);
    unsynced.met(NODE, 2);
    assertThat(sync(8)).as("nothing of it was written").isNull();
    assertThat(sync(7)).isEqualTo(FsError.STORAGE_FAILED);
    assertThat(sync(7)).isNull();
  }

  @Test
  void whatWasSyncedBeforeAFailureIsThere() throws Exception {
    unsynced.met(NODE, 1);
    write(7);
    assertThat(sync(7)).isNull();
    unsynced.met(NODE, 2);
    assertThat(sync(7)).isNull();
  }

  @Test
  void aProcessThatStartsAnewLosesNothing() throws Exception {
    unsynced.met(NODE, 1);
    write(7);
    unsynced.met(NODE, 1);
    assertThat(sync(7)).isNull();
  }

  @Test
  void theMapTellsOfANodeThatHasLeft() throws Exception {
    unsynced.met(NODE, 1);
    write(7);
    var gone = new Node(NODE, "host", 1, "", Node.incarnation(2, 5), NodeState.GONE);
    var left = new Node(new NodeId(4), "host", 2, "", 1, NodeState.ACTIVE);
    unsynced.follow(ClusterMap.initial(List.of(gone, left)));
    assertThat(sync(7)).isEqualTo(FsError.STORAGE_FAILED);
  }

  @Test
  void anOlderMapTellsNothing() throws Exception {
    unsynced.met(NODE, 2);
    write(7);
    unsynced.follow(
        ClusterMap.initial(List.of(new Node(NODE, "host", 1, "", 1, NodeState.ACTIVE))));
    assertThat(sync(7)).isNull();
  }

  @Test
  void aFailureDuringTheSyncIsSaid() throws Exception {
    unsynced.met(NODE, 1);
    write(7);
    assertThat(sync(7, () -> unsynced.met(NODE, 2))).isEqualTo(FsError.STORAGE_FAILED);
  }

  @Test
  void aWriteDuringASyncBelongsToTheNext() throws Exception {
    unsynced.met(NODE, 1);
    write(7);
    assertThat(sync(7, () -> write(7))).isNull();
    unsynced.met(NODE, 2);
    assertThat(sync(7)).isEqualTo(FsError.STORAGE_FAILED);
  }

  @Test
  void ofTooManyInodesAllMayHaveLostSomething() throws Exception {
    unsynced.met(NODE, 1);
    for (int inode = 1; inode < 70_000; inode++) {
      write(inode);
    }
    unsynced.met(NODE, 2);
    assertThat(sync(69_999)).as("one that found no room").isEqualTo(FsError.STORAGE_FAILED);
  }
}
