package io.adhocfs.daemon.slot;

/**
 * Kinds of records. A key is {@code [slot: 2 bytes][kind: 1 byte][rest]}, all big-endian, so that
 * one slot is one range and one kind of a slot is one range in it. Codes are the on-disk format; a
 * code that is retired stays listed.
 */
public enum RecordKind {
  /** The slot's counter of inode and transaction ids: [] -> first number not yet given out. */
  COUNTER(1),
  /** [inode] -> attributes. */
  INODE(2),
  /** [inode] -> data of a file that lies inline. */
  INLINE_DATA(3),
  /** [inode] -> target of a symlink. */
  SYMLINK(4),
  /** [inode][name] -> value of an extended attribute. */
  XATTR(5),
  /** [directory][h][name] -> inode, type. */
  DENTRY(6),
  /** [inode][chunk index] -> state of a chunk. */
  CHUNK(7),
  /** [inode] -> the data generation below which writes to this slot's chunks are refused. */
  CHUNK_GENERATION(8),
  /** [inode][session] -> pin number. */
  PIN(9),
  /** [session][sequence] -> stored reply. */
  REPLY(10),
  /** [transaction] -> what this slot, as participant, has promised. */
  PREPARED(11),
  /** [transaction] -> the commit that this slot, as coordinator, has decided, and who must hear. */
  DECISION(12),
  /** [inode][generation] -> a truncation that not every chunk owner has confirmed. */
  PENDING_CUT(13),
  /** [inode] -> an inode that is gone and whose chunks are not yet all dropped. */
  RECLAIM(14),
  /** [inode][session][owner][kind of lock] -> the owner's advisory locks. */
  LOCK(15),
  /** [inode] -> up to where appends have been given room that is not all part of the size. */
  APPEND_END(16),
  /** [directory][partition] -> what a partition but the first keeps of its own. */
  SHARE(17),
  /**
   * [inode] -> the data generation below which writes to all of the file's chunks at this node are
   * refused, whichever slots it has or gets. The only kind that belongs to the node and not to a
   * slot: its records lie under the last slot, and neither come nor go with that.
   */
  CHUNK_FLOOR(24);

  private final byte code;

  RecordKind(int code) {
    this.code = (byte) code;
  }

  public byte code() {
    return code;
  }
}
