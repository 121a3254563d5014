package io.adhocfs.daemon.simulation.client;

import static io.adhocfs.daemon.simulation.client.SimulatedClient.path;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.daemon.simulation.client.FatefulConnections.Fate;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.DataRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** When bytes are stored where the switch {@code writes} is {@code behind}. */
class WriteBehindTest extends OpenFileFixture {
  private static final int CHUNK = 512 << 10;
  private static final int WRITE = 100 << 10;
  private static final int HELD_BYTES_MAX = 32 << 20;

  WriteBehindTest() throws FsException {
    super(
        Map.of(
            "chunk.size",
            String.valueOf(CHUNK),
            "inline.max",
            "0",
            "writes",
            "behind",
            "client.deadline",
            "10s"));
  }

  private long requests() {
    return client.rpc.sent(DataRequest.class::isInstance);
  }

  private long told() throws FsException {
    return cluster.sizeOf(file.inode());
  }

  private static byte[] bytes(int length, int value) {
    var bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  private void write(long offset, int length, int value) throws FsException {
    client.await(file.writeAsync(offset, ByteBuffer.wrap(bytes(length, value))));
  }

  private byte[] read(OpenFile from, long offset, int length) throws FsException {
    ByteBuf got = cluster.await(from.readBuffer(offset, length, from.lastKnownAttributes()));
    byte[] bytes = ByteBufUtil.getBytes(got);
    got.release();
    return bytes;
  }

  @Test
  void writesThatFollowEachOtherAreStoredTogetherWithinASecond() throws FsException {
    for (int i = 0; i < 50; i++) {
      write(i * 100L, 100, 1);
    }
    assertThat(requests()).isZero();
    assertThat(told()).isZero();
    cluster.pass(Duration.ofMillis(1500));
    assertThat(requests()).isEqualTo(1);
    assertThat(told()).isEqualTo(5000);
  }

  @Test
  void aStreamIsStoredInWholeChunks() throws FsException {
    for (int i = 0; i < 4 * CHUNK / 4096; i++) {
      write(i * 4096L, 4096, i);
    }
    cluster.pass(Duration.ofMillis(100));
    assertThat(requests()).isEqualTo(4);
    assertThat(told()).isEqualTo(4 * CHUNK);
    assertThat(read(file, CHUNK + 4096, 4096)).containsOnly((byte) (CHUNK / 4096 + 1));
  }

  @Test
  void theBufferIsTheCallersAgainWhenTheWriteIsDone() throws FsException {
    byte[] ones = bytes(1000, 1);
    client.await(file.writeAsync(0, ByteBuffer.wrap(ones)));
    Arrays.fill(ones, (byte) 2);
    assertThat(read(file, 0, 1000)).containsOnly(1);
  }

  @Test
  void allThatLooksAtTheFileFindsWhatWasWritten() throws FsException {
    write(0, 100, 1);
    assertThat(client.await(client.fileSystem.statAsync(path("/file"))).sizeBytes()).isEqualTo(100);
    write(100, 100, 1);
    assertThat(client.await(file.attributesAsync()).sizeBytes()).isEqualTo(200);
    write(200, 100, 1);
    EntryName name = EntryName.ofText("file");
    assertThat(client.await(client.fileSystem.inodes().lookup(InodeId.ROOT, name)).sizeBytes())
        .isEqualTo(300);
    write(300, 100, 1);
    assertThat(
            client
                .await(client.fileSystem.inodes().readDirectory(InodeId.ROOT, 0, 1000, true))
                .items())
        .singleElement()
        .extracting(item -> Objects.requireNonNull(item.attributes()).sizeBytes())
        .isEqualTo(400L);
    assertThat(told()).isEqualTo(300);
    write(400, 100, 1);
    assertThat(read(file, 0, 1000)).hasSize(500).containsOnly(1);
    write(500, 100, 1);
    OpenFile second =
        client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.READ_WRITE));
    assertThat(read(second, 0, 1000)).hasSize(600).containsOnly(1);
    write(600, 100, 1);
    assertThat(client.await(file.appendAsync(ByteBuffer.wrap(bytes(2, 3))))).isEqualTo(700);
    write(702, 100, 1);
    FileAttributes cut = client.await(file.truncateAsync(750));
    assertThat(cut.sizeBytes()).isEqualTo(750);
    write(750, 100, 1);
    client.await(file.closeAsync());
    assertThat(told()).isEqualTo(850);
    assertThat(read(second, 0, 1000)).hasSize(850);
  }

  @Test
  void aReadWaitsForWhatWasWrittenBeforeItAndNotForWhatComesMeanwhile() throws FsException {
    write(0, 100, 1);
    // Whenever bytes arrive, the next are there already.
    int[] writes = {0};
    client.rpc.fates =
        (_, request) -> {
          if (request instanceof DataRequest.WriteChunks && writes[0] < 500) {
            writes[0]++;
            var _ = file.writeAsync(100L * writes[0], ByteBuffer.wrap(bytes(100, 1)));
          }
          return Fate.ARRIVES;
        };
    assertThat(read(file, 0, 100)).containsOnly(1);
    assertThat(writes[0]).isBetween(1, 10);
    cluster.pass(Duration.ofSeconds(3));
    client.await(file.closeAsync());
    assertThat(told()).isGreaterThan(100);
  }

  @Test
  void aTimeThatIsSetIsNotMovedByWhatWasWrittenBefore() throws FsException {
    write(0, 100, 1);
    client.await(
        client
            .fileSystem
            .inodes()
            .setAttributes(file.inode(), AttributeChange.NONE.withMtimeNanos(7_000_000_000L)));
    client.await(file.closeAsync());
    cluster.pass(Duration.ofSeconds(5));
    assertThat(client.await(client.fileSystem.statAsync(path("/file"))).mtimeNanos())
        .isEqualTo(7_000_000_000L);
  }

  @Test
  void laterWritesOfTheSameBytesWin() throws FsException {
    List<CompletableFuture<Void>> writes = new ArrayList<>();
    for (int i = 1; i <= 20; i++) {
      writes.add(file.writeAsync(i % 3 * 50L, ByteBuffer.wrap(bytes(200, i))));
      if (i % 4 == 0) {
        for (CompletableFuture<Void> write : writes) {
          client.await(write);
        }
      } else {
        client.await(writes.getLast());
      }
    }
    // The last three: 18 at 0, 19 at 50, 20 at 100.
    byte[] now = read(file, 0, 1000);
    assertThat(now).hasSize(300);
    assertThat(Arrays.copyOfRange(now, 100, 300)).containsOnly(20);
    assertThat(Arrays.copyOfRange(now, 50, 100)).containsOnly(19);
    assertThat(Arrays.copyOfRange(now, 0, 50)).containsOnly(18);
  }

  @Test
  void aLossIsToldOnceByEachHandleThatWasOpen() throws FsException {
    OpenFile second =
        client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.READ_WRITE));
    write(0, 100, 1);
    client.await(file.flushAsync());
    write(100, 100, 2);
    client.rpc.fates =
        (_, request) -> request instanceof DataRequest ? Fate.UNREACHABLE : Fate.ARRIVES;
    cluster.pass(Duration.ofSeconds(30));
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    OpenFile third =
        client.await(client.fileSystem.openAsync(path("/file"), OpenOptions.READ_WRITE));
    FsException failure = client.failure(file.writeAsync(100, ByteBuffer.wrap(bytes(5, 5))));
    assertThat(failure.error()).isEqualTo(FsError.TIMED_OUT);
    assertThat(failure).hasMessageContaining("100 bytes at 100");
    client.await(file.syncAsync());
    assertThat(client.error(second.closeAsync())).isEqualTo(FsError.TIMED_OUT);
    client.await(third.closeAsync());
    assertThat(read(file, 0, 1000)).hasSize(100).containsOnly(1);
    write(100, 100, 3);
    client.await(file.closeAsync());
    assertThat(told()).isEqualTo(200);
  }

  @Test
  void whatHasNoRoomIsALossAndLeavesNoHole() throws FsException {
    write(0, 100, 1);
    client.await(file.flushAsync());
    cluster.leaveRoom(0);
    write(CHUNK - 100, 1000, 2);
    assertThat(client.error(file.syncAsync())).isEqualTo(FsError.NO_SPACE);
    cluster.leaveRoom(DaemonCluster.DISK_BYTES);
    assertThat(told()).isEqualTo(100);
    client.await(file.closeAsync());
  }

  @Test
  void aClientHoldsNoMoreThanItsShare() throws FsException {
    client.rpc.fates =
        (_, request) -> request instanceof DataRequest ? Fate.UNREACHABLE : Fate.ARRIVES;
    List<OpenFile> files = new ArrayList<>();
    CompletableFuture<Void> blocked = null;
    int taken = 0;
    while (blocked == null) {
      OpenFile next =
          client.await(client.fileSystem.openAsync(path("/f" + files.size()), OpenOptions.CREATE));
      files.add(next);
      CompletableFuture<Void> write =
          next.writeAsync(0, ByteBuffer.wrap(bytes(WRITE, files.size())));
      if (write.isDone()) {
        taken += WRITE;
      } else {
        blocked = write;
      }
    }
    assertThat(taken).isLessThanOrEqualTo(HELD_BYTES_MAX).isGreaterThan(HELD_BYTES_MAX - WRITE);
    client.rpc.fates = (_, _) -> Fate.ARRIVES;
    client.await(blocked);
    for (OpenFile open : files) {
      client.await(open.closeAsync());
      assertThat(cluster.sizeOf(open.inode())).isEqualTo(WRITE);
    }
    assertThat(client.rpc.unreleased()).isZero();
  }

  @Test
  void longWritesAreStoredBeforeTheyReturnAndAfterWhatWasHeld() throws FsException {
    write(0, 1000, 1);
    write(500, 128 << 10, 2);
    assertThat(told()).isEqualTo(500 + (128 << 10));
    assertThat(Arrays.copyOfRange(read(file, 0, 1000), 500, 1000)).containsOnly(2);
  }

  @Test
  void whatIsToGoThroughIsStoredBeforeItReturnsAndAfterWhatWasHeld() throws FsException {
    write(0, 100, 1);
    client.await(file.writeBufferThrough(50, Unpooled.wrappedBuffer(bytes(100, 2))));
    assertThat(told()).isEqualTo(150);
    assertThat(Arrays.copyOfRange(read(file, 0, 150), 50, 150)).containsOnly(2);
  }
}
