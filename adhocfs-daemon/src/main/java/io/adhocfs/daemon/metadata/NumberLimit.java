package io.adhocfs.daemon.metadata;

import io.adhocfs.daemon.storage.ChecksummedFile;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;

/**
 * Up to where numbers of inodes and transactions may have been given out by this node: one bound
 * for all of its slots, on the disk before a number below it is used. So a node that has lost what
 * its log had not synced never gives a number again: it goes on above the bound that it finds.
 *
 * <p>The bound is raised by so much that it is written at a start and nearly never else. A slot has
 * numbers for sixteen million starts.
 *
 * <p>Metadata thread only.
 */
public final class NumberLimit {
  /** How far the bound is raised. */
  static final long STEP = 1L << 24;

  /** Name of its file in the storage directory. */
  public static final String FILE_NAME = "numbers";

  private static final int MAGIC = 0x4146_4E4C;
  private static final int VERSION = 1;

  private final ChecksummedFile file;
  private final long first;
  private long limit;

  private NumberLimit(ChecksummedFile file, long first) {
    this.file = file;
    this.first = first;
    this.limit = first;
  }

  /**
   * Reads the bound that earlier processes have kept, and raises it for this one.
   *
   * @param kept of the node, of which no other process gives out numbers
   * @throws FsException CORRUPT, NOT_SUPPORTED, NO_SPACE, STORAGE_FAILED
   */
  public static NumberLimit open(SmallFile kept) throws FsException {
    var file = new ChecksummedFile(kept, "number file", MAGIC, VERSION);
    byte[] stored = file.read();
    if (stored != null && stored.length != Long.BYTES) {
      throw file.corrupt("its body has " + stored.length + " bytes");
    }
    var limit = new NumberLimit(file, stored == null ? 0 : ByteBuffer.wrap(stored).getLong());
    limit.reach(limit.first + 1);
    return limit;
  }

  /** The least number that no earlier process can have given out on this node. */
  long first() {
    return first;
  }

  /**
   * Makes sure that numbers below this one may be given out. Blocks on the disk where the bound has
   * to be raised: after some million numbers of one slot, or when a slot comes from a node that has
   * given out much higher ones.
   *
   * @throws FsException NO_SPACE, STORAGE_FAILED: they may not
   */
  void reach(long number) throws FsException {
    if (number > limit) {
      long raised = number + STEP;
      file.write(ByteBuffer.allocate(Long.BYTES).putLong(raised).array());
      limit = raised;
    }
  }
}
