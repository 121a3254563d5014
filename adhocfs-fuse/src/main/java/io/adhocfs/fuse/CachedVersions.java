package io.adhocfs.fuse;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.OwnVersions;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which data versions of a file the kernel's page cache stands for, for the files that were opened
 * last: the version that the cache began with, and the versions that writes through this very cache
 * have made of it. Pages may stay as long as the file's version is one of these. Otherwise the
 * kernel drops the pages, and waits for pages that are being read, while no signal reaches the
 * program. Thread-safe.
 */
final class CachedVersions {
  /** About 100 bytes each. */
  private static final int FILES_MAX = 1 << 15;

  /** The pages of a file in the page cache. Thread-safe. */
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
     * Whether the cache has no pages of other versions beside these. Until an open of the file has
     * returned to its program, the kernel may still be dropping pages of other versions.
     */
    boolean areAlone() {
      return alone;
    }

    /** To be called when an open that has had other pages dropped has returned to its program. */
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
   * The pages of a file that is being opened.
   *
   * @param own the versions of the file
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

  /**
   * To be called before a file is closed here: takes note of the versions that this page cache has
   * made so far.
   */
  synchronized void closing(long inode, OwnVersions own) {
    Pages known = pages.get(inode);
    if (known != null) {
      extend(known, own);
    }
  }

  /**
   * A number for the pages that may stay: if the number changes, the pages have to go.
   *
   * @param own the versions of the file if it is open here, else null
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

  /** To be called when a write has gone past the page cache. */
  synchronized void writtenPast(long inode) {
    var _ = pages.remove(inode);
  }
}
