package io.adhocfs.daemon.locking;

import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.model.FsError;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;

/** The format of records of locks, for {@code RecordsFuzzTest}. */
public final class LockFormats {
  private LockFormats() {}

  public static List<Format<?>> all() {
    return List.of(
        new Format<>(
            "locks",
            LockFormats::locks,
            HeldLocks::encoded,
            HeldLocks::decode,
            EnumSet.of(FsError.CORRUPT),
            true));
  }

  private static HeldLocks locks(Random random) {
    List<LockRange> ranges = new ArrayList<>();
    for (int left = random.nextInt(5); left > 0; left--) {
      long first = random.nextLong(1L << 40);
      ranges.add(new LockRange(first, first + random.nextInt(1000), random.nextBoolean()));
    }
    return new HeldLocks(random.nextInt(), ranges);
  }
}
