package io.adhocfs.protocol.placement;

import io.adhocfs.protocol.model.FileLayout;
import java.util.ArrayList;
import java.util.List;

/** Cuts byte ranges of a file at the borders of its chunks. Pure functions. */
public final class Striping {
  private Striping() {}

  /**
   * The spans of a byte range, in order.
   *
   * @param offset where the range starts in the file, 0 or more
   * @param length bytes, 0 or more; offset + length must not overflow
   * @param chunkSizeBytes a power of two
   */
  public static List<ChunkSpan> spans(long offset, long length, int chunkSizeBytes) {
    if (offset < 0 || length < 0 || Math.addExact(offset, length) < 0) {
      throw new IllegalArgumentException("range of " + length + " at " + offset);
    }
    if (length == 0) {
      return List.of();
    }
    int shift = Integer.numberOfTrailingZeros(chunkSizeBytes);
    long first = offset >>> shift;
    long last = (offset + length - 1) >>> shift;
    if (first == last) {
      return List.of(new ChunkSpan(first, (int) (offset & (chunkSizeBytes - 1)), (int) length));
    }
    List<ChunkSpan> spans = new ArrayList<>(Math.toIntExact(last - first + 1));
    long position = offset;
    long end = offset + length;
    while (position < end) {
      int within = (int) (position & (chunkSizeBytes - 1));
      int take = (int) Math.min(end - position, chunkSizeBytes - within);
      spans.add(new ChunkSpan(position >>> shift, within, take));
      position += take;
    }
    return spans;
  }

  /**
   * The next border of chunks; {@link FileLayout#FILE_BYTES_MAX} behind the last one, which stands
   * for the end of the last chunk.
   */
  public static long endOfChunk(long position, int chunkSizeBytes) {
    return position > FileLayout.FILE_BYTES_MAX - chunkSizeBytes + 1
        ? FileLayout.FILE_BYTES_MAX
        : (position + chunkSizeBytes - 1) & -chunkSizeBytes;
  }

  /** How many chunks a file of this size has. */
  public static long chunkCount(long sizeBytes, int chunkSizeBytes) {
    return sizeBytes == 0
        ? 0
        : ((sizeBytes - 1) >>> Integer.numberOfTrailingZeros(chunkSizeBytes)) + 1;
  }
}
