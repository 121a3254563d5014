package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.InodeId;

/** Decides whether an inode and the names counted for it fit. Pure functions. */
final class InodeRule {
  private InodeRule() {}

  /**
   * Whether a file has as many names as its link count says.
   *
   * @param everyNodeSeen false if names may be missing from the count
   */
  static boolean fileFits(int linkCount, int names, boolean pinned, boolean everyNodeSeen) {
    if (names != linkCount) {
      return names < linkCount && !everyNodeSeen;
    }
    return linkCount > 0 || pinned;
  }

  /**
   * Whether a directory has its one name in its parent, and counts its entries right.
   *
   * @param namedIn the directory in which a name of it was last found; 0 = nowhere
   */
  static boolean directoryFits(
      InodeId id,
      int linkCount,
      long sizeBytes,
      long parent,
      int names,
      long namedIn,
      int children,
      int subdirectories,
      boolean everyNodeSeen) {
    boolean named =
        id.equals(InodeId.ROOT)
            ? names == 0 && parent == id.value()
            : (names == 1 && namedIn == parent) || (names == 0 && !everyNodeSeen);
    return named && linkCount == 2 + subdirectories && sizeBytes == children;
  }
}
