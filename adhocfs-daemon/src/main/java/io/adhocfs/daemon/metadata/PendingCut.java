package io.adhocfs.daemon.metadata;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;

/**
 * Work on a file's chunks that is under way and that a restart has to take up again.
 *
 * @param generation the data generation that the work brings; part of the record's key
 * @param layout by which the chunks are found; never inline
 * @param toByte exclusive
 */
public record PendingCut(
    InodeId inode, long generation, Kind kind, FileLayout layout, long fromByte, long toByte) {
  /** What is under way. Codes are part of the on-disk format. */
  public enum Kind {
    /** The range is being dropped at the chunks' owners. */
    CUT(1),
    /** Inline data is being copied to chunks; if that was not finished, the copy has to go. */
    LEAVE_INLINE(2);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    int code() {
      return code;
    }

    static Kind ofCode(int code) {
      return switch (code) {
        case 1 -> CUT;
        case 2 -> LEAVE_INLINE;
        default -> throw new IllegalArgumentException("a pending cut of kind " + code);
      };
    }
  }

  /** The cut that a record stands for. */
  public static PendingCut ofRecord(byte[] key, byte[] value) throws FsException {
    return Records.cut(new InodeId(Keys.number(key, 0)), Keys.number(key, 1), value);
  }

  public PendingCut {
    if (layout.inline() || fromByte < 0 || toByte < fromByte) {
      throw new IllegalArgumentException("cut of " + inode + ": " + fromByte + " to " + toByte);
    }
  }
}
