package io.adhocfs.fuse;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.OwnVersions;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which data versions of a file the kernel's page cache stands for, for the files that were opened
 * last: the one that it was begun with, and those that writes through this very cache have made of
 * it. Pages may stay as long as the version is one of these; otherwise the kernel drops them, and
 * waits for those that are being read, where no signal reaches the program. Thread-safe.
 */
final class CachedVersions {
  /** About 100 bytes each. */
  private static final int FILES_MAX = 1 << 15;

  /** What the page cache has of a file. Thread-safe. */
  static final class Pages {
    private final long first;

    /** Guarded by the collection. */
    private long last;

    private volatile boolean alone;

    private Pages(long version) {
      this.first = version;
      this.last = version;
    }

    /**
     * Whether there are no pages of other versions beside them. Before somebody has come back from
     * opening the file, the kernel may still be dropping those.
     */
    boolean areAlone() {
      return alone;
    }

    /** Somebody who opened the file, and had others dropped, has come back from that. */
    void opened() {
      if (!alone) {
        alone = true;
      }
    }
  }

  @GuardedBy("this")
  private final Map<Long, Pages> pages =
      new LinkedHashMap<>(16, 0.75F, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Pages> eldest) {
          return size() > FILES_MAX;
        }
      };

  /**
   * The pages of a file that is opened now.
   *
   * @param own what is known of the file
   */
  synchronized Pages of(long inode, OwnVersions own) {
    Pages known = pages.get(inode);
    if (known != null) {
      extend(known, own);
      if (known.last == own.last()) {
        return known;
      }
    }
    return begin(inode, own.last());
  }

  @GuardedBy("this")
  private Pages begin(long inode, long version) {
    var begun = new Pages(version);
    pages.put(inode, begun);
    return begun;
  }

  private static void extend(Pages known, OwnVersions own) {
    if (known.last >= own.first() && known.last < own.last()) {
      known.last = own.last();
    }
  }

  /** A file is about to be closed here: what has become of it through this page cache so far. */
  synchronized void closing(long inode, OwnVersions own) {
    Pages known = pages.get(inode);
    if (known != null) {
      extend(known, own);
    }
  }

  /**
   * A number for the pages that may stay: another one means that they have to go.
   *
   * @param own what is known of the file if it is open here, else null
   */
  synchronized long stamp(FileAttributes now, @Nullable OwnVersions own) {
    Pages known = pages.get(now.id().value());
    if (known == null) {
      return now.dataVersion();
    }
    if (own != null) {
      extend(known, own);
    }
    if (now.dataVersion() > known.last) {
      known = begin(now.id().value(), now.dataVersion());
    }
    return known.first;
  }

  /** Something has been written past the page cache. */
  synchronized void writtenPast(long inode) {
    var _ = pages.remove(inode);
  }
}
