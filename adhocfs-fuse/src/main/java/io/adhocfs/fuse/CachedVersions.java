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

  @GuardedBy("this")
  private final Map<Long, Long> versions =
      new LinkedHashMap<>(16, 0.75F, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Long> eldest) {
          return size() > FILES_MAX;
        }
      };

  /** Whether pages may stay, now that the file is opened; from now on they are of this version. */
  synchronized boolean unchanged(FileAttributes now) {
    Long before = versions.put(now.id().value(), now.dataVersion());
    return before != null && before == now.dataVersion();
  }
}
