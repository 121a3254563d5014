package io.adhocfs.client;

import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.TrafficClass;
import java.time.Duration;
import java.util.Optional;

/**
 * What one client may choose for itself; everything else is the instance's setting.
 *
 * @param owner to whom files that paths make belong; empty = this process's user and group
 * @param trafficClass for whom this client's requests travel
 * @param deadline how long an operation may take in all before it fails with TIMED_OUT; zero = for
 *     ever; empty = the instance's {@code client.deadline}, against which the time that limits hold
 *     an operation back does not count
 * @param job on whose behalf it is; empty = what the environment says
 */
public record ClientOptions(
    Optional<Owner> owner,
    TrafficClass trafficClass,
    Optional<Duration> deadline,
    Optional<Job> job) {
  public static final ClientOptions DEFAULT =
      new ClientOptions(
          Optional.empty(), TrafficClass.FOREGROUND, Optional.empty(), Optional.empty());

  public ClientOptions {
    if (deadline.isPresent() && deadline.get().isNegative()) {
      throw new IllegalArgumentException("a deadline of " + deadline.get());
    }
  }

  public ClientOptions withOwner(Owner value) {
    return new ClientOptions(Optional.of(value), trafficClass, deadline, job);
  }

  public ClientOptions withTrafficClass(TrafficClass value) {
    return new ClientOptions(owner, value, deadline, job);
  }

  public ClientOptions withDeadline(Duration value) {
    return new ClientOptions(owner, trafficClass, Optional.of(value), job);
  }

  public ClientOptions withJob(Job value) {
    return new ClientOptions(owner, trafficClass, deadline, Optional.of(value));
  }
}
