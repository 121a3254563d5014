package io.adhocfs.daemon.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.daemon.chunk.ChunkStore.ChunkBytes;
import io.adhocfs.daemon.chunk.ChunkStore.ChunkPage;
import io.adhocfs.daemon.chunk.ChunkStore.StoredChunk;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.placement.Striping;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a chunk store does, on whatever disk. */
abstract class ChunkStoreContract {
  static final int CHUNK = 64 << 10;
  static final int BLOCK = 64 << 10;
  static final int LARGE = 4 * BLOCK;
  static final IntPredicate ALL = slot -> true;

  final InodeId file = InodeId.of(new SlotId(4711), 42);
  final FileLayout wide = new FileLayout(CHUNK, 65_530, 1, 0, false);

  /** Of chunks with several blocks. */
  final FileLayout large = new FileLayout(LARGE, 7, 1, 0, false);

  final FileLayout local = new FileLayout(CHUNK, 99, 0, 0, false);

  ChunkStore store;

  /** A store without chunks. */
  abstract ChunkStore open() throws Exception;

  /** The same chunks after the store was closed and opened again. */
  abstract ChunkStore reopen(ChunkStore store) throws Exception;

  @BeforeEach
  void openStore() throws Exception {
    store = open();
  }

  @AfterEach
  void closeStore() {
    store.close();
  }

