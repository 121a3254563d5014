package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** What the owner of an inode does about its bytes, in the inode and in chunks of three nodes. */
class FileContentRequestsTest extends ServiceFixture {
  FileContentRequestsTest() throws FsException {
    super(3, Map.of("chunk.size", "4KiB", "inline.max", "100"));
  }

  @Test
  void inlineDataIsWrittenReadAndCut() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.nowNanos += 50_000;
    FileAttributes after = client.writeInline(file, 3, new byte[] {1, 2});
    assertThat(after).isEqualTo(client.attributes(file));
    assertThat(after.sizeBytes()).isEqualTo(5);
    assertThat(after.mtimeNanos()).isEqualTo(client.nowNanos);
    assertThat(after.dataVersion()).isEqualTo(1);
    assertThat(client.readInline(file)).containsExactly(0, 0, 0, 1, 2);
    client.writeInline(file, 0, new byte[] {9});
    assertThat(client.readInline(file)).containsExactly(9, 0, 0, 1, 2);
    assertThat(client.truncate(file, 4).sizeBytes()).isEqualTo(4);
    assertThat(client.truncate(file, 6).sizeBytes()).isEqualTo(6);
    assertThat(client.readInline(file)).containsExactly(9, 0, 0, 1, 0, 0);
    assertThat(errorOf(() -> client.writeInline(file, 100, new byte[] {1})))
        .isEqualTo(FsError.NOT_INLINE);
    assertThat(errorOf(() -> client.writeInline(file, Long.MAX_VALUE, new byte[] {1})))
        .isEqualTo(FsError.NOT_INLINE);
    assertThat(errorOf(() -> client.writeInline(file, -1, new byte[] {1})))
        .isEqualTo(FsError.INVALID);
    client.writeInline(file, 99, new byte[] {1});
    assertThat(client.truncate(file, 0).sizeBytes()).isZero();
    assertThat(client.readInline(file)).isEmpty();
    assertThat(errorOf(() -> client.readInline(ROOT))).isEqualTo(FsError.IS_DIRECTORY);
    client.unlink(ROOT, "f");
    inspection.requireSoundInTheEnd();
    assertThat(inspection.records(RecordKind.INLINE_DATA)).isZero();
  }

  @Test
  void leavingInlineFormMovesTheDataToTheFirstChunkOnce() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.writeInline(file, 0, new byte[] {1, 2, 3});
    FileAttributes left = client.leaveInline(file);
    assertThat(left.layout().inline()).isFalse();
    assertThat(left).isEqualTo(client.attributes(file));
    assertThat(chunk(left, 0)).containsExactly(1, 2, 3);
    assertThat(client.leaveInline(file)).isEqualTo(left);
    assertThat(client.readInline(file)).isEmpty();
    assertThat(errorOf(() -> client.writeInline(file, 0, new byte[] {1})))
        .isEqualTo(FsError.NOT_INLINE);
    assertThat(inspection.records(RecordKind.INLINE_DATA)).isZero();
    InodeId empty = client.create(ROOT, "empty");
    assertThat(client.leaveInline(empty).layout().inline()).isFalse();
    client.unlink(ROOT, "f");
    client.unlink(ROOT, "empty");
    inspection.requireSoundInTheEnd();
    assertThat(inspection.records(RecordKind.CHUNK)).isZero();
  }

  @Test
  void aFileThatFindsNoSpaceForItsFirstChunkStaysInline() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.writeInline(file, 0, new byte[] {1, 2, 3});
    instance.daemons().forEach(daemon -> daemon.disk().leaveRoom(0));
    // They look at their disks now and then.
    pass(SECOND_NANOS);
    assertThat(errorOf(() -> client.leaveInline(file))).isEqualTo(FsError.NO_SPACE);
    assertThat(client.readInline(file)).containsExactly(1, 2, 3);
    client.writeInline(file, 0, new byte[] {7});
    instance.daemons().forEach(daemon -> daemon.disk().resize(DISK_BYTES));
    pass(SECOND_NANOS);
    FileAttributes left = client.leaveInline(file);
    assertThat(chunk(left, 0)).containsExactly(7, 2, 3);
    inspection.requireSoundInTheEnd();
  }

  @Test
  void reportsGrowSizeAndTimesAndNeverTakeThemBack() throws FsException {
    FileAttributes file = chunkedFile("f", 2);
    assertThat(file.sizeBytes()).isEqualTo(2 * CHUNK);
    client.nowNanos += 80_000;
    long latest = client.nowNanos;
    FileAttributes later = client.reportWrite(file.id(), file.dataGeneration(), 10);
    assertThat(later.sizeBytes()).isEqualTo(2 * CHUNK);
    assertThat(later.mtimeNanos()).isEqualTo(latest);
    assertThat(later.dataVersion()).isEqualTo(file.dataVersion() + 1);
    client.nowNanos -= 10_000;
    FileAttributes behind = client.reportWrite(file.id(), file.dataGeneration(), 0);
    assertThat(behind.mtimeNanos()).isEqualTo(latest);
    assertThat(behind.ctimeNanos()).isEqualTo(latest);
    assertThat(errorOf(() -> client.reportWrite(file.id(), 99, 10))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> client.reportWrite(file.id(), 0, -1))).isEqualTo(FsError.INVALID);
    FileAttributes longest = client.reportWrite(file.id(), file.dataGeneration(), Long.MAX_VALUE);
    assertThat(longest.sizeBytes()).isEqualTo(Long.MAX_VALUE);
    assertThat(errorOf(() -> client.reportWrite(ROOT, 0, 1))).isEqualTo(FsError.IS_DIRECTORY);
    InodeId inline = client.create(ROOT, "inline");
    assertThat(errorOf(() -> client.reportWrite(inline, 0, 1))).isEqualTo(FsError.INVALID);
  }

  @Test
  void onlyAWriteBehindTheEndLeavesAHole() throws FsException {
    FileAttributes file = chunkedFile("f", 2);
    assertThat(file.mayHaveHoles()).isFalse();
    long generation = file.dataGeneration();
    file = client.reportWrite(file.id(), generation, 2 * CHUNK, 3 * CHUNK);
    assertThat(file.mayHaveHoles()).isFalse();
    file = client.reportWrite(file.id(), generation, CHUNK, 4 * CHUNK);
    assertThat(file.mayHaveHoles()).isFalse();
    file = client.reportWrite(file.id(), generation, 4 * CHUNK + 1, 5 * CHUNK);
    assertThat(file.mayHaveHoles()).isTrue();
    assertThat(file.sizeBytes()).isEqualTo(5 * CHUNK);
    InodeId id = file.id();
    assertThat(errorOf(() -> client.reportWrite(id, generation, -1, 6 * CHUNK)))
        .isEqualTo(FsError.INVALID);
  }

  @Test
  void aCutReachesEveryOwnerOfItsRangeBeforeItIsAnswered() throws FsException {
    FileAttributes file = chunkedFile("f", 7);
    FileAttributes cut = client.truncate(file.id(), CHUNK + 10);
    assertThat(cut.sizeBytes()).isEqualTo(CHUNK + 10);
    assertThat(cut.dataGeneration()).isEqualTo(DataGeneration.afterCut(file.dataGeneration()));
    assertThat(cut).isEqualTo(client.attributes(file.id()));
    assertThat(chunk(cut, 0)).hasSize(CHUNK);
    assertThat(chunk(cut, 1)).hasSize(10);
    assertThat(inspection.records(RecordKind.CHUNK)).isEqualTo(2);
    for (int i = 1; i < 7; i++) {
      assertThat(writeChunk(file, i, 1)).isEqualTo(Reply.Spans.OUTCOME_STALE);
    }
    assertThat(errorOf(() -> client.reportWrite(file.id(), file.dataGeneration(), 7 * CHUNK)))
        .isEqualTo(FsError.STALE_GENERATION);
    // Only the owners of a small range are asked.
    List<Integer> before = discards();
    client.truncate(file.id(), CHUNK + 5);
    assertThat(discardsSince(before)).containsExactlyInAnyOrder(1, 0, 0);
    FileAttributes grown = client.truncate(file.id(), 1L << 40);
    assertThat(grown.sizeBytes()).isEqualTo(1L << 40);
    assertThat(grown.mayHaveHoles()).isTrue();
    assertThat(errorOf(() -> client.truncate(file.id(), -1))).isEqualTo(FsError.INVALID);
    assertThat(client.truncate(file.id(), Long.MAX_VALUE).sizeBytes()).isEqualTo(Long.MAX_VALUE);
    assertThat(errorOf(() -> client.truncate(ROOT, 0))).isEqualTo(FsError.IS_DIRECTORY);
    client.truncate(file.id(), 0);
    inspection.requireSoundInTheEnd();
  }

  @Test
  void aCutReachesAllNodesToTheEndWhereAnotherSessionHasTheFileOpen() throws FsException {
    FileAttributes file = chunkedFile("f", 3);
    // Its own sizes a session tells before it cuts.
    Reply _ = client.call(new NamespaceRequest.Open(file.id(), 5));
    List<Integer> earlier = discards();
    client.truncate(file.id(), 2 * CHUNK + 5);
    assertThat(discardsSince(earlier)).containsExactlyInAnyOrder(1, 0, 0);
    var other = new RequestClient(instance);
    Reply _ = other.call(new NamespaceRequest.Open(file.id(), 1));
    for (long size : new long[] {CHUNK, CHUNK}) {
      FileAttributes before = client.attributes(file.id());
      // What the other session has written far behind the end, and not told.
      for (int chunk = 20; chunk < 30; chunk++) {
        assertThat(writeChunk(before, chunk, 1)).isEqualTo(Reply.Spans.OUTCOME_OK);
      }
      earlier = discards();
      FileAttributes cut = client.truncate(file.id(), size);
      assertThat(cut.dataGeneration()).isEqualTo(DataGeneration.afterCut(before.dataGeneration()));
      assertThat(discardsSince(earlier)).containsExactly(1, 1, 1);
      assertThat(inspection.records(RecordKind.CHUNK)).isEqualTo(1);
      assertThat(chunk(cut, 0)).hasSize(CHUNK);
    }
    earlier = discards();
    assertThat(client.truncate(file.id(), 2 * CHUNK).sizeBytes()).isEqualTo(2 * CHUNK);
    assertThat(discardsSince(earlier)).containsExactly(0, 0, 0);
  }

  @Test
  void anOpenWaitsForACutThatAChunkOwnerHasNotConfirmed() throws FsException {
    FileAttributes file = chunkedFile("f", 3);
    SimulatedDaemon owner = chunkOwner(file, 2);
    instance.restarts(false);
    if (owner == instance.owner(0)) {
      throw new AssertionError("this test needs another seed of placement");
    }
    owner.kill();
    CompletableFuture<Response> cut =
        client.start(stamp -> new NamespaceRequest.Truncate(stamp, file.id(), 0, 1000));
    pass(10_000_000);
    var other = new RequestClient(instance);
    CompletableFuture<Response> opened = other.start(new NamespaceRequest.Open(file.id(), 1));
    CompletableFuture<Response> created =
        other.start(stamp ->
            new NamespaceRequest.Create(
                stamp,
                RequestClient.key(ROOT, "f"),
                NewInode.regularFile(0644, new Owner(1, 2)),
                false,
                2,
                Request.NO_SLOT,
                1000));
    pass(100_000_000);
    assertThat(cut).isNotDone();
    assertThat(opened).isNotDone();
    assertThat(created).isNotDone();
    owner.restart();
    Response _ = client.await(cut, "the cut");
    long generation = client.attributes(file.id()).dataGeneration();
    assertThat(((Reply.Attributes) other.await(opened, "the open").reply()).attributes())
        .returns(generation, FileAttributes::dataGeneration);
    assertThat(((Reply.Created) other.await(created, "the open by name").reply()).attributes())
        .returns(generation, FileAttributes::dataGeneration);
  }

  @Test
  void growthWaitsForACutThatAChunkOwnerHasNotConfirmed() throws FsException {
    FileAttributes file = chunkedFile("f", 3);
    SimulatedDaemon other = chunkOwner(file, 2);
    InodeId elsewhere = file.id();
    instance.restarts(false);
    if (other == instance.owner(0)) {
      throw new AssertionError("this test needs another seed of placement");
    }
    other.kill();
    var cut = client.start(stamp -> new NamespaceRequest.Truncate(stamp, elsewhere, 2 * CHUNK, 1));
    pass(1_000_000_000L);
    // The size is cut, the new generation is told to nobody yet.
    FileAttributes meanwhile = client.attributes(elsewhere);
    assertThat(meanwhile.sizeBytes()).isEqualTo(2 * CHUNK);
    assertThat(DataGeneration.isSameCut(meanwhile.dataGeneration(), file.dataGeneration()))
        .isTrue();
    var inside = client.reportWriteLater(elsewhere, file.dataGeneration(), 10);
    var growth =
        client.start(stamp -> new NamespaceRequest.Truncate(stamp, elsewhere, 5 * CHUNK, 1));
    pass(2_000_000_000L);
    assertThat(cut.isDone() || growth.isDone() || inside.isDone()).isFalse();
    // The inode's owner dies and goes on with the cut.
    instance.owner(0).kill();
    instance.owner(0).restart();
    pass(1_000_000_000L);
    assertThat(cut.isDone() || growth.isDone() || inside.isDone()).isFalse();
    assertThat(inspection.records(RecordKind.CHUNK)).isEqualTo(3);
    other.restart();
    client.await(cut, "cut");
    assertThat(inspection.records(RecordKind.CHUNK)).isEqualTo(2);
    client.await(growth, "growth");
    assertThat(errorOf(() -> client.await(inside, "report"))).isEqualTo(FsError.STALE_GENERATION);
    assertThat(client.attributes(elsewhere).sizeBytes()).isEqualTo(5 * CHUNK);
    inspection.requireSoundInTheEnd();
  }

  @Test
  void truncationOverTheInlineLimitLeavesInlineFormFirst() throws FsException {
    InodeId file = client.create(ROOT, "f");
    client.writeInline(file, 0, new byte[] {5, 6});
    FileAttributes grown = client.truncate(file, 101);
    assertThat(grown.layout().inline()).isFalse();
    assertThat(grown.sizeBytes()).isEqualTo(101);
    assertThat(chunk(grown, 0)).containsExactly(5, 6);
    inspection.requireSoundInTheEnd();
  }
}
