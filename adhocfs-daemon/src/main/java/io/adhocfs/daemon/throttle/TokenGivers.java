package io.adhocfs.daemon.throttle;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntUnaryOperator;

/**
 * Which daemon gives out the tokens of a limit: the owner of the slot that the limit's key hashes
 * to, so that another one does when slots move. While that one does not answer, it is the owner of
 * the next of a row of slots that is the same for all daemons. For the short while in which some
 * have noticed and some not, both may give.
 *
 * <p>Thread-safe.
 */
final class TokenGivers {
  /** Who does not answer is asked so often whether he does again. */
  static final long PROBE_NANOS = 1_000_000_000L;

  /** From slot to slot of the row; odd, so that it meets all. */
  private static final int SLOT_STEP = 40503;

  private static final int SUBSTITUTES_MAX = 256;

  /** When those who do not answer are asked next. */
  private final Map<NodeId, Long> silent = new ConcurrentHashMap<>();

  /**
   * Who gives the tokens of a limit.
   *
   * @param ownerOfSlot numbers of nodes by numbers of slots
   */
  NodeId of(ThrottleRule.Key key, IntUnaryOperator ownerOfSlot) {
    // Of its text: hash codes of enums are not the same in all processes.
    int slot = (key.toString().hashCode() * 0x9E3779B9) >>> 16;
    NodeId first = new NodeId(ownerOfSlot.applyAsInt(slot));
    NodeId node = first;
    for (int i = 0; i < SUBSTITUTES_MAX && silent.containsKey(node); i++) {
      slot = (slot + SLOT_STEP) % SlotId.COUNT;
      node = new NodeId(ownerOfSlot.applyAsInt(slot));
    }
    return silent.containsKey(node) ? first : node;
  }

  /** A daemon has not answered; whether that is new. */
  boolean isSilent(NodeId node, long nowNanos) {
    return silent.put(node, nowNanos + PROBE_NANOS) == null;
  }

  /** A daemon has answered, or is none any more. */
  void isBack(NodeId node) {
    silent.remove(node);
  }

  /** Those who are to be asked now whether they answer again. */
  List<NodeId> toProbe(long nowNanos) {
    List<NodeId> due = new ArrayList<>();
    for (NodeId node : List.copyOf(silent.keySet())) {
      Long next = silent.get(node);
      if (next != null
          && nowNanos - next >= 0
          && silent.replace(node, next, nowNanos + PROBE_NANOS)) {
        due.add(node);
      }
    }
    return due;
  }
}
