package io.adhocfs.protocol.model;

/**
 * Which attributes of an inode to set; the others stay as they are. It travels as one value from
 * the program that sets attributes to the daemon that stores them. The size is no part of it, as a
 * truncation is a request of its own.
 *
 * <p>A change starts as {@link #NONE} and gets its parts by the {@code with} methods. The
 * constructor is for values from a message and takes any, so that a daemon can refuse a bad request
 * with INVALID: {@link #check} says what is bad.
 *
 * <p>A new owner of anything but a directory takes the set-id bits away, unless the mode is set
 * too.
 *
 * @param mask which attributes are set: a sum of bits that is part of the wire format, and that the
 *     {@code sets} methods read
 * @param mode permission, set-id and sticky bits (07777)
 * @param uid as an unsigned number, as gid
 * @param atimeNanos nanoseconds since 1970-01-01T00:00Z, as mtime and ctime
 * @param ctimeNanos the change time; what {@link #NONE} has stands for the clock of the client that
 *     sends the change
 * @param dataset the dataset that the inode comes into
 */
public record AttributeChange(
    int mask,
    int mode,
    int uid,
    int gid,
    long atimeNanos,
    long mtimeNanos,
    long ctimeNanos,
    int dataset) {
  private static final int MODE = 1;
  private static final int UID = 2;
  private static final int GID = 4;
  private static final int ATIME = 8;
  private static final int MTIME = 16;
  private static final int CLEAR_SET_ID = 32;
  private static final int DATASET = 64;

  /** Stands for the time at which the change is sent; earlier than every change time. */
  private static final long CTIME_OF_CLOCK = Long.MIN_VALUE;

  /** Changes nothing. */
  public static final AttributeChange NONE =
      new AttributeChange(0, 0, 0, 0, 0, 0, CTIME_OF_CLOCK, 0);

  /** Throws {@link IllegalArgumentException} if the mode has bits other than 07777. */
  public AttributeChange withMode(int value) {
    if ((value & ~FileAttributes.MODE_MASK) != 0) {
      throw new IllegalArgumentException("mode " + Integer.toOctalString(value));
    }
    return new AttributeChange(
        mask | MODE, value, uid, gid, atimeNanos, mtimeNanos, ctimeNanos, dataset);
  }

  public AttributeChange withUid(int value) {
    return new AttributeChange(
        mask | UID, mode, value, gid, atimeNanos, mtimeNanos, ctimeNanos, dataset);
  }

  public AttributeChange withGid(int value) {
    return new AttributeChange(
        mask | GID, mode, uid, value, atimeNanos, mtimeNanos, ctimeNanos, dataset);
  }

  public AttributeChange withAtimeNanos(long value) {
    return new AttributeChange(
        mask | ATIME, mode, uid, gid, value, mtimeNanos, ctimeNanos, dataset);
  }

  public AttributeChange withMtimeNanos(long value) {
    return new AttributeChange(
        mask | MTIME, mode, uid, gid, atimeNanos, value, ctimeNanos, dataset);
  }

  /** With this change time in place of the client's clock. */
  public AttributeChange withCtimeNanos(long value) {
    return new AttributeChange(mask, mode, uid, gid, atimeNanos, mtimeNanos, value, dataset);
  }

  /**
   * With the set-id bits cleared as after a write by somebody who may not keep them; without effect
   * if the mode is set too.
   */
  public AttributeChange withSetIdCleared() {
    return new AttributeChange(
        mask | CLEAR_SET_ID, mode, uid, gid, atimeNanos, mtimeNanos, ctimeNanos, dataset);
  }

  /**
   * With another dataset; of a directory, what is made in it comes into that dataset too. A change
   * of nothing else leaves the change time as it is.
   */
  public AttributeChange withDataset(int value) {
    return new AttributeChange(
        mask | DATASET, mode, uid, gid, atimeNanos, mtimeNanos, ctimeNanos, value);
  }

  /** The change as it is sent at a time, which becomes the change time unless one is given. */
  public AttributeChange at(long nowNanos) {
    return ctimeNanos == CTIME_OF_CLOCK ? withCtimeNanos(nowNanos) : this;
  }

  public boolean isEmpty() {
    return equals(NONE);
  }

  public boolean setsMode() {
    return has(MODE);
  }

  public boolean setsUid() {
    return has(UID);
  }

  public boolean setsGid() {
    return has(GID);
  }

  public boolean setsAtime() {
    return has(ATIME);
  }

  public boolean setsMtime() {
    return has(MTIME);
  }

  public boolean setsDataset() {
    return has(DATASET);
  }

  /** Whether the change takes the set-id bits of anything but a directory away. */
  public boolean takesSetIdAway() {
    return !setsMode() && has(UID | GID | CLEAR_SET_ID);
  }

  /** Whether the change time becomes that of the change. */
  public boolean setsCtime() {
    return mask != DATASET;
  }

  public boolean setsOnlyAtime() {
    return mask == ATIME;
  }

  private boolean has(int bits) {
    return (mask & bits) != 0;
  }

  /**
   * Refuses what no attribute can be.
   *
   * @throws FsException INVALID if a mode that is set has other bits
   */
  public void check() throws FsException {
    if (setsMode()) {
      FileAttributes.checkMode(mode);
    }
  }
}
