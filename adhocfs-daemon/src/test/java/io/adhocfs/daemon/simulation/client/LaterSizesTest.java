package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.daemon.simulation.client.FatefulConnections.Fate;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.NamespaceRequest.ReportWrite;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** When the owner of a file is told of its size where {@code size-updates} is {@code at-close}. */
class LaterSizesTest extends OpenFileFixture {
  private static final int CHUNK = DaemonCluster.CHUNK;

  LaterSizesTest() throws FsException {
    super(Map.of("inline.max", "0", "size-updates", "at-close", "client.deadline", "10s"));
  }

  private long reports() {
    return client.rpc.sent(ReportWrite.class::isInstance);
  }

  private long told() throws FsException {
    return cluster.sizeOf(file.inode());
  }

  private void write(long offset, int length, int value) throws FsException {
    var bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    client.await(file.writeAsync(offset, ByteBuffer.wrap(bytes)));
  }

  private byte[] read(long offset, int length) throws FsException {
    ByteBuf got = client.await(file.readBuffer(offset, length, null));
    byte[] bytes = ByteBufUtil.getBytes(got);
    got.release();
    return bytes;
  }

  @Test
  void aSizeIsToldOnceWithinASecond() throws FsException {
    for (int i = 0; i < 50; i++) {
      write(i * 100L, 100, 1);
    }
    assertThat(reports()).isZero();
    assertThat(told()).isZero();
    assertThat(file.lastKnownAttributes().sizeBytes()).isEqualTo(5000);
    cluster.pass(Duration.ofMillis(1500));
    assertThat(reports()).isEqualTo(1);
    assertThat(told()).isEqualTo(5000);
  }

  @Test
  void closeFlushAndOnesOwnQuestionsTellIt() throws FsException {
    write(0, 100, 1);
    assertThat(client.await(client.fileSystem.statAsync(path("/file"))).sizeBytes()).isEqualTo(100);
    assertThat(told()).isEqualTo(100);
    write(100, 100, 1);
    client.await(file.flushAsync());
    assertThat(told()).isEqualTo(200);
    write(200, 100, 1);
    assertThat(client.await(file.attributesAsync()).sizeBytes()).isEqualTo(300);
    assertThat(told()).isEqualTo(300);
    write(300, 100, 1);
    assertThat(read(0, 1000)).hasSize(400);
    client.await(file.closeAsync());
    assertThat(told()).isEqualTo(400);
  }

  @Test
  void aTruncationAndAnAppendComeAfterWhatWasWritten() throws FsException {
    write(0, 3 * CHUNK, 1);
    FileAttributes longer = client.await(file.truncateAsync(4 * CHUNK));
    assertThat(longer.sizeBytes()).isEqualTo(4 * CHUNK);
    assertThat(read(0, 3 * CHUNK)).containsOnly(1);
    assertThat(read(3 * CHUNK, 2 * CHUNK)).hasSize(CHUNK).containsOnly(0);
    write(4 * CHUNK, 100, 2);
    assertThat(client.await(file.appendAsync(ByteBuffer.wrap(new byte[] {3, 3}))))
        .isEqualTo(4 * CHUNK + 100L);
    assertThat(read(4 * CHUNK, 200)).hasSize(102).startsWith(2, 2).endsWith(2, 3, 3);
    write(5 * CHUNK, 100, 2);
    client.await(file.truncateAsync(10));
    assertThat(read(0, 100)).hasSize(10).containsOnly(1);
  }

  @Test
  void whatAnotherCutsIsGoneAndStaysSo() throws FsException {
    write(0, 3 * CHUNK, 1);
    client.await(file.flushAsync());
    var other = new SimulatedClient(cluster);
    write(3 * CHUNK, CHUNK, 1);
    other.await(other.fileSystem.truncateAsync(path("/file"), 100));
    cluster.pass(Duration.ofSeconds(20));
    assertThat(told()).isEqualTo(100);
    client.await(file.closeAsync());
    assertThat(told()).isEqualTo(100);
  }

  @Test
  void whatIsWrittenAfterAnotherHasCutTheFileIsThere() throws FsException {
    write(0, 3 * CHUNK, 1);
    client.await(file.flushAsync());
    var other = new SimulatedClient(cluster);
    for (long size : new long[] {100, 0, 0}) {
      write(7 * CHUNK, CHUNK, 2);
      other.await(other.fileSystem.truncateAsync(path("/file"), size));
      write(11 * CHUNK, 50, 3);
      cluster.pass(Duration.ofSeconds(3));
      assertThat(told()).isEqualTo(11 * CHUNK + 50);
      assertThat(read(11 * CHUNK, CHUNK)).hasSize(50).containsOnly(3);
      assertThat(read(size, 11 * CHUNK - (int) size)).containsOnly(0);
    }
    write(12 * CHUNK, 50, 3);
    other.await(other.fileSystem.truncateAsync(path("/file"), 200));
    write(150, 100, 4);
    client.await(file.closeAsync());
    assertThat(told()).isEqualTo(250);
  }

