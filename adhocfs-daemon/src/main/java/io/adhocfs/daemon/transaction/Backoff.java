package io.adhocfs.daemon.transaction;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** Pauses between tries: doubling, with jitter, so that rivals don't meet again. */
public final class Backoff {
  private final long minNanos;
  private final long maxNanos;
  private final RandomGenerator random;
  private int tries;

  public Backoff(Duration min, Duration max, RandomGenerator random) {
    this.minNanos = min.toNanos();
    this.maxNanos = max.toNanos();
    this.random = random;
  }

  /** The next pause, in nanoseconds: half to all of min, 2 min, 4 min, ... max. */
  public long nextNanos() {
    long pause = Math.min(maxNanos, minNanos << Math.min(tries, 30));
    tries++;
    return pause / 2 + random.nextLong(pause / 2 + 1);
  }
}
