package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.daemon.simulation.client.FatefulConnections.Fate;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.wire.DataRequest.SyncChunks;
import io.adhocfs.protocol.wire.DataRequest.WriteChunks;
import io.adhocfs.protocol.wire.NamespaceRequest.ReportWrite;
import io.adhocfs.protocol.wire.NamespaceRequest.SyncInode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When the owner of a file is told of writes. */
class WriteReportTest extends OpenFileFixture {
  private static final int CHUNK = DaemonCluster.CHUNK;

  WriteReportTest() throws FsException {
    super(Map.of("inline.max", "0"));
  }

  private long reports() {
    return client.rpc.sent(ReportWrite.class::isInstance);
  }

  private void write(long offset, int length) throws FsException {
    client.await(file.writeAsync(offset, ByteBuffer.allocate(length)));
  }

  @Test
  void aWriteIsNotAcknowledgedBeforeTheOwnerKnowsTheSize() throws FsException {
    client.rpc.fates =
        (_, request) -> request instanceof ReportWrite ? Fate.UNANSWERED : Fate.ARRIVES;
    CompletableFuture<Void> write = file.writeAsync(0, ByteBuffer.allocate(10));
    cluster.pass(Duration.ofSeconds(1));
    assertThat(client.rpc.sent(WriteChunks.class::isInstance)).isEqualTo(1);
    assertThat(reports()).isEqualTo(1);
    assertThat(write).isNotDone();
    assertThat(client.error(write)).isEqualTo(FsError.TIMED_OUT);
  }

  @Test
  void theSizeIsNeverReportedBeforeTheBytesAreStored() throws FsException {
    client.rpc.fates =
        (_, request) -> request instanceof WriteChunks ? Fate.UNANSWERED : Fate.ARRIVES;
    CompletableFuture<Void> write = file.writeAsync(0, ByteBuffer.allocate(10));
    cluster.pass(Duration.ofSeconds(1));
    assertThat(reports()).isZero();
    assertThat(cluster.sizeOf(file.inode())).isZero();
    write.cancel(true);
  }

