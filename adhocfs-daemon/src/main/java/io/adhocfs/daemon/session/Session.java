package io.adhocfs.daemon.session;

import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.Reply;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One client process, as this daemon knows it. Owned by the metadata thread, but for the moment it
 * was last heard of.
 */
public final class Session {
  /**
   * The answer of an operation that has run.
   *
   * @param slot under which the reply is stored; without meaning for an answer in memory
   * @param inMemory an answer without an effect, which is worth no record; null = it is stored
   */
  record Answered(int slot, @Nullable Reply inMemory) {}

  private final SessionId id;
  final PeerRole role;

  /** Pins of this session: what the records say. */
  final Map<InodeId, Long> pins = new HashMap<>();

  /** By sequence number, what has been answered and not yet been acknowledged. */
  final TreeMap<Long, Answered> answered = new TreeMap<>();

  /** By sequence number, what is being worked on. */
  final Map<Long, Ticket> running = new HashMap<>();

  /** All operations below have been acknowledged by the client. */
  long acknowledgedBelow;

  volatile long heardNanos;

  /** Closed or expired: nothing is stored for it any more. */
  boolean ended;

  Session(SessionId id, PeerRole role, long nowNanos) {
    this.id = id;
    this.role = role;
    this.heardNanos = nowNanos;
  }

  public SessionId id() {
    return id;
  }

  /** Whether it would lose something if it were forgotten. */
  boolean holdsState() {
    return !pins.isEmpty() || !answered.isEmpty() || !running.isEmpty();
  }
}
