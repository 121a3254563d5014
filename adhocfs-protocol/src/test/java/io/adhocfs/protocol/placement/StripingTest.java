package io.adhocfs.protocol.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FileLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Byte ranges and the chunks that they cover. */
final class StripingTest {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());

  /**
   * A piece as the HDF5 sub-filing RFC names it: so many bytes, at a file offset, in a sub-file.
   */
  private record Piece(int length, long fileOffset, int subfile) {}

  private static List<Piece> pieces(long offset, long length, int depth, int width) {
    List<Piece> pieces = new ArrayList<>();
    for (ChunkSpan span : Striping.spans(offset, length, depth)) {
      pieces.add(
          new Piece(
              span.lengthBytes(),
              span.chunkIndex() * depth + span.offsetBytes(),
              (int) (span.chunkIndex() % width)));
    }
    return pieces;
  }

  /** Figure 2 of the RFC: stripe width 4, depth 1 KiB. */
  @Test
  void cutsAsTheSubfilingRfcDoes() {
    assertThat(pieces(512, 2048, 1024, 4))
        .containsExactly(new Piece(512, 512, 0), new Piece(1024, 1024, 1), new Piece(512, 2048, 2));
    assertThat(pieces(3584, 1024, 1024, 4))
        .containsExactly(new Piece(512, 3584, 3), new Piece(512, 4096, 0));
  }

  @Test
  void spansCoverTheRangeOnceAndInOrder() {
    var random = new SplittableRandom(SEED);
    for (int i = 0; i < 5000; i++) {
      int chunk = FileLayout.CHUNK_SIZE_BYTES_MIN << random.nextInt(15);
      long offset = random.nextLong(1L << 50);
      long length = random.nextLong(chunk * 20L);
      long position = offset;
      for (ChunkSpan span : Striping.spans(offset, length, chunk)) {
        assertThat(span.chunkIndex() * chunk + span.offsetBytes())
            .as("seed %d, %d at %d, chunks of %d", SEED, length, offset, chunk)
            .isEqualTo(position);
        assertThat(span.offsetBytes() + (long) span.lengthBytes()).isLessThanOrEqualTo(chunk);
        position += span.lengthBytes();
      }
      assertThat(position).isEqualTo(offset + length);
    }
  }

  @Test
  void knowsTheEdges() {
    assertThat(Striping.spans(7, 0, 4096)).isEmpty();
    assertThat(Striping.spans(4096, 4096, 4096)).containsExactly(new ChunkSpan(1, 0, 4096));
    assertThat(Striping.spans(4095, 2, 4096))
        .containsExactly(new ChunkSpan(0, 4095, 1), new ChunkSpan(1, 0, 1));
    assertThat(Striping.spans(Long.MAX_VALUE - 10, 10, 4096))
        .containsExactly(new ChunkSpan(Long.MAX_VALUE >>> 12, 4085, 10));
    assertThatThrownBy(() -> Striping.spans(-1, 1, 4096))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Striping.spans(1, -1, 4096))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Striping.spans(Long.MAX_VALUE, 1, 4096))
        .isInstanceOf(ArithmeticException.class);
  }

  @Test
  void countsChunks() {
    assertThat(Striping.chunkCount(0, 4096)).isZero();
    assertThat(Striping.chunkCount(1, 4096)).isEqualTo(1);
    assertThat(Striping.chunkCount(4096, 4096)).isEqualTo(1);
    assertThat(Striping.chunkCount(4097, 4096)).isEqualTo(2);
    assertThat(Striping.chunkCount(Long.MAX_VALUE, 4096)).isEqualTo(1L << 51);
  }

  @Test
  void chunksEndAtTheirBorders() {
    assertThat(Striping.endOfChunk(0, 4096)).isZero();
    assertThat(Striping.endOfChunk(1, 4096)).isEqualTo(4096);
    assertThat(Striping.endOfChunk(4096, 4096)).isEqualTo(4096);
    long lastBorder = Long.MAX_VALUE - 4095;
    assertThat(Striping.endOfChunk(lastBorder - 1, 4096)).isEqualTo(lastBorder);
    assertThat(Striping.endOfChunk(lastBorder, 4096)).isEqualTo(lastBorder);
    assertThat(Striping.endOfChunk(lastBorder + 1, 4096)).isEqualTo(Long.MAX_VALUE);
    assertThat(Striping.endOfChunk(Long.MAX_VALUE, 1 << 26)).isEqualTo(Long.MAX_VALUE);
  }
}
