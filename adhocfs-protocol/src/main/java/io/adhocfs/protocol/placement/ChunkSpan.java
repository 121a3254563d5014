package io.adhocfs.protocol.placement;

/**
 * A byte range inside one chunk.
 *
 * @param chunkIndex which chunk of the file, from 0
 * @param offsetBytes where in the chunk the range starts
 * @param lengthBytes how long it is: at least 1, within the chunk
 */
public record ChunkSpan(long chunkIndex, int offsetBytes, int lengthBytes) {
  public ChunkSpan {
    if (chunkIndex < 0 || offsetBytes < 0 || lengthBytes < 1) {
      throw new IllegalArgumentException(
          "span of " + lengthBytes + " at " + offsetBytes + " in chunk " + chunkIndex);
    }
  }
}
