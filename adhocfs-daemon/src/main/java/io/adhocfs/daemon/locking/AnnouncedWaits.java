package io.adhocfs.daemon.locking;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.wire.LockWait;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What owners that have their home here wait for, wherever that is: as their clients tell it again
 * and again, not stored. Metadata thread only.
 */
final class AnnouncedWaits {
  private static final int WAITS_MAX = 1 << 16;
  private static final long KEPT_NANOS = 5_000_000_000L;

  private record Announced(LockWait announced, long expiresNanos) {}

  private final Map<LockOwner, Map<Long, Announced>> byOwner = new HashMap<>();
  private int waits;

  /**
   * Notes a wait, or (without blockers) its end.
   *
   * @throws FsException OVERLOADED
   */
  void note(LockOwner owner, LockWait announced, long nowNanos) throws FsException {
    if (announced.blockers().isEmpty()) {
      byOwner.computeIfPresent(
          owner,
          (key, known) -> {
            waits -= known.remove(announced.number()) == null ? 0 : 1;
            return known.isEmpty() ? null : known;
          });
      return;
    }
    if (waits >= WAITS_MAX) {
      throw new FsException(FsError.OVERLOADED, "too many waits for locks are known here");
    }
    Map<Long, Announced> known = byOwner.computeIfAbsent(owner, key -> new HashMap<>());
    if (known.put(announced.number(), new Announced(announced, nowNanos + KEPT_NANOS)) == null) {
      waits++;
    }
  }

  List<LockWait> of(LockOwner owner, long nowNanos) {
    List<LockWait> found = new ArrayList<>();
    for (Announced known : byOwner.getOrDefault(owner, Map.of()).values()) {
      if (known.expiresNanos() - nowNanos > 0) {
        found.add(known.announced());
      }
    }
    return found;
  }

  void forgetOld(long nowNanos) {
    byOwner
        .values()
        .removeIf(known -> {
          int before = known.size();
          known.values().removeIf(wait -> wait.expiresNanos() - nowNanos <= 0);
          waits -= before - known.size();
          return known.isEmpty();
        });
  }

  boolean isEmpty() {
    return byOwner.isEmpty();
  }
}
