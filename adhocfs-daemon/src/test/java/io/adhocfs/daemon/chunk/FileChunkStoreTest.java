package io.adhocfs.daemon.chunk;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import io.adhocfs.daemon.chunk.ChunkStore.ChunkBytes;
import io.adhocfs.daemon.chunk.ChunkStore.StoredChunk;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.LostSlots;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.placement.Striping;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileChunkStoreTest extends ChunkStoreContract {
  private static final int OPEN_FILES_MAX = 4;

  @TempDir Path directory;

  /** Set by open(), which runs before every test. */
  @SuppressWarnings("NullAway.Init")
  private RocksSlotStore database;

  @Override
  FileChunkStore open() throws Exception {
    database = new RocksSlotStore(directory.resolve("metadata"), 1 << 30);
    return new FileChunkStore(
        Threads.SYSTEM,
        new LocalDisk(directory.resolve("chunks")),
        database,
        new FileChunkStore.Limits(1 << 20, 0, OPEN_FILES_MAX),
        new FileChunkStore.Sealing(true, 0),
        PooledByteBufAllocator.DEFAULT);
  }

  @Override
  ChunkStore reopen(ChunkStore store) throws Exception {
    store.close();
    database.close();
    return open();
  }

  @AfterEach
  void closeDatabase() {
    store.close();
    database.close();
  }

  private List<Path> chunkFiles() throws IOException {
    try (Stream<Path> paths = Files.walk(directory.resolve("chunks"))) {
      // Not what says that somebody has asked for a sync.
      return paths
          .filter(Files::isRegularFile)
          .filter(path -> !path.endsWith("chunks/survives-power-failure"))
          .toList();
    }
  }

  private static long allocated(Path path) throws FsException {
    return requireNonNull(NativeFile.extent(path)).allocatedBytes();
  }

  @Test
  void survivesClosingAndOpening() throws Exception {
    byte[] bytes = bytes(3 * CHUNK, 1);
    write(wide, 1, 77, bytes);
    store.discard(file, wide, 2, CHUNK, 2 * CHUNK, ALL);
    store.sync(file);
    store = reopen(store);
    Arrays.fill(bytes, CHUNK - 77, 2 * CHUNK - 77, (byte) 0);
    assertThat(read(wide, 2, 77, bytes.length)).isEqualTo(bytes);
    assertThat(write(wide, 1, CHUNK, bytes(1, 1))).containsOnly(SpanOutcome.STALE);
  }

  @Test
  void aFileThatIsDroppedForGoodGoesAfterItsRecords() throws Exception {
    long before = 1;
    for (long generation : new long[] {2, ChunkStore.FORGET}) {
      write(wide, before, 0, bytes(3 * CHUNK, 1));
      before = generation;
      store.discardOnDisk(file, wide, generation, 0, Long.MAX_VALUE, ALL);
      // Were the records to come back with the power, a repeated discard would find them by it.
      assertThat(chunkFiles()).hasSize(1);
      store.syncDiscards(List.of(new ChunkStore.Dropped(file, wide)));
      assertThat(chunkFiles()).isEmpty();
      assertThat(store.findings()).isEmpty();
    }
  }

  @Test
  void refusesOldGenerationsSomeWayPastTheEndAfterARestart() throws Exception {
    write(wide, 1, 0, bytes(3 * CHUNK, 1));
    store.discard(file, wide, 2, 10, Long.MAX_VALUE, ALL);
    store = reopen(store);
    int margin = FileChunkStore.GENERATION_MARGIN_CHUNKS;
    assertThat(write(wide, 1, (long) margin * CHUNK, bytes(10, 1))).containsOnly(SpanOutcome.STALE);
    assertThat(write(wide, 2, 0, bytes(10, 1))).containsOnly(SpanOutcome.DONE);
  }

  @Test
  void refusesOldGenerationsEverywhereAfterACutToTheEndAndARestart() throws Exception {
    write(wide, 1, 0, bytes(3 * CHUNK, 1));
    store.discard(file, wide, 2, 10, Long.MAX_VALUE, ALL);
    // One that comes again late takes nothing back.
    store.discard(file, wide, 1, 10, Long.MAX_VALUE, ALL);
    store = reopen(store);
    for (long offset : new long[] {0, 1L << 30, 1L << 50}) {
      assertThat(write(wide, 1, offset, bytes(10, 1))).containsOnly(SpanOutcome.STALE);
      assertThat(write(wide, 2, offset, bytes(10, 1))).containsOnly(SpanOutcome.DONE);
    }
    assertThat(((FileChunkStore) store).transfer().lastingFloors())
        .containsExactly(Map.entry(file.value(), 2L));
    store.discard(file, wide, ChunkStore.FORGET, 0, Long.MAX_VALUE, ALL);
    assertThat(((FileChunkStore) store).transfer().lastingFloors()).isEmpty();
    assertThat(countRecords()).isZero();
  }

  @Test
  void keepsASparseFileSmallAndFindsItsChunksAgain() throws Exception {
    long far = 5L << 30;
    byte[] bytes = bytes(CHUNK, 2);
    write(wide, 1, far, bytes);
    write(wide, 1, 0, bytes);
    assertThat(read(wide, 1, far, CHUNK)).isEqualTo(bytes);
    assertThat(chunkFiles()).hasSize(1);
    assertThat(allocated(chunkFiles().getFirst())).isLessThan(4 * CHUNK);
    store.discard(file, wide, 2, CHUNK, Long.MAX_VALUE, ALL);
    assertThat(read(wide, 2, far, CHUNK)).containsOnly(0);
    assertThat(read(wide, 2, 0, CHUNK)).isEqualTo(bytes);
    store.discard(file, wide, ChunkStore.FORGET, 0, Long.MAX_VALUE, ALL);
    assertThat(chunkFiles()).isEmpty();
    assertThat(countRecords()).isZero();
  }

  @Test
  void splitsHugeFilesInSegmentsAndDropsThemAll() throws Exception {
    long segmentBytes = SegmentFiles.SEGMENT_CHUNKS * CHUNK;
    byte[] bytes = bytes(2 * CHUNK, 3);
    List<Long> offsets =
        List.of(0L, segmentBytes - CHUNK, 17 * segmentBytes + 5, Long.MAX_VALUE - 2 * CHUNK);
    for (FileLayout layout : List.of(wide, local)) {
      int before = (1 - layout.slotStep()) * 10;
      for (long offset : offsets) {
        assertThat(write(layout, before + 1, offset, bytes)).containsOnly(SpanOutcome.DONE);
      }
      store = reopen(store);
      for (long offset : offsets) {
        assertThat(read(layout, before + 1, offset, bytes.length)).isEqualTo(bytes);
      }
      assertThat(chunkFiles()).hasSize(4);
      assertThat(store.findings()).isEmpty();
      store.discard(file, layout, before + 2, 5 * segmentBytes, Long.MAX_VALUE, ALL);
      assertThat(chunkFiles()).hasSize(2);
      assertThat(read(layout, before + 2, segmentBytes - CHUNK, bytes.length)).isEqualTo(bytes);
      store.discard(file, layout, before + 3, 0, Long.MAX_VALUE, ALL);
      assertThat(chunkFiles()).isEmpty();
      store.discard(file, layout, before + 4, 0, segmentBytes, ALL);
      store = reopen(store);
    }
    store.discard(file, wide, ChunkStore.FORGET, 0, Long.MAX_VALUE, ALL);
    store.discard(file, local, ChunkStore.FORGET, 0, Long.MAX_VALUE, ALL);
    assertThat(countRecords()).isZero();
    try (Stream<Path> left = Files.walk(directory.resolve("chunks"))) {
      assertThat(left.filter(path -> path.toString().endsWith(".more"))).isEmpty();
    }
  }

  private long countRecords() throws Exception {
    long count = 0;
    try (SlotStore.Cursor cursor = database.cursor()) {
      for (boolean found = cursor.seek(new byte[0]); found; found = cursor.next()) {
        count++;
      }
    }
    return count;
  }

  @Test
  void givesSpaceBackWhenChunksAreDropped() throws Exception {
    write(wide, 1, 0, bytes(16 * CHUNK, 4));
    store.sync(file);
    Path path = chunkFiles().getFirst();
    long before = allocated(path);
    assertThat(before).isGreaterThanOrEqualTo(16L * CHUNK);
    store.discard(file, wide, 2, CHUNK, 15 * CHUNK, ALL);
    store.sync(file);
    assertThat(allocated(path)).isLessThanOrEqualTo(before - 13L * CHUNK);
    assertThat(store.capacity().usedBytes()).isBetween(1L, before);
  }

  @Test
  void goesOnWithFewDescriptorsForManyFiles() throws Exception {
    int files = 50;
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < files; i++) {
        InodeId inode = InodeId.of(new SlotId(i), 1);
        ByteBuf payload = direct(bytes(1000, i));
        store.write(inode, wide, 1, List.of(new ChunkSpan(round, 5, 1000)), payload);
        payload.release();
      }
    }
    assertThat(((FileChunkStore) store).openFileCount()).isLessThanOrEqualTo(OPEN_FILES_MAX);
    assertThat(((FileChunkStore) store).fileCount()).isEqualTo(files);
    for (int i = 0; i < files; i++) {
      var answer =
          store.read(InodeId.of(new SlotId(i), 1), wide, 1, List.of(new ChunkSpan(1, 5, 1000)));
      var found = new byte[1000];
      answer.payload().readBytes(found).release();
      assertThat(found).isEqualTo(bytes(1000, i));
    }
  }

  @Test
  void namesWhatDoesNotFit() throws Exception {
    write(wide, 1, 0, bytes(CHUNK, 5));
    assertThat(store.findings()).isEmpty();

    InodeId lost = InodeId.of(new SlotId(1), 77);
    InodeId idle = InodeId.of(new SlotId(2), 88);
    for (InodeId inode : List.of(lost, idle)) {
      ByteBuf payload = direct(bytes(10, 6));
      store.write(inode, local, 1, List.of(new ChunkSpan(3, 0, 10)), payload);
      payload.release();
    }
    for (Path path : chunkFiles()) {
      if (String.valueOf(path.getFileName()).startsWith("000100000000004d")) {
        Files.delete(path);
      }
    }
    var batch = new SlotBatch();
    batch.remove(Keys.key(99, RecordKind.CHUNK, idle.value(), 3));
    database.commit(batch);
    Path stranger = directory.resolve("chunks/00/notes.txt");
    Files.writeString(stranger, "not ours");
    Path home = chunkFiles().stream().filter(p -> p.endsWith("126700000000002a.0")).findAny().get();
    assertThat(SegmentFiles.bucket(file.value()))
        .isEqualTo(
            Integer.parseInt(String.valueOf(requireNonNull(home.getParent()).getFileName()), 16));
    Path wrong = directory.resolve("chunks").resolve("01").resolve(home.getFileName());
    Files.write(wrong, new byte[0]);

    assertThat(store.findings())
        .hasSize(3)
        .anySatisfy(s -> assertThat(s).contains("chunk 3 of inode " + lost, "is missing"))
        .anySatisfy(s -> assertThat(s).contains(stranger.toString()))
        .anySatisfy(s -> assertThat(s).contains(wrong.toString()));
    assertThat(chunkFiles())
        .as("what a death before the first record leaves is removed")
        .noneMatch(path -> String.valueOf(path.getFileName()).startsWith("0002000000000058"));
  }

  private SpanOutcome outcomeOfRead(FileLayout layout, long offset, int length) {
    ChunkBytes answer =
        store.read(file, layout, 9, Striping.spans(offset, length, layout.chunkSizeBytes()));
    try {
      return answer.outcomes()[0];
    } finally {
      answer.payload().release();
    }
  }

  private void flip(long position, int bit) throws IOException {
    try (var bytes = new RandomAccessFile(chunkFiles().getFirst().toFile(), "rw")) {
      bytes.seek(position);
      int was = bytes.read();
      bytes.seek(position);
      bytes.write(was ^ (1 << bit));
    }
  }

  @Test
  void refusesBytesThatHaveChangedOnTheDisk() throws Exception {
    byte[] bytes = bytes(LARGE, 1);
    write(large, 1, 0, bytes);
    store = reopen(store);
    flip(BLOCK + 100, 3);
    assertThat(outcomeOfRead(large, BLOCK, BLOCK)).isEqualTo(SpanOutcome.CORRUPT);
    assertThat(outcomeOfRead(large, BLOCK + 4096, 4096))
        .as("another part of the block")
        .isEqualTo(SpanOutcome.CORRUPT);
    assertThat(outcomeOfRead(large, 0, LARGE)).isEqualTo(SpanOutcome.CORRUPT);
    assertThat(read(large, 1, 0, BLOCK)).isEqualTo(Arrays.copyOf(bytes, BLOCK));
    assertThat(read(large, 1, 2 * BLOCK, BLOCK))
        .isEqualTo(Arrays.copyOfRange(bytes, 2 * BLOCK, 3 * BLOCK));
    assertThat(store.verify(new byte[0], Long.MAX_VALUE).findings())
        .singleElement(STRING)
        .contains(
            "chunk 0 of inode " + file,
            chunkFiles().getFirst().toString(),
            "block 1 does not match");
  }

  @Test
  void neverGivesWrongBytesANewChecksum() throws Exception {
    byte[] bytes = bytes(LARGE, 1);
    write(large, 1, 0, bytes);
    store = reopen(store);
    flip(BLOCK + 100, 3);
    assertThat(write(large, 1, BLOCK + 4096, bytes(4096, 2)))
        .as("a part of the block, the rest of which is wrong")
        .containsOnly(SpanOutcome.CORRUPT);
    byte[] fresh = bytes(4096, 3);
    assertThat(write(large, 1, 4096, fresh)).containsOnly(SpanOutcome.DONE);
    System.arraycopy(fresh, 0, bytes, 4096, 4096);
    store = reopen(store);
    assertThat(outcomeOfRead(large, BLOCK, 10)).isEqualTo(SpanOutcome.CORRUPT);
    assertThat(read(large, 1, 0, BLOCK)).isEqualTo(Arrays.copyOf(bytes, BLOCK));
    store.discard(file, large, 2, BLOCK + 4096, BLOCK + 8192, ALL);
    assertThat(outcomeOfRead(large, BLOCK, 10)).isEqualTo(SpanOutcome.CORRUPT);
    assertThat(write(large, 2, BLOCK, bytes(BLOCK, 4))).containsOnly(SpanOutcome.DONE);
    assertThat(read(large, 2, BLOCK, BLOCK)).isEqualTo(bytes(BLOCK, 4));
    store = reopen(store);
    assertThat(store.verify(new byte[0], Long.MAX_VALUE).findings()).isEmpty();
  }

  @Test
  void refusesToReadAndWriteWhereItsFileIsMissingOrShort() throws Exception {
    for (boolean sealed : List.of(true, false)) {
      write(large, 1, 0, bytes(2 * LARGE, 1));
      if (sealed) {
        store = reopen(store);
      }
      try (var shortened = new RandomAccessFile(chunkFiles().getFirst().toFile(), "rw")) {
        shortened.setLength(LARGE + 5000);
      }
      assertThat(outcomeOfRead(large, LARGE + 4096, 4096)).isEqualTo(SpanOutcome.CORRUPT);
      assertThat(outcomeOfRead(large, 0, LARGE)).isEqualTo(SpanOutcome.DONE);
      // Closed first: an open file has its bytes still.
      store.close();
      database.close();
      Files.delete(chunkFiles().getFirst());
      store = open();
      assertThat(outcomeOfRead(large, 0, 10)).isEqualTo(SpanOutcome.CORRUPT);
      assertThat(write(large, 1, 0, bytes(10, 1))).containsOnly(SpanOutcome.CORRUPT);
      assertThat(chunkFiles()).isEmpty();
      var batch = new SlotBatch();
      for (long chunk = 0; chunk < 2; chunk++) {
        batch.remove(
            Keys.key(
                Placement.chunkSlotValue(large, chunk), RecordKind.CHUNK, file.value(), chunk));
      }
      database.commit(batch);
      store = reopen(store);
    }
  }

  @Test
  void comparesNothingWhereItIsSwitchedOffAndEverythingWhenItIsOnAgain() throws Exception {
    byte[] bytes = bytes(LARGE, 1);
    write(large, 1, 0, bytes);
    store.close();
    flip(3 * BLOCK, 0);
    store = openWithoutSums();
    assertThat(outcomeOfRead(large, 0, LARGE)).isEqualTo(SpanOutcome.DONE);
    byte[] fresh = bytes(4096, 2);
    assertThat(write(large, 1, 4096, fresh)).containsOnly(SpanOutcome.DONE);
    store = reopen(store);
    assertThat(read(large, 1, 4096, 4096)).isEqualTo(fresh);
    assertThat(outcomeOfRead(large, 3 * BLOCK, 10)).isEqualTo(SpanOutcome.CORRUPT);
  }

  private FileChunkStore openWithoutSums() throws Exception {
    return new FileChunkStore(
        Threads.SYSTEM,
        new LocalDisk(directory.resolve("chunks")),
        database,
        new FileChunkStore.Limits(1 << 20, 0, OPEN_FILES_MAX),
        FileChunkStore.Sealing.OFF,
        PooledByteBufAllocator.DEFAULT);
  }

  @Test
  void handsOverWhatIsWrongAsWrongAndWhatIsOpenAsItIs() throws Exception {
    byte[] bytes = bytes(2 * LARGE, 1);
    write(large, 1, 0, bytes);
    store = reopen(store);
    flip(BLOCK, 7);
    byte[] fresh = bytes(4096, 2);
    write(large, 1, LARGE, fresh);
    System.arraycopy(fresh, 0, bytes, LARGE, 4096);

    ChunkTransfer from = ((FileChunkStore) store).transfer();
    try (var targetDatabase = new RocksSlotStore(directory.resolve("target"), 1 << 30);
        var target =
            new FileChunkStore(
                Threads.SYSTEM,
                new LocalDisk(directory.resolve("targetChunks")),
                targetDatabase,
                new FileChunkStore.Limits(1 << 20, 0, OPEN_FILES_MAX),
                new FileChunkStore.Sealing(true, 0),
                PooledByteBufAllocator.DEFAULT)) {
      for (long chunk = 0; chunk < 2; chunk++) {
        byte[] key =
            Keys.key(Placement.chunkSlotValue(large, chunk), RecordKind.CHUNK, file.value(), chunk);
        byte[] record = requireNonNull(database.get(key));
        var piece = requireNonNull(from.read(key, record, 0, LARGE, LARGE));
        target.transfer().take(key, record, true, piece.offsetBytes(), piece.bytes());
        piece.bytes().release();
      }
      ChunkStore source = store;
      store = target;
      assertThat(outcomeOfRead(large, BLOCK, 10)).isEqualTo(SpanOutcome.CORRUPT);
      assertThat(read(large, 1, 0, BLOCK)).isEqualTo(Arrays.copyOf(bytes, BLOCK));
      assertThat(read(large, 1, LARGE, LARGE))
          .isEqualTo(Arrays.copyOfRange(bytes, LARGE, 2 * LARGE));
      store = source;
    }
  }

  @Test
  void servesReadersWritersAndCutsSideBySide() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    int files = 12;
    int chunks = 6;
    var layout = new FileLayout(4096, 11, 1, 0, false);
    List<Callable<Void>> work = new ArrayList<>();
    for (int worker = 0; worker < 6; worker++) {
      int number = worker;
      work.add(() -> {
        var random = new Random(seed + number);
        for (int round = 0; round < 1500; round++) {
          InodeId inode = InodeId.of(new SlotId(5), 1 + random.nextInt(files));
          ChunkSpan span = new ChunkSpan(random.nextInt(chunks), 0, 4096);
          switch (random.nextInt(8)) {
            case 0 ->
                store.discard(
                    inode, layout, 1 + round, 4096L * span.chunkIndex(), Long.MAX_VALUE, ALL);
            case 1, 2, 3 -> {
              var bytes = new byte[4096];
              Arrays.fill(bytes, (byte) (1 + span.chunkIndex()));
              ByteBuf payload = direct(bytes);
              assertThat(store.write(inode, layout, 1 + round, List.of(span), payload))
                  .containsAnyOf(SpanOutcome.DONE, SpanOutcome.STALE);
              payload.release();
            }
            default -> {
              var answer = store.read(inode, layout, Long.MAX_VALUE, List.of(span));
              assertThat(answer.outcomes()).containsOnly(SpanOutcome.DONE);
              // A reader may see a write half done, but only ever its bytes or zeros.
              for (int i = 0; i < 4096; i++) {
                byte value = answer.payload().getByte(i);
                if (value != 0 && value != 1 + span.chunkIndex()) {
                  throw new AssertionError("byte " + value + " in " + span);
                }
              }
              answer.payload().release();
            }
          }
        }
        return null;
      });
    }
    work.add(() -> {
      for (int i = 0; i < 5; i++) {
        assertThat(store.findings()).isEmpty();
      }
      return null;
    });
    try (ExecutorService threads = Executors.newFixedThreadPool(work.size())) {
      List<Future<Void>> done = threads.invokeAll(work, 120, TimeUnit.SECONDS);
      for (Future<Void> each : done) {
        each.get();
      }
    }
    assertThat(store.findings()).isEmpty();
    for (StoredChunk chunk : allChunks(1000)) {
      assertThat(chunk.inode().value() & 0xFFFF).isBetween(1L, (long) files);
    }
  }

  @Test
  void refusesMoreThanItsCapacity() throws Exception {
    store.close();
    database.close();
    database = new RocksSlotStore(directory.resolve("metadata"), 1 << 30);
    store =
        new FileChunkStore(
            Threads.SYSTEM,
            new LocalDisk(directory.resolve("chunks")),
            database,
            new FileChunkStore.Limits(1 << 20, 20 * CHUNK, OPEN_FILES_MAX),
            FileChunkStore.Sealing.AT_REST,
            PooledByteBufAllocator.DEFAULT);
    SpanOutcome[] outcomes = write(wide, 1, 0, bytes(30 * CHUNK, 7));
    long done = Arrays.stream(outcomes).filter(SpanOutcome.DONE::equals).count();
    assertThat(done).isBetween(15L, 20L);
    assertThat(outcomes).endsWith(SpanOutcome.NO_SPACE);
    assertThat(store.capacity().space().totalBytes()).isEqualTo(20 * CHUNK);
    assertThat(write(wide, 1, 0, bytes(CHUNK, 8))).containsOnly(SpanOutcome.DONE);
    store.discard(file, wide, 2, 0, Long.MAX_VALUE, ALL);
    assertThat(write(wide, 2, 0, bytes(10 * CHUNK, 7))).containsOnly(SpanOutcome.DONE);
  }

  private void lose(int searched, int... slots) {
    var lost = new BitSet();
    for (int slot : slots) {
      lost.set(slot);
    }
    LostSlots known = LostSlots.NONE.with(List.of(new NodeId(3)), lost).searchedUpTo(searched);
    ((FileChunkStore) store).lostSlots(() -> known);
  }

  private List<Long> markLost(long generation, long chunks) throws FsException {
    return store.markLost(file, wide, generation, 0, chunks - 1, ALL).stream()
        .map(StoredChunk::chunkIndex)
        .toList();
  }

  private SpanOutcome readOutcome(long chunk) {
    ChunkStore.ChunkBytes read = store.read(file, wide, 9, List.of(new ChunkSpan(chunk, 0, CHUNK)));
    read.payload().release();
    return read.outcomes()[0];
  }

  @Test
  void chunksOfLostSlotsAreKnownOnceSearchedAndNeverReadAsZeros() throws Exception {
    // Of four chunks the second and the fourth lay in slots that are lost; the others are here.
    write(wide, 1, 0, bytes(CHUNK, 1));
    write(wide, 1, 2 * CHUNK, bytes(CHUNK, 2));
    int second = Placement.chunkSlot(wide, 1).value();
    int fourth = Placement.chunkSlot(wide, 3).value();
    lose(0, second, fourth);
    assertThat(readOutcome(1)).isEqualTo(SpanOutcome.UNKNOWN);
    assertThat(write(wide, 1, CHUNK, bytes(CHUNK, 3))).containsOnly(SpanOutcome.UNKNOWN);

    assertThat(markLost(1, 4)).containsExactly(1L, 3L);
    assertThat(markLost(1, 4)).containsExactly(1L, 3L);
    lose(1, second, fourth);
    assertThat(readOutcome(0)).isEqualTo(SpanOutcome.DONE);
    assertThat(readOutcome(1)).isEqualTo(SpanOutcome.LOST);
    assertThat(readOutcome(2)).isEqualTo(SpanOutcome.DONE);
    assertThat(readOutcome(3)).isEqualTo(SpanOutcome.LOST);
    assertThat(store.findings()).isEmpty();
    // Whoever looks for data must come across it, or would take it for a hole.
    assertThat(store.seek(file, wide, CHUNK, false, ALL)).isEqualTo(CHUNK);

    store = reopen(store);
    lose(1, second, fourth);
    assertThat(readOutcome(1)).isEqualTo(SpanOutcome.LOST);
  }

  @Test
  void aLostChunkIsMadeGoodByAWholeWriteOrACut() throws Exception {
    int first = Placement.chunkSlot(wide, 0).value();
    int second = Placement.chunkSlot(wide, 1).value();
    lose(0, first, second);
    assertThat(markLost(1, 2)).containsExactly(0L, 1L);
    lose(1, first, second);

    assertThat(write(wide, 1, 100, bytes(50, 1))).containsOnly(SpanOutcome.LOST);
    byte[] whole = bytes(CHUNK, 2);
    assertThat(write(wide, 1, 0, whole)).containsOnly(SpanOutcome.DONE);
    assertThat(readOutcome(0)).isEqualTo(SpanOutcome.DONE);

    store.discard(file, wide, 2, CHUNK + 10, Long.MAX_VALUE, ALL);
    assertThat(readOutcome(1)).as("its first bytes are lost still").isEqualTo(SpanOutcome.LOST);
    store.discard(file, wide, 3, CHUNK, Long.MAX_VALUE, ALL);
    assertThat(readOutcome(1)).isEqualTo(SpanOutcome.DONE);
    assertThat(store.findings()).isEmpty();
  }

  @Test
  void whatWasCutSinceIsNotWrittenDownAsLost() throws Exception {
    int first = Placement.chunkSlot(wide, 0).value();
    lose(0, first);
    store.discard(file, wide, 2, 0, Long.MAX_VALUE, ALL);
    assertThat(markLost(1, 1)).isEmpty();
    assertThat(markLost(2, 1)).containsExactly(0L);
  }
}
