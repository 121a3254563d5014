package io.adhocfs.client.transfer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Files with several names: the first name that is met is copied, the others are linked to the
 * copy. A file is forgotten when all its names have been seen; at most {@link #FILES_MAX} are
 * remembered, and names of further ones become files of their own.
 */
final class HardLinks {
  static final int FILES_MAX = 1 << 20;

  private record Key(long device, long inode) {}

  private static final class Names {
    final CompletableFuture<TargetFile> copy = new CompletableFuture<>();
    int unseen;

    Names(int unseen) {
      this.unseen = unseen;
    }
  }

  /**
   * What to do with a name.
   *
   * @param first the copy under the first name; null where this name is the first
   * @param copied to be completed with the copy, or with why there is none; null where this name is
   *     not the first or nobody will ask
   */
  record Turn(
      @Nullable CompletableFuture<TargetFile> first,
      @Nullable CompletableFuture<TargetFile> copied) {}

  private static final Turn ALONE = new Turn(null, null);

  @GuardedBy("this")
  private final Map<Key, Names> files = new HashMap<>();

  /** Called once for each name of a regular file. */
  Turn turnOf(Facts facts) {
    if (facts.linkCount() < 2) {
      return ALONE;
    }
    var key = new Key(facts.device(), facts.inode());
    synchronized (this) {
      Names names = files.get(key);
      if (names == null) {
        if (files.size() >= FILES_MAX) {
          return ALONE;
        }
        names = new Names(facts.linkCount() - 1);
        files.put(key, names);
        return new Turn(null, names.copy);
      }
      names.unseen--;
      if (names.unseen == 0) {
        files.remove(key);
      }
      return new Turn(names.copy, null);
    }
  }
}
