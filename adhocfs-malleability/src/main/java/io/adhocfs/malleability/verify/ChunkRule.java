package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.placement.Placement;

/** Decides whether a chunk fits the inode that it belongs to. Pure functions. */
final class ChunkRule {
  private ChunkRule() {}

  /** Whether an inode of this type and layout can have this chunk in this slot. */
  static boolean fits(FileType type, FileLayout layout, long chunkIndex, int slot) {
    return type == FileType.REGULAR
        && !layout.inline()
        && Placement.chunkSlotValue(layout, chunkIndex) == slot;
  }
}
