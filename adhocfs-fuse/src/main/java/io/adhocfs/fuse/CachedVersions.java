package io.adhocfs.fuse;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.FileAttributes;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which data version of a file the kernel's page cache was last begun with, for the files that were
 * opened last. Pages may stay over an open that finds the version unchanged; otherwise the kernel
 * drops them, and waits for those that are being read, where no signal reaches the program.
 * Thread-safe.
 */
final class CachedVersions {
  /** About 100 bytes each. */
  private static final int FILES_MAX = 1 << 15;

  /** What the page cache has of one version of a file. Thread-safe. */
  static final class Pages {
    private final long version;
    private volatile boolean alone;

    private Pages(long version) {
      this.version = version;
    }

    /**
     * Whether there are no pages of older versions beside them. Before somebody has come back from
     * opening the file, the kernel may still be dropping those.
     */
    boolean areAlone() {
      return alone;
    }

    /** Somebody who opened the file, and had older ones dropped, has come back from that. */
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

  /** The pages of a file that is opened now. */
  synchronized Pages of(FileAttributes now) {
    Pages known = pages.get(now.id().value());
    if (known == null || known.version != now.dataVersion()) {
      known = new Pages(now.dataVersion());
      pages.put(now.id().value(), known);
    }
    return known;
  }
}