  @Test
  void rangesThatAnotherClearsTakeNothingElse() throws FsException {
    var other = new SimulatedClient(cluster);
    OpenFile elsewhere =
        other.await(other.fileSystem.openAsync(path("/file"), OpenOptions.READ_WRITE));
    write(0, CHUNK, 1);
    client.await(file.flushAsync());
    write(CHUNK, 3 * CHUNK, 1);
    other.await(elsewhere.punchAsync(10, 2 * CHUNK));
    assertThat(told()).isEqualTo(CHUNK);
    write(5 * CHUNK, 100, 2);
    client.await(file.closeAsync());
    assertThat(told()).isEqualTo(5 * CHUNK + 100);
    ByteBuf got = other.await(elsewhere.readBuffer(0, 6 * CHUNK, null));
    byte[] bytes = ByteBufUtil.getBytes(got);
    got.release();
    assertThat(Arrays.copyOf(bytes, 10)).containsOnly(1);
    assertThat(Arrays.copyOfRange(bytes, 10, 10 + 2 * CHUNK)).containsOnly(0);
    assertThat(Arrays.copyOfRange(bytes, 10 + 2 * CHUNK, 4 * CHUNK)).containsOnly(1);
    assertThat(Arrays.copyOfRange(bytes, 5 * CHUNK, 5 * CHUNK + 100)).containsOnly(2);
  }

  @Test
  void writesThatMeetAnOwnTruncationAreThereOrGoneAndDoNotComeBack() throws FsException {
    for (int round = 0; round < 20; round++) {
      write(0, 3 * CHUNK, 1);
      CompletableFuture<FileAttributes> cut = file.truncateAsync(100);
      cluster.pass(Duration.ofNanos(cluster.random.nextInt(8_000_000)));
      CompletableFuture<Void> written =
          file.writeBuffer(9 * CHUNK, Unpooled.copiedBuffer(new byte[] {5, 5, 5}));
      client.await(cut);
      client.await(written);
      client.await(file.flushAsync());
      if (told() != 100) {
        assertThat(told()).isEqualTo(9 * CHUNK + 3);
        assertThat(read(9 * CHUNK, 3)).containsOnly(5);
        client.await(file.truncateAsync(100));
      }
      client.await(file.truncateAsync(10 * CHUNK));
      assertThat(read(100, 10 * CHUNK - 100)).containsOnly(0);
      client.await(file.truncateAsync(0));
    }
  }

  @Test
  void aReportThatFailsIsMadeAgainAndTheCloseBeforeThatSaysSo() throws FsException {
    OpenFile second =
        client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.READ_WRITE));
    write(0, 100, 1);
    client.rpc.fates =
        (_, request) -> request instanceof ReportWrite ? Fate.UNREACHABLE : Fate.ARRIVES;
    assertThat(client.error(second.closeAsync())).isEqualTo(FsError.TIMED_OUT);
    write(100, 100, 1);
    cluster.pass(Duration.ofSeconds(30));
    assertThat(told()).isZero();
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    cluster.pass(Duration.ofSeconds(30));
    assertThat(told()).isEqualTo(200);
    client.await(file.closeAsync());
  }

  @Test
  void aWriteThatFailsLeavesWhatWasWrittenBefore() throws FsException {
    write(0, CHUNK + 100, 1);
    // The chunk that the file has already can still be written.
    cluster.leaveRoom(CHUNK);
    var twos = new byte[6 * CHUNK];
    Arrays.fill(twos, (byte) 2);
    FsException failure = client.failure(file.writeBuffer(CHUNK, Unpooled.wrappedBuffer(twos)));
    assertThat(failure.error()).isEqualTo(FsError.NO_SPACE);
    cluster.leaveRoom(DaemonCluster.DISK_BYTES);
    // Of the range that it should have changed, what had succeeded before is one or the other.
    byte[] now = read(0, 10 * CHUNK);
    assertThat(now).hasSize(CHUNK + 100);
    assertThat(Arrays.copyOf(now, CHUNK)).containsOnly(1);
    assertThat(Arrays.copyOfRange(now, CHUNK, CHUNK + 100)).doesNotContain(0);
    client.await(file.truncateAsync(8 * CHUNK));
    assertThat(Arrays.copyOfRange(read(0, 8 * CHUNK), CHUNK + 100, 8 * CHUNK)).containsOnly(0);
  }
}
