package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.TrafficClass;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Begins operations with the traffic class and the deadline of this client.
 *
 * @param waitsForTokens whether the time that limits hold an operation back does not count against
 *     its deadline
 */
public record OperationSource(
    TrafficClass trafficClass,
    Parties parties,
    Timers timers,
    long limitNanos,
    boolean waitsForTokens) {
  /** An operation that starts now. */
  public Operation begin(Supplier<String> description) {
    return begin(description, limitNanos);
  }

  /** An operation that starts now, on behalf of whom another one was, in its session as it was. */
  public Operation beginFor(Operation other, Supplier<String> description) {
    return new Operation(
            description, trafficClass, other.party(), timers, limitNanos, waitsForTokens)
        .as(other);
  }

  /**
   * An operation that starts now, for what a session has open or locked of an inode: it fails with
   * SESSION_EXPIRED as soon as that is lost.
   */
  public Operation begin(Session session, InodeId inode, Supplier<String> description) {
    return begin(description).of(session, inode);
  }

  /** As the other, with another deadline. */
  public Operation begin(
      Session session, InodeId inode, Supplier<String> description, long limitNanos) {
    return begin(description, limitNanos).of(session, inode);
  }

  /** An operation that starts now, of one session: it fails where that has ended. */
  public Operation begin(Session session, Supplier<String> description) {
    return begin(description).of(session);
  }

  /**
   * An operation that starts now, in a session if one is given, and goes on in a newer one where
   * that has ended.
   */
  public Operation beginNear(@Nullable Session session, Supplier<String> description) {
    return begin(description).beginningIn(session);
  }

  /** An operation that starts now, with another deadline; 0 = none. */
  public Operation begin(Supplier<String> description, long limitNanos) {
    return new Operation(
        description, trafficClass, parties.current(), timers, limitNanos, waitsForTokens);
  }
}