  @Test
  void manyGrowingWritesShareReports() throws FsException {
    List<CompletableFuture<Void>> writes = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      writes.add(file.writeAsync(i * 100L, ByteBuffer.allocate(100)));
    }
    for (int i = 0; i < 100; i++) {
      client.await(writes.get(i));
      assertThat(cluster.sizeOf(file.inode())).isGreaterThanOrEqualTo((i + 1) * 100L);
    }
    assertThat(reports()).isLessThan(20);
  }

  @Test
  void reportsTellFromWhereOnTheyLeaveNoGap() throws FsException {
    write(0, 5_000);
    client.rpc.forgetSent();
    write(5_000, 5_000);
    // The first is under way alone, the others share the second report.
    List<CompletableFuture<Void>> writes =
        List.of(
            file.writeAsync(10_000, ByteBuffer.allocate(100)),
            file.writeAsync(10_100, ByteBuffer.allocate(100)),
            file.writeAsync(10_300, ByteBuffer.allocate(100)),
            file.writeAsync(10_200, ByteBuffer.allocate(100)));
    for (CompletableFuture<Void> write : writes) {
      client.await(write);
    }
    write(20_000, 100);
    List<ReportWrite> sent = new ArrayList<>();
    client.rpc.sent(request -> request instanceof ReportWrite report && sent.add(report));
    assertThat(sent.getFirst().solidFromBytes()).isEqualTo(5_000);
    assertThat(sent.getFirst().sizeBytes()).isEqualTo(10_000);
    for (ReportWrite report : sent.subList(1, sent.size() - 1)) {
      assertThat(report.solidFromBytes()).isBetween(10_000L, 10_300L);
    }
    assertThat(sent.getLast().solidFromBytes()).isEqualTo(20_000);
    assertThat(sent.getLast().sizeBytes()).isEqualTo(20_100);
  }

  @Test
  void writesWithinTheSizeAreToldAtFlush() throws FsException {
    write(0, 1000);
    long version = cluster.versionOf(file.inode());
    client.await(file.flushAsync());
    client.rpc.forgetSent();
    long mtime = cluster.mtimeOf(file.inode());
    cluster.pass(Duration.ofSeconds(1));

    write(10, 100);
    write(20, 100);
    assertThat(reports()).isZero();
    client.await(file.flushAsync());

    assertThat(reports()).isEqualTo(1);
    assertThat(cluster.mtimeOf(file.inode())).isGreaterThan(mtime);
    assertThat(cluster.versionOf(file.inode())).isGreaterThan(version);
    client.await(file.flushAsync());
    assertThat(reports()).isEqualTo(1);
  }

  @Test
  void writesWithinTheSizeAreToldAtCloseAndSync() throws FsException {
    write(0, 1000);
    write(10, 100);
    client.rpc.forgetSent();
    client.await(file.syncAsync());
    assertThat(reports()).isEqualTo(1);
    write(10, 100);
    client.await(file.closeAsync());
    assertThat(reports()).isEqualTo(2);
  }

  @Test
  void onesOwnGetattrAndLookupShowTheTimeOfTheLastWrite() throws FsException {
    write(0, 1000);
    client.await(file.flushAsync());
    cluster.pass(Duration.ofSeconds(5));
    write(0, 10);
    long after = cluster.mtimeOf(file.inode());
    FileAttributes stat = client.await(client.fileSystem.statAsync(path("/file")));
    assertThat(stat.mtimeNanos()).isGreaterThan(after + Duration.ofSeconds(4).toNanos());
    cluster.pass(Duration.ofSeconds(5));
    write(0, 10);
    FileAttributes fstat = client.await(client.fileSystem.inodes().getAttributes(file.inode()));
    assertThat(fstat.mtimeNanos())
        .isGreaterThan(stat.mtimeNanos() + Duration.ofSeconds(4).toNanos());
  }

  @Test
  void timesThatAreSetStayAfterEarlierWrites() throws FsException {
    write(0, 1000);
    write(0, 10);
    client.await(
        client
            .fileSystem
            .inodes()
            .setAttributes(file.inode(), AttributeChange.NONE.withMtimeNanos(12345)));
    client.await(file.closeAsync());
    assertThat(cluster.mtimeOf(file.inode())).isEqualTo(12345);
  }

  @Test
  void timesAreToldUnderTheNewGenerationAfterACut() throws FsException {
    var other = new SimulatedClient(cluster);
    write(0, 3 * CHUNK);
    write(0, 10);
    client.rpc.fates =
        (_, request) -> request instanceof ReportWrite ? Fate.UNANSWERED : Fate.ARRIVES;
    other.await(other.fileSystem.truncateAsync(path("/file"), 100));
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    long version = cluster.versionOf(file.inode());
    client.await(file.flushAsync());
    assertThat(cluster.versionOf(file.inode())).isGreaterThan(version);
    assertThat(cluster.sizeOf(file.inode())).isEqualTo(100);
  }

  @Test
  void theTimeOfAWriteInsideTheSizeIsToldWithinASecond() throws FsException {
    write(0, 3 * CHUNK);
    long version = cluster.versionOf(file.inode());
    client.rpc.forgetSent();
    write(0, 10);
    write(20, 10);
    assertThat(reports()).isZero();
    cluster.pass(Duration.ofMillis(1100));
    assertThat(reports()).isEqualTo(1);
    assertThat(cluster.versionOf(file.inode())).isEqualTo(version + 1);
    cluster.pass(Duration.ofSeconds(10));
    assertThat(reports()).isEqualTo(1);
  }

  @Test
  void writesAgainWhatACutMayHaveTaken() throws FsException {
    write(0, 3 * CHUNK);
    var other = new SimulatedClient(cluster);
    other.await(other.fileSystem.truncateAsync(path("/file"), 0));
    client.await(file.writeBuffer(CHUNK, Unpooled.copiedBuffer(new byte[] {1, 2, 3})));
    assertThat(cluster.sizeOf(file.inode())).isEqualTo(CHUNK + 3L);
    ByteBuf got = client.await(file.readBuffer(CHUNK, 10, null));
    assertThat(got.readableBytes()).isEqualTo(3);
    assertThat(got.getByte(2)).isEqualTo((byte) 3);
    got.release();
  }

  @Test
  void aFullDiskFailsTheWriteAndLeavesTheSize() throws FsException {
    cluster.leaveRoom(CHUNK);
    ByteBuf data = Unpooled.buffer().writeZero(4 * CHUNK);
    FsException failure = client.failure(file.writeBuffer(0, data));
    assertThat(failure.error()).isEqualTo(FsError.NO_SPACE);
    assertThat(failure).hasMessageContaining("node n");
    assertThat(data.refCnt()).isZero();
    assertThat(cluster.sizeOf(file.inode())).isZero();
    assertThat(reports()).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatAFailedWriteHasStoredDoesNotShowWhenTheFileGrows(boolean appends) throws FsException {
    write(0, 10);
    cluster.leaveRoom(0);
    var ones = new byte[4 * CHUNK];
    Arrays.fill(ones, (byte) 1);
    FsException failure =
        client.failure(
            appends
                ? file.appendAsync(ByteBuffer.wrap(ones))
                : file.writeBuffer(0, Unpooled.wrappedBuffer(ones)));
    assertThat(failure.error()).isEqualTo(FsError.NO_SPACE);
    client.await(client.fileSystem.truncateAsync(path("/file"), 4 * CHUNK));
    ByteBuf got = client.await(file.readBuffer(10, 4 * CHUNK, null));
    assertThat(got.readableBytes()).isEqualTo(4 * CHUNK - 10);
    while (got.isReadable()) {
      assertThat(got.readByte()).isZero();
    }
    got.release();
  }

  @Test
  void nothingIsSentForNothing() throws FsException {
    write(1 << 20, 0);
    assertThat(client.rpc.sent()).isEmpty();
  }

  @Test
  void aWritePastTheLargestOffsetIsTooBig() {
    assertThat(
            client.error(file.writeBuffer(Long.MAX_VALUE - 1, Unpooled.copiedBuffer(new byte[9]))))
        .isEqualTo(FsError.FILE_TOO_BIG);
  }

  @Test
  void anInterruptedWriteEndsAtOnceAndReleasesItsBuffer() {
    client.rpc.fates = (_, _) -> Fate.UNREACHABLE;
    ByteBuf data = Unpooled.buffer().writeZero(100);
    CompletableFuture<Void> write = file.writeBuffer(0, data);
    cluster.pass(Duration.ofSeconds(1));
    write.cancel(true);
    assertThat(data.refCnt()).isZero();
    client.rpc.forgetSent();
    cluster.pass(Duration.ofSeconds(20));
    // What it may have stored behind the end is cleared; nothing more is stored.
    assertThat(client.rpc.sent(WriteChunks.class::isInstance)).isZero();
    assertThat(reports()).isZero();
  }

  @Test
  void aBufferIsLeftAloneAfterAReadWasInterrupted() throws FsException {
    client.await(file.writeBuffer(0, Unpooled.copiedBuffer(new byte[] {1, 1, 1, 1})));
    ByteBuffer target = ByteBuffer.allocate(4);
    CompletableFuture<Integer> read = file.readAsync(0, target);
    read.cancel(true);
    cluster.pass(Duration.ofSeconds(2));
    assertThat(target.array()).containsOnly(0);
    assertThat(client.rpc.unreleased()).isZero();
  }

  private static DaemonCluster syncedCluster() {
    return new DaemonCluster(5, 3, Map.of("inline.max", "0", "fsync", "disk"));
  }

  @Test
  void syncsEveryOwnerOfChunksWhenTheSettingSaysDisk() throws FsException {
    try (DaemonCluster synced = syncedCluster()) {
      var writer = new SimulatedClient(synced);
      OpenFile written =
          writer.await(writer.fileSystem.openAsync(path("/file"), OpenOptions.CREATE));
      writer.await(written.writeAsync(0, ByteBuffer.allocate(10 * CHUNK)));
      writer.rpc.forgetSent();
      writer.await(written.syncAsync());
      assertThat(writer.rpc.sent(SyncChunks.class::isInstance)).isEqualTo(3);
      assertThat(writer.rpc.sent(SyncInode.class::isInstance)).isEqualTo(1);
      assertThat(writer.rpc.sent()).extracting(sent -> sent.node()).contains(new NodeId(2));
    }
  }

  @Test
  void syncsWhatAnotherClientHasWritten() throws FsException {
    try (DaemonCluster synced = syncedCluster()) {
      var reader = new SimulatedClient(synced);
      var writer = new SimulatedClient(synced);
      OpenFile read = reader.await(reader.fileSystem.openAsync(path("/file"), OpenOptions.CREATE));
      OpenFile written =
          writer.await(writer.fileSystem.openAsync(path("/file"), OpenOptions.CREATE));
      writer.await(written.writeAsync(0, ByteBuffer.allocate(10 * CHUNK)));
      reader.rpc.forgetSent();
      reader.await(read.syncAsync());
      assertThat(reader.rpc.sent(SyncChunks.class::isInstance)).isEqualTo(3);
    }
  }

  @Test
  void appendsOfOneHandleFollowEachOther() throws FsException {
    List<CompletableFuture<Long>> appends = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      appends.add(file.appendAsync(ByteBuffer.allocate(10)));
    }
    for (int i = 0; i < 20; i++) {
      assertThat(client.await(appends.get(i))).isEqualTo(i * 10L);
    }
  }

  @Test
  void aClosedHandleRefuses() throws FsException {
    client.await(file.closeAsync());
    client.await(file.closeAsync());
    assertThat(client.error(file.readBuffer(0, 1, null))).isEqualTo(FsError.BAD_HANDLE);
    assertThat(client.error(file.writeAsync(0, ByteBuffer.allocate(1))))
        .isEqualTo(FsError.BAD_HANDLE);
  }

  @Test
  void aHandleOpenedToReadRefusesWrites() throws FsException {
    OpenFile reader = client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.READ));
    assertThat(client.error(reader.writeAsync(0, ByteBuffer.allocate(1))))
        .isEqualTo(FsError.BAD_HANDLE);
  }
}
