package io.adhocfs.daemon.transaction;

import java.time.Duration;

/**
 * How long transactions wait.
 *
 * @param requestWait how long a request waits for a key that is held before it is OVERLOADED
 * @param prepareWait how long a prepare waits for keys, and its coordinator for the answer
 * @param operation how long an operation is tried anew before it is OVERLOADED
 * @param alone after how long a participant asks for the outcome
 * @param backoffMin the first pause before something is tried again
 * @param backoffMax the longest one
 */
public record TransactionTiming(
    Duration requestWait,
    Duration prepareWait,
    Duration operation,
    Duration alone,
    Duration backoffMin,
    Duration backoffMax) {
  public static final TransactionTiming DEFAULT =
      new TransactionTiming(
          Duration.ofSeconds(10),
          Duration.ofSeconds(3),
          Duration.ofSeconds(20),
          Duration.ofSeconds(1),
          Duration.ofMillis(5),
          Duration.ofSeconds(2));
}
