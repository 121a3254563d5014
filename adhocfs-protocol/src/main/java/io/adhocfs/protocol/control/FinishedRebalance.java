package io.adhocfs.protocol.control;

/**
 * How the last rebalance ended. The figures mean what they mean in {@link Rebalance}.
 *
 * @param finishedNanos when it ended, since 1970
 */
public record FinishedRebalance(
    long id,
    Rebalance.Kind kind,
    int slotsMoved,
    int slotsPlanned,
    long bytesSent,
    long bytesHeld,
    long startedNanos,
    long finishedNanos,
    Outcome outcome) {

  /** What became of it. Codes are part of the wire format. */
  public enum Outcome {
    /** Every slot is where it was wanted. */
    DONE(0),
    /** It was taken back: every slot is where it was before. */
    CANCELLED(1),
    /** Another one took its place. */
    SUPERSEDED(2);

    private final int code;

    Outcome(int code) {
      this.code = code;
    }

    public int code() {
      return code;
    }

    public static Outcome ofCode(int code) {
      return switch (code) {
        case 0 -> DONE;
        case 1 -> CANCELLED;
        case 2 -> SUPERSEDED;
        default -> throw new IllegalArgumentException("outcome of a rebalance " + code);
      };
    }
  }

  static FinishedRebalance of(Rebalance rebalance, long finishedNanos, Outcome outcome) {
    return new FinishedRebalance(
        rebalance.id(),
        rebalance.kind(),
        rebalance.slotsMoved(),
        rebalance.slotsPlanned(),
        rebalance.bytesSent(),
        rebalance.bytesHeld(),
        rebalance.startedNanos(),
        finishedNanos,
        outcome);
  }
}
