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
 * One client process, as this daemon knows it. Owned by the metadata thread, but for when it was
 * last heard of.
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

  private volatile long heardNanos;

  /** Its lease has run out: nothing that it sends is served any more. Never taken back. */
  private volatile boolean lapsed;

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

  /**
   * It has sent something. Any thread.
   *
   * @return whether its lease has held until now; else it has lapsed for good
   */
  boolean hear(long nowNanos, long silenceNanosMax) {
    if (lapse(nowNanos, silenceNanosMax)) {
      return false;
    }
    heardNanos = nowNanos;
    return true;
  }

  /** Whether it has lapsed by now: only clients do. Any thread. */
  boolean lapse(long nowNanos, long silenceNanosMax) {
    if (!lapsed && role == PeerRole.CLIENT && silenceNanos(nowNanos) > silenceNanosMax) {
      lapsed = true;
    }
    return lapsed;
  }

  long silenceNanos(long nowNanos) {
    return nowNanos - heardNanos;
  }

  /** Whether it would lose something if it were forgotten. */
  boolean holdsState() {
    return !pins.isEmpty() || !answered.isEmpty() || !running.isEmpty();
  }
}