  static byte[] bytes(int length, long seed) {
    var bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  static ByteBuf direct(byte[] bytes) {
    return PooledByteBufAllocator.DEFAULT.directBuffer(Math.max(1, bytes.length)).writeBytes(bytes);
  }

  SpanOutcome[] write(FileLayout layout, long generation, long offset, byte[] bytes) {
    ByteBuf payload = direct(bytes);
    try {
      return store.write(
          file,
          layout,
          generation,
          Striping.spans(offset, bytes.length, layout.chunkSizeBytes()),
          payload);
    } finally {
      payload.release();
    }
  }

  byte[] read(FileLayout layout, long generation, long offset, int length) {
    ChunkBytes answer =
        store.read(
            file, layout, generation, Striping.spans(offset, length, layout.chunkSizeBytes()));
    try {
      assertThat(answer.outcomes()).allMatch(SpanOutcome.DONE::equals);
      var bytes = new byte[answer.payload().readableBytes()];
      answer.payload().getBytes(answer.payload().readerIndex(), bytes);
      return bytes;
    } finally {
      answer.payload().release();
    }
  }

  List<StoredChunk> allChunks(int pageItems) throws FsException {
    List<StoredChunk> chunks = new ArrayList<>();
    byte[] cursor = {};
    do {
      ChunkPage page = store.scan(cursor, pageItems);
      assertThat(page.chunks()).hasSizeLessThanOrEqualTo(pageItems);
      chunks.addAll(page.chunks());
      cursor = page.cursor();
    } while (cursor.length > 0);
    return chunks;
  }

  @Test
  void readsBackWhatWasWrittenAcrossChunks() {
    byte[] bytes = bytes(3 * CHUNK, 1);
    assertThat(write(wide, 1, 1000, bytes)).hasSize(4).containsOnly(SpanOutcome.DONE);
    assertThat(read(wide, 1, 1000, bytes.length)).isEqualTo(bytes);
  }

  @Test
  void readsBackFromHeapPayloadsAndFromPayloadsInParts() {
    byte[] bytes = bytes(CHUNK, 2);
    List<ChunkSpan> spans = List.of(new ChunkSpan(0, 0, CHUNK));
    ByteBuf inParts =
        Unpooled.compositeBuffer()
            .addComponents(
                true,
                Unpooled.wrappedBuffer(bytes, 0, 100),
                direct(Arrays.copyOfRange(bytes, 100, CHUNK)));
    assertThat(store.write(file, wide, 1, spans, inParts)).containsOnly(SpanOutcome.DONE);
    assertThat(inParts.readableBytes()).isEqualTo(CHUNK);
    inParts.release();
    assertThat(read(wide, 1, 0, CHUNK)).isEqualTo(bytes);
  }

  @Test
  void readsZerosWhereNothingWasWritten() {
    assertThat(read(wide, 1, 5, 100)).containsOnly(0);
    write(wide, 1, 2 * CHUNK + 10, bytes(10, 3));
    assertThat(read(wide, 1, 0, 2 * CHUNK + 10)).containsOnly(0);
    assertThat(read(wide, 1, 2 * CHUNK + 20, 2 * CHUNK)).containsOnly(0);
  }

  @Test
  void takesTheLaterOfTwoWrites() {
    write(wide, 1, 0, bytes(1000, 4));
    byte[] later = bytes(100, 5);
    write(wide, 1, 500, later);
    assertThat(read(wide, 1, 500, 100)).isEqualTo(later);
    assertThat(read(wide, 1, 0, 500)).isEqualTo(Arrays.copyOf(bytes(1000, 4), 500));
  }

  @Test
  void keepsFilesApart() {
    write(wide, 1, 0, bytes(100, 6));
    ChunkBytes other =
        store.read(InodeId.of(new SlotId(4711), 43), wide, 1, List.of(new ChunkSpan(0, 0, 100)));
    assertThat(other.payload().getByte(50)).isZero();
    other.payload().release();
  }

  @Test
  void answersAnEmptyRequestWithNothing() {
    assertThat(write(wide, 1, 0, new byte[0])).isEmpty();
    assertThat(read(wide, 1, 0, 0)).isEmpty();
  }

  @Test
  void refusesSpansBeyondTheirChunkAndPayloadsOfAnotherLength() {
    List<ChunkSpan> beyond = List.of(new ChunkSpan(0, CHUNK - 1, 2));
    ByteBuf two = direct(new byte[2]);
    assertThatThrownBy(() -> store.write(file, wide, 1, beyond, two))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> store.read(file, wide, 1, beyond))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> store.write(file, wide, 1, List.of(new ChunkSpan(0, 0, 3)), two))
        .isInstanceOf(IllegalArgumentException.class);
    two.release();
  }

  @Test
  void discardsAMiddleRangeAndKeepsTheRest() throws Exception {
    byte[] bytes = bytes(4 * CHUNK, 7);
    write(wide, 1, 0, bytes);
    store.discard(file, wide, 2, 100, 3 * CHUNK + 100, ALL);
    Arrays.fill(bytes, 100, 3 * CHUNK + 100, (byte) 0);
    assertThat(read(wide, 2, 0, 4 * CHUNK)).isEqualTo(bytes);
    assertThat(allChunks(10)).extracting(StoredChunk::chunkIndex).containsExactlyInAnyOrder(0L, 3L);
  }

  @Test
  void discardsInsideOneChunk() throws Exception {
    byte[] bytes = bytes(CHUNK, 8);
    write(wide, 1, 0, bytes);
    store.discard(file, wide, 2, 10, 20, ALL);
    Arrays.fill(bytes, 10, 20, (byte) 0);
    assertThat(read(wide, 2, 0, CHUNK)).isEqualTo(bytes);
  }

  @Test
  void refusesSpansOlderThanACut() throws Exception {
    write(wide, 1, 0, bytes(3 * CHUNK, 9));
    store.discard(file, wide, 2, CHUNK, Long.MAX_VALUE, ALL);
    assertThat(write(wide, 1, CHUNK, bytes(10, 10))).containsOnly(SpanOutcome.STALE);
    ChunkBytes answer = store.read(file, wide, 1, List.of(new ChunkSpan(2, 0, 10)));
    assertThat(answer.outcomes()).containsOnly(SpanOutcome.STALE);
    assertThat(answer.payload().readableBytes()).isZero();
    answer.payload().release();
    assertThat(write(wide, 2, CHUNK, bytes(10, 11))).containsOnly(SpanOutcome.DONE);
    assertThat(read(wide, 2, CHUNK, 10)).isEqualTo(bytes(10, 11));
  }

  @Test
  void leavesWhatWasWrittenAfterACutAloneWhenTheCutComesAgain() throws Exception {
    write(wide, 1, 0, bytes(2 * CHUNK, 12));
    store.discard(file, wide, 2, 100, Long.MAX_VALUE, ALL);
    byte[] fresh = bytes(2 * CHUNK, 13);
    write(wide, 2, 100, fresh);
    store.discard(file, wide, 2, 100, Long.MAX_VALUE, ALL);
    assertThat(read(wide, 2, 100, fresh.length)).isEqualTo(fresh);
  }

  @Test
  void discardsOnlyInTheSlotsThatCount() throws Exception {
    byte[] bytes = bytes(4 * CHUNK, 14);
    write(wide, 1, 0, bytes);
    int keep = Placement.chunkSlot(wide, 2).value();
    store.discard(file, wide, 2, 0, Long.MAX_VALUE, slot -> slot != keep);
    assertThat(read(wide, 2, 2 * CHUNK, CHUNK))
        .isEqualTo(Arrays.copyOfRange(bytes, 2 * CHUNK, 3 * CHUNK));
    assertThat(allChunks(10)).extracting(StoredChunk::chunkIndex).containsExactly(2L);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void forgetsAFileForEver(boolean overAllNodes) throws Exception {
    FileLayout layout = overAllNodes ? wide : local;
    write(layout, 1, 0, bytes(2 * CHUNK, 15));
    store.discard(file, layout, ChunkStore.FORGET, 0, Long.MAX_VALUE, ALL);
    store.discard(file, layout, ChunkStore.FORGET, 0, Long.MAX_VALUE, ALL);
    assertThat(write(layout, 7, 0, bytes(10, 16))).containsOnly(SpanOutcome.STALE);
    assertThat(allChunks(10)).isEmpty();
    assertThat(store.findings()).isEmpty();
  }

  @Test
  void scansAllChunksInPagesByTheirSlots() throws Exception {
    write(wide, 1, 0, bytes(12 * CHUNK, 17));
    List<StoredChunk> chunks = allChunks(5);
    assertThat(chunks)
        .hasSize(12)
        .allSatisfy(chunk -> {
          assertThat(chunk.inode()).isEqualTo(file);
          assertThat(chunk.slot()).isEqualTo(Placement.chunkSlot(wide, chunk.chunkIndex()).value());
        })
        .isSortedAccordingTo((a, b) -> Integer.compare(a.slot(), b.slot()));
    assertThat(allChunks(1)).isEqualTo(chunks);
    assertThatThrownBy(() -> store.scan(new byte[] {1, 2}, 5))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.INVALID));
  }

  @Test
  void failsEverySpanAfterClose() {
    store.close();
    assertThat(write(wide, 1, 0, bytes(10, 18))).containsOnly(SpanOutcome.FAILED);
  }

  @Test
  void behavesLikeBytesInMemory() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("replay with -Dtest.jvm.extra=-Dadhocfs.seed=" + seed);
    int rounds = Boolean.getBoolean("adhocfs.full") ? 20_000 : 3_000;
    var random = new Random(seed);
    List<FileLayout> layouts =
        List.of(
            new FileLayout(4096, random.nextInt(SlotId.COUNT), 1, 0, false),
            new FileLayout(4096, random.nextInt(SlotId.COUNT), 0, 0, false),
            new FileLayout(8192, random.nextInt(SlotId.COUNT), 1 << 14, 0, false));
    int files = 6;
    int sizeMax = 40 * 4096;
    var model = new byte[files][sizeMax];
    var generations = new long[files];
    Arrays.fill(generations, 1);
    var incarnations = new int[files];
    for (int round = 0; round < rounds; round++) {
      String step = "round " + round + " of seed " + seed;
      int which = random.nextInt(files);
      FileLayout layout = layouts.get(which % layouts.size());
      InodeId inode = InodeId.of(new SlotId(7), 1000L * (which + 1) + incarnations[which]);
      int offset = random.nextInt(sizeMax);
      int length = 1 + random.nextInt(Math.min(5 * 4096, sizeMax - offset));
      List<ChunkSpan> spans = Striping.spans(offset, length, layout.chunkSizeBytes());
      switch (random.nextInt(12)) {
        case 0, 1, 2, 3, 4 -> {
          byte[] bytes = bytes(length, random.nextLong());
          ByteBuf payload = direct(bytes);
          assertThat(store.write(inode, layout, generations[which], spans, payload))
              .as(step)
              .containsOnly(SpanOutcome.DONE);
          payload.release();
          System.arraycopy(bytes, 0, model[which], offset, length);
        }
        case 5 -> {
          if (generations[which] > 1) {
            ByteBuf payload = direct(new byte[length]);
            // A write from before the last cut: refused where that cut was, else as good as new.
            SpanOutcome[] outcomes =
                store.write(inode, layout, generations[which] - 1, spans, payload);
            payload.release();
            int position = offset;
            for (int i = 0; i < outcomes.length; i++) {
              if (outcomes[i] == SpanOutcome.DONE) {
                Arrays.fill(
                    model[which], position, position + spans.get(i).lengthBytes(), (byte) 0);
              } else {
                assertThat(outcomes[i]).as(step).isEqualTo(SpanOutcome.STALE);
              }
              position += spans.get(i).lengthBytes();
            }
          }
        }
        case 6, 7, 8 -> {
          long to = random.nextBoolean() ? Long.MAX_VALUE : offset + length;
          generations[which]++;
          for (int times = 1 + random.nextInt(2); times > 0; times--) {
            store.discard(inode, layout, generations[which], offset, to, ALL);
          }
          Arrays.fill(model[which], offset, (int) Math.min(to, sizeMax), (byte) 0);
        }
        case 9 -> {
          if (random.nextInt(4) == 0) {
            store.discard(inode, layout, ChunkStore.FORGET, 0, Long.MAX_VALUE, ALL);
            incarnations[which]++;
            generations[which] = 1;
            model[which] = new byte[sizeMax];
          }
        }
        case 10 -> {
          if (random.nextInt(20) == 0) {
            store = reopen(store);
          }
        }
        default -> {}
      }
      ChunkBytes answer =
          store.read(
              InodeId.of(new SlotId(7), 1000L * (which + 1) + incarnations[which]),
              layout,
              generations[which],
              spans);
      var found = new byte[length];
      assertThat(answer.outcomes()).as(step).containsOnly(SpanOutcome.DONE);
      answer.payload().readBytes(found).release();
      assertThat(found)
          .as(step)
          .isEqualTo(Arrays.copyOfRange(model[which], offset, offset + length));
    }
    assertThat(store.findings()).as("after seed " + seed).isEmpty();
    for (int which = 0; which < files; which++) {
      InodeId inode = InodeId.of(new SlotId(7), 1000L * (which + 1) + incarnations[which]);
      store.discard(
          inode, layouts.get(which % layouts.size()), ChunkStore.FORGET, 0, Long.MAX_VALUE, ALL);
    }
    assertThat(allChunks(100)).isEmpty();
  }
}
