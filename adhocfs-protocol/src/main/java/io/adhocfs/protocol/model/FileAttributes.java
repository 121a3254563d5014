package io.adhocfs.protocol.model;

/**
 * What an inode is and where its data lies, as its owner knew it at one moment.
 *
 * @param mode permission, set-id and sticky bits (07777), without the file type
 * @param linkCount names of a file; of a directory 2 + its subdirectories; 0 = unlinked but open
 * @param sizeBytes of a file its length; of a symlink its target's; of a directory its entry count
 * @param atimeNanos nanoseconds since 1970-01-01T00:00Z, as mtime and ctime
 * @param deviceNumber st_rdev of a device node, else 0
 * @param parent of a directory the directory it is in (the root is its own), else {@link
 *     InodeId#NONE}
 * @param partitionExponent k of a directory: its entries lie in 2^k partitions
 * @param dataGeneration raised by every truncation and cleared range ({@link DataGeneration}); a
 *     write that carries an older one is refused
 * @param dataVersion raised when a writer reports changed data; "unchanged" means this, never mtime
 * @param mayHaveHoles whether chunk owners must be asked where data is
 * @param hasExtendedAttributes whether it has any
 */
public record FileAttributes(
    InodeId id,
    FileType type,
    int mode,
    int uid,
    int gid,
    int linkCount,
    long sizeBytes,
    long atimeNanos,
    long mtimeNanos,
    long ctimeNanos,
    long deviceNumber,
    InodeId parent,
    int partitionExponent,
    long dataGeneration,
    long dataVersion,
    boolean mayHaveHoles,
    boolean hasExtendedAttributes,
    FileLayout layout) {

  public static final int MODE_MASK = 07777;

  private static final int MODE_SET_USER_ID = 04000;
  static final int MODE_SET_GROUP_ID = 02000;
  private static final int MODE_GROUP_EXECUTE = 0010;

  public static final int PARTITION_EXPONENT_MAX = 16;

  public FileAttributes {
    if ((mode & ~MODE_MASK) != 0) {
      throw new IllegalArgumentException("mode " + Integer.toOctalString(mode));
    }
    if (linkCount < 0 || sizeBytes < 0 || dataGeneration < 0 || dataVersion < 0) {
      throw new IllegalArgumentException(
          "inode " + id + ": links " + linkCount + ", size " + sizeBytes);
    }
    if (partitionExponent < 0 || partitionExponent > PARTITION_EXPONENT_MAX) {
      throw new IllegalArgumentException("partition exponent " + partitionExponent);
    }
  }

  static void checkMode(int mode) throws FsException {
    if ((mode & ~MODE_MASK) != 0) {
      throw new FsException(FsError.INVALID, "mode " + Integer.toOctalString(mode));
    }
  }

  /** An inode without extended attributes. */
  public FileAttributes(
      InodeId id,
      FileType type,
      int mode,
      int uid,
      int gid,
      int linkCount,
      long sizeBytes,
      long atimeNanos,
      long mtimeNanos,
      long ctimeNanos,
      long deviceNumber,
      InodeId parent,
      int partitionExponent,
      long dataGeneration,
      long dataVersion,
      boolean mayHaveHoles,
      FileLayout layout) {
    this(
        id,
        type,
        mode,
        uid,
        gid,
        linkCount,
        sizeBytes,
        atimeNanos,
        mtimeNanos,
        ctimeNanos,
        deviceNumber,
        parent,
        partitionExponent,
        dataGeneration,
        dataVersion,
        mayHaveHoles,
        false,
        layout);
  }

  public boolean isDirectory() {
    return type == FileType.DIRECTORY;
  }

  public boolean isRegular() {
    return type == FileType.REGULAR;
  }

  /** st_mode: type and permissions. */
  public int fullMode() {
    return type.modeBits() | mode;
  }

  /**
   * The mode after somebody else has written to the file, or its owner has changed: a program must
   * not go on running with rights that were given to another content or by another owner. Without
   * execution by the group, the set-group-id bit means no right, and stays. A directory's bits are
   * none of this kind.
   */
  public int modeWithoutSetId() {
    if (isDirectory()) {
      return mode;
    }
    int kept = mode & ~MODE_SET_USER_ID;
    return (kept & MODE_GROUP_EXECUTE) != 0 ? kept & ~MODE_SET_GROUP_ID : kept;
  }
}
