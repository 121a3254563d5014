package io.adhocfs.daemon.transaction;

import io.adhocfs.protocol.transport.Backoff;
import java.time.Duration;

/**
 * How long transactions wait.
 *
 * @param requestWait how long a request waits for a key that is held before it is OVERLOADED
 * @param prepareWait how long a prepare waits for keys, and its coordinator for the answer
 * @param operation how long an operation is tried anew before it is OVERLOADED
 * @param alone after how long a participant asks for the outcome
 * @param backoff how long to wait before something is tried again
 */
public record TransactionTiming(
    Duration requestWait,
    Duration prepareWait,
    Duration operation,
    Duration alone,
    Backoff backoff) {
  public static final TransactionTiming DEFAULT =
      new TransactionTiming(
          Duration.ofSeconds(10),
          Duration.ofSeconds(3),
          Duration.ofSeconds(20),
          Duration.ofSeconds(1),
          new Backoff(5_000_000, 2_000_000_000));
}
