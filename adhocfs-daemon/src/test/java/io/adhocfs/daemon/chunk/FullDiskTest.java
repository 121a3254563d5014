package io.adhocfs.daemon.chunk;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.storage.BackingDisk;
import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.storage.SmallDisk;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fills a disk of 64 MiB. Needs root, to mount it. */
class FullDiskTest {
  private static final int CHUNK = 512 << 10;
  private static final FileLayout LAYOUT = new FileLayout(CHUNK, 0, 1, 0, false);

  @TempDir Path parent;
  private @Nullable SmallDisk mounted;
  private Path disk = Path.of("/");

  @BeforeEach
  void mount() throws Exception {
    mounted = SmallDisk.mountBelow(parent);
    disk = mounted.path();
  }

  @AfterEach
  void unmount() throws Exception {
    if (mounted != null) {
      mounted.unmount();
    }
  }

  private FileChunkStore open(RocksSlotStore database, long reserve) throws Exception {
    return new FileChunkStore(
        Threads.SYSTEM,
        new LocalDisk(disk.resolve("chunks")),
        database,
        new FileChunkStore.Limits(reserve, 0, 16),
        FileChunkStore.Sealing.AT_REST,
        PooledByteBufAllocator.DEFAULT);
  }

  /** Writes chunks of new files until one does not fit; the files of which all was written. */
  private static List<InodeId> fill(ChunkStore store, long incarnation) {
    List<InodeId> written = new ArrayList<>();
    ByteBuf payload = PooledByteBufAllocator.DEFAULT.directBuffer(CHUNK);
    payload.writeZero(CHUNK).setByte(100, 77);
    try {
      for (int i = 0; i < 1000; i++) {
        InodeId inode = InodeId.of(new SlotId(i), incarnation);
        SpanOutcome[] outcomes =
            store.write(inode, LAYOUT, 1, List.of(new ChunkSpan(3, 0, CHUNK)), payload);
        if (outcomes[0] != SpanOutcome.DONE) {
          assertThat(outcomes[0]).isEqualTo(SpanOutcome.NO_SPACE);
          return written;
        }
        written.add(inode);
      }
      throw new AssertionError("500 MB fit on a disk of 64 MiB");
    } finally {
      payload.release();
    }
  }

  private long usable() throws IOException {
    return Files.getFileStore(disk).getUsableSpace();
  }

  @Test
  void keepsTheReserveAndTakesNewDataOnceOldIsDropped() throws Exception {
    long reserve = 16 << 20;
    try (var database = new RocksSlotStore(disk.resolve("metadata"), 64 << 20);
        FileChunkStore store = open(database, 0)) {
      assertThat(store.capacity().reserveBytes()).isEqualTo(reserve);
      List<InodeId> first = fill(store, 1);
      // The records of the chunks go into the reserve: that is what it is for.
      assertThat(usable()).isBetween(reserve - 4L * CHUNK, reserve + 2L * CHUNK);
      assertThat(first).hasSizeGreaterThan(50);
      assertThat(store.capacity().space().availableBytes()).isLessThanOrEqualTo(2L * CHUNK);

      ByteBuf again = PooledByteBufAllocator.DEFAULT.directBuffer(CHUNK).writeZero(CHUNK);
      assertThat(
              store.write(first.getFirst(), LAYOUT, 1, List.of(new ChunkSpan(3, 0, CHUNK)), again))
          .as("bytes that have their blocks")
          .containsOnly(SpanOutcome.DONE);
      again.release();

      for (InodeId inode : first) {
        store.discard(inode, LAYOUT, ChunkStore.FORGET, 0, Long.MAX_VALUE, slot -> true);
      }
      List<InodeId> second = fill(store, 2);
      assertThat(second).hasSizeGreaterThan(first.size() - 10);
      for (InodeId inode : second) {
        var answer = store.read(inode, LAYOUT, 1, List.of(new ChunkSpan(3, 100, 1)));
        assertThat(answer.payload().getByte(0)).isEqualTo((byte) 77);
        answer.payload().release();
      }
      assertThat(store.findings()).isEmpty();
    }
  }

  @Test
  void answersNoSpaceWhenTheKernelSaysSoAndStillDrops() throws Exception {
    try (var database = new RocksSlotStore(disk.resolve("metadata"), 64 << 20);
        FileChunkStore store = open(database, 1)) {
      List<InodeId> written = fill(store, 1);
      assertThat(usable()).isLessThan(CHUNK);
      for (InodeId inode : written.subList(0, 40)) {
        store.discard(inode, LAYOUT, 2, 0, Long.MAX_VALUE, slot -> true);
      }
      assertThat(usable()).isGreaterThan(35L * CHUNK);
      assertThat(fill(store, 2)).hasSizeGreaterThan(30);
      for (InodeId inode : written) {
        store.discard(inode, LAYOUT, ChunkStore.FORGET, 0, Long.MAX_VALUE, slot -> true);
      }
    }
  }

  @Test
  void keepsInodesForMetadata() throws Exception {
    requireNonNull(mounted).limitInodes(1000);
    try (var database = new RocksSlotStore(disk.resolve("metadata"), 64 << 20);
        FileChunkStore store = open(database, 0)) {
      long reserve = store.capacity().reserveInodes();
      assertThat(reserve).isEqualTo(256);
      ByteBuf payload = PooledByteBufAllocator.DEFAULT.directBuffer(1).writeByte(7);
      List<InodeId> made = new ArrayList<>();
      InodeId inode = InodeId.of(new SlotId(0), 1);
      while (store.write(inode, LAYOUT, 1, List.of(new ChunkSpan(0, 0, 1)), payload)[0]
          == SpanOutcome.DONE) {
        made.add(inode);
        inode = InodeId.of(new SlotId(made.size()), 1);
      }
      assertThat(made).hasSizeGreaterThan(300);
      assertThat(inodes()).isBetween(reserve - 4, reserve + 4);
      assertThat(store.capacity().space().diskInodesAvailable()).isLessThan(4);
      assertThat(store.write(made.getFirst(), LAYOUT, 1, List.of(new ChunkSpan(1, 0, 1)), payload))
          .as("a file that is there may grow")
          .containsOnly(SpanOutcome.DONE);
      store.discard(made.getLast(), LAYOUT, ChunkStore.FORGET, 0, Long.MAX_VALUE, slot -> true);
      assertThat(store.write(inode, LAYOUT, 1, List.of(new ChunkSpan(0, 0, 1)), payload))
          .as("room for one more file")
          .containsOnly(SpanOutcome.DONE);
      payload.release();
    }
  }

  private long inodes() throws Exception {
    return new BackingDisk(disk).room().availableInodes();
  }
}
