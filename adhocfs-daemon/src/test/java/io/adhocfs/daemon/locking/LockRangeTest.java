package io.adhocfs.daemon.locking;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Ranges of one owner, beside an array with the mode of every byte. */
class LockRangeTest {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());
  private static final int BYTES = 24;

  private static FileLock lock(LockMode mode, long first, long last) {
    return new FileLock(LockKind.POSIX, mode, first, last, 1);
  }

  /** The bytes, and as the last element everything behind them. */
  private static List<LockRange> ranges(LockMode[] modes) {
    List<LockRange> ranges = new ArrayList<>();
    int first = 0;
    for (int i = 1; i <= modes.length; i++) {
      if (i == modes.length || modes[i] != modes[first]) {
        if (modes[first] != LockMode.NONE) {
          long last = i == modes.length ? FileLock.TO_THE_END : i - 1;
          ranges.add(new LockRange(first, last, modes[first] == LockMode.EXCLUSIVE));
        }
        first = i;
      }
    }
    return ranges;
  }

  @Test
  void rangesAreThoseOfAnArrayOfBytes() throws FsException {
    var random = new SplittableRandom(SEED);
    for (int round = 0; round < 2_000; round++) {
      var modes = new LockMode[BYTES + 1];
      Arrays.fill(modes, LockMode.NONE);
      List<LockRange> ranges = List.of();
      for (int step = 0; step < 30; step++) {
        LockMode mode = LockMode.ofCode(random.nextInt(3));
        int first = random.nextInt(BYTES + 1);
        int last = first + random.nextInt(BYTES + 1 - first);
        FileLock lock = lock(mode, first, last == BYTES ? FileLock.TO_THE_END : last);
        Arrays.fill(modes, first, last + 1, mode);
        ranges = LockRange.after(ranges, lock);
        assertThat(ranges)
            .as("-Dadhocfs.seed=%d, round %d, step %d: %s", SEED, round, step, lock)
            .isEqualTo(ranges(modes));
        var held = new HeldLocks(step, ranges);
        assertThat(HeldLocks.decode(held.encoded())).isEqualTo(held);
      }
    }
  }

  @Test
  void onlySharedLocksOverlapThoseOfOthers() {
    var shared = new LockRange(10, 19, false);
    var exclusive = new LockRange(10, 19, true);
    assertThat(shared.isInTheWayOf(lock(LockMode.SHARED, 0, 100))).isFalse();
    assertThat(shared.isInTheWayOf(lock(LockMode.EXCLUSIVE, 19, 19))).isTrue();
    assertThat(exclusive.isInTheWayOf(lock(LockMode.SHARED, 0, 10))).isTrue();
    assertThat(exclusive.isInTheWayOf(lock(LockMode.EXCLUSIVE, 0, 9))).isFalse();
    assertThat(exclusive.isInTheWayOf(lock(LockMode.EXCLUSIVE, 20, FileLock.TO_THE_END))).isFalse();
  }
}
