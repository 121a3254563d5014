package io.adhocfs.fuse;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The directories that the kernel was told of last, as they were then. A directory that its owner
 * does not know any more has been removed (numbers are never used again), and may still be open, or
 * be a working directory: the kernel may ask for its attributes, which only this mount remembers.
 * Thread-safe, bounded.
 */
final class DirectoriesSeen {
  /** About 250 bytes each. */
  private static final int DIRECTORIES_MAX = 1 << 14;

  @GuardedBy("this")
  private final Map<InodeId, FileAttributes> seen =
      new LinkedHashMap<>(16, 0.75F, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<InodeId, FileAttributes> eldest) {
          return size() > DIRECTORIES_MAX;
        }
      };

  /** To be called when the kernel is told attributes, perhaps those of a directory. */
  void told(FileAttributes attributes) {
    if (attributes.isDirectory()) {
      synchronized (this) {
        seen.put(attributes.id(), attributes);
      }
    }
  }

  /**
   * The attributes of a directory that has been removed and may still be open; null for anything
   * else.
   *
   * @param failure what a request about the inode has failed with
   */
  @Nullable FileAttributes removed(InodeId inode, FsException failure) {
    return failure.error() == FsError.NOT_FOUND ? removed(inode) : null;
  }

  /** The attributes of a removed directory; null for an inode that is not remembered. */
  private synchronized @Nullable FileAttributes removed(InodeId inode) {
    FileAttributes last = seen.get(inode);
    if (last == null || last.linkCount() == 0) {
      return last;
    }
    var removed =
        new FileAttributes(
            last.id(),
            last.type(),
            last.mode(),
            last.uid(),
            last.gid(),
            0,
            0,
            last.atimeNanos(),
            last.mtimeNanos(),
            last.ctimeNanos(),
            last.deviceNumber(),
            last.parent(),
            last.partitionExponent(),
            last.dataGeneration(),
            last.dataVersion(),
            last.mayHaveHoles(),
            false,
            last.layout());
    seen.put(inode, removed);
    return removed;
  }
}
