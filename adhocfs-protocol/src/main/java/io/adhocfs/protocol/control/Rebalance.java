package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The change of owners that is under way: every slot whose owner differs from the one wanted is
 * still to be moved.
 *
 * @param id positive as it was started; that of a {@link Kind#CANCEL} is the negative of the id of
 *     what it takes back. Never given twice in an instance
 * @param target node wanted for every slot, as unsigned 16-bit numbers; taken over, never changed
 * @param origin the owners when it began, in the same form
 * @param paused whether no further batch is to begin
 * @param reason why it is paused, for people; empty when it is not
 * @param bytesPerSecond what each source node may send; 0 = no bound
 * @param batchesAtOnce how many batches each source node may have under way
 * @param slotsPlanned how many slots had another owner than wanted when it began
 * @param slotsMoved how many of them have been moved
 * @param bytesSent what the moves so far have sent
 * @param bytesHeld what the moved slots held when they were moved
 * @param startedNanos when it began, since 1970
 */
public record Rebalance(
    long id,
    Kind kind,
    short[] target,
    short[] origin,
    boolean paused,
    String reason,
    long bytesPerSecond,
    int batchesAtOnce,
    int slotsPlanned,
    int slotsMoved,
    long bytesSent,
    long bytesHeld,
    long startedNanos) {
  /** A reason's longest, as UTF-8. */
  public static final int REASON_BYTES_MAX = 1024;

  /** More batches at once would need more memory at a node than it may take. */
  public static final int BATCHES_AT_ONCE_MAX = 64;

  /** What a rebalance is for. Codes are part of the wire format. */
  public enum Kind {
    EXPAND(0),
    SHRINK(1),
    RELOCATE(2),
    /** Takes another one back from where it stands. */
    CANCEL(3);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    public int code() {
      return code;
    }

    public static Kind ofCode(int code) {
      return switch (code) {
        case 0 -> EXPAND;
        case 1 -> SHRINK;
        case 2 -> RELOCATE;
        case 3 -> CANCEL;
        default -> throw new IllegalArgumentException("kind of rebalance " + code);
      };
    }
  }

  public Rebalance {
    if (id == 0 || (id < 0) != (kind == Kind.CANCEL)) {
      throw new IllegalArgumentException(kind + " with id " + id);
    }
    requireEverySlot(target);
    requireEverySlot(origin);
    requireReason(reason);
    requireLimits(bytesPerSecond, batchesAtOnce);
    if (!paused && !reason.isEmpty()) {
      throw new IllegalArgumentException("a reason for a pause that there is not: " + reason);
    }
    if (slotsMoved < 0 || slotsPlanned < slotsMoved || slotsPlanned > SlotId.COUNT) {
      throw new IllegalArgumentException(slotsMoved + " of " + slotsPlanned + " slots moved");
    }
    if (bytesSent < 0 || bytesHeld < 0) {
      throw new IllegalArgumentException(bytesSent + " bytes sent, " + bytesHeld + " held");
    }
  }

  static void requireEverySlot(short[] owners) {
    if (owners.length != SlotId.COUNT) {
      throw new IllegalArgumentException(owners.length + " owners");
    }
  }

  static void requireReason(String reason) {
    if (reason.getBytes(StandardCharsets.UTF_8).length > REASON_BYTES_MAX) {
      throw new IllegalArgumentException("a reason longer than " + REASON_BYTES_MAX + " bytes");
    }
  }

  static void requireLimits(long bytesPerSecond, int batchesAtOnce) {
    if (bytesPerSecond < 0 || batchesAtOnce < 1 || batchesAtOnce > BATCHES_AT_ONCE_MAX) {
      throw new IllegalArgumentException(
          bytesPerSecond + " bytes a second, " + batchesAtOnce + " batches at once");
    }
  }

  /** The id of what takes this one back. */
  public static long cancelOf(long id) {
    return -id;
  }

  /** The node that is wanted for a slot. */
  public int targetValue(int slot) {
    return Short.toUnsignedInt(target[slot]);
  }

  /** The node that is wanted for a slot. */
  public NodeId targetOf(int slot) {
    return new NodeId(targetValue(slot));
  }

  /** The node that owned a slot when this began. */
  public int originValue(int slot) {
    return Short.toUnsignedInt(origin[slot]);
  }

  Rebalance withPause(boolean nowPaused, String why) {
    return new Rebalance(
        id,
        kind,
        target,
        origin,
        nowPaused,
        why,
        bytesPerSecond,
        batchesAtOnce,
        slotsPlanned,
        slotsMoved,
        bytesSent,
        bytesHeld,
        startedNanos);
  }

  Rebalance withLimits(long newBytesPerSecond, int newBatchesAtOnce) {
    return new Rebalance(
        id,
        kind,
        target,
        origin,
        paused,
        reason,
        newBytesPerSecond,
        newBatchesAtOnce,
        slotsPlanned,
        slotsMoved,
        bytesSent,
        bytesHeld,
        startedNanos);
  }

  /** With one more batch moved. */
  Rebalance withMove(int slots, long sent, long held) {
    return new Rebalance(
        id,
        kind,
        target,
        origin,
        paused,
        reason,
        bytesPerSecond,
        batchesAtOnce,
        slotsPlanned,
        slotsMoved + slots,
        sum(bytesSent, sent),
        sum(bytesHeld, held),
        startedNanos);
  }

  /** A figure that has no room left stays at its largest: applying a command never fails. */
  private static long sum(long some, long more) {
    long total = some + more;
    return total < 0 ? Long.MAX_VALUE : total;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Rebalance that
        && id == that.id
        && kind == that.kind
        && Arrays.equals(target, that.target)
        && Arrays.equals(origin, that.origin)
        && paused == that.paused
        && reason.equals(that.reason)
        && bytesPerSecond == that.bytesPerSecond
        && batchesAtOnce == that.batchesAtOnce
        && slotsPlanned == that.slotsPlanned
        && slotsMoved == that.slotsMoved
        && bytesSent == that.bytesSent
        && bytesHeld == that.bytesHeld
        && startedNanos == that.startedNanos;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(id) * 31 + slotsMoved;
  }

  @Override
  public String toString() {
    return kind
        + " "
        + id
        + ": "
        + slotsMoved
        + " of "
        + slotsPlanned
        + " slots moved"
        + (paused ? ", paused" + (reason.isEmpty() ? "" : ": " + reason) : "");
  }
}
