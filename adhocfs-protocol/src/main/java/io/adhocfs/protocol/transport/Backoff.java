package io.adhocfs.protocol.transport;

import java.util.random.RandomGenerator;

/**
 * How long to wait before trying again: doubling up to a bound, and half of it by chance, so that
 * many who failed together do not come back together.
 *
 * @param firstNanos at most so long after the first failure
 * @param maxNanos never longer
 */
public record Backoff(long firstNanos, long maxNanos) {
  /** 10 ms doubling to 1 s. */
  public static final Backoff STANDARD = new Backoff(10_000_000L, 1_000_000_000L);

  private static final int DOUBLINGS_MAX = 30;

  public Backoff {
    if (firstNanos < 2 || maxNanos < firstNanos || maxNanos > Long.MAX_VALUE >> DOUBLINGS_MAX) {
      throw new IllegalArgumentException("from " + firstNanos + " to " + maxNanos + " ns");
    }
  }

  /**
   * Nanoseconds to wait.
   *
   * @param failures how often it has failed before, from 0
   */
  public long delayNanos(int failures, RandomGenerator random) {
    long longest = Math.min(maxNanos, firstNanos << Math.min(failures, DOUBLINGS_MAX));
    return longest / 2 + random.nextLong(longest / 2 + 1);
  }

  /** The pauses of one task, which grow with each try. */
  public Pauses pauses(RandomGenerator random) {
    return new Pauses(random);
  }

  /** Pauses between the tries of one task. Not thread-safe. */
  public final class Pauses {
    private final RandomGenerator random;
    private int failures;

    private Pauses(RandomGenerator random) {
      this.random = random;
    }

    /** Nanoseconds to wait after one more failure. */
    public long nextNanos() {
      return delayNanos(failures++, random);
    }
  }
}
