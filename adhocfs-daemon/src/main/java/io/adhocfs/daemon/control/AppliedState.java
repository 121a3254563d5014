package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.ControlValues;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The state that a log has led to, up to and with the command that replaces the voters: what comes
 * behind that has no effect, for the new voters begin a log of their own with the state after it.
 * Changed by the log's one applying thread; read by any.
 */
final class AppliedState implements VoterLog.Entries {
  private static final Logger LOG = LoggerFactory.getLogger(AppliedState.class);
  private static final byte[] NOTHING = {};

  /** Hears of every newer state, in order, on the applying thread. */
  @FunctionalInterface
  interface Listener {
    /**
     * There is a newer state.
     *
     * @param command what led here from the state before; null = it came from a snapshot or the
     *     log's beginning
     */
    void advanced(ControlState state, @Nullable ControlCommand command);
  }

  private final int configuration;
  private final Listener listener;

  /** Null until the log says what it begins with. */
  private volatile @Nullable ControlState state;

  /**
   * Has applied nothing.
   *
   * @param configuration of the voters whose log this is
   */
  AppliedState(int configuration, Listener listener) {
    this.configuration = configuration;
    this.listener = listener;
  }

  /** The state so far, or null when the log has none yet. */
  @Nullable ControlState state() {
    return state;
  }

  /** Whether others vote now. */
  boolean superseded() {
    ControlState now = state;
    return now != null && now.configuration() > configuration;
  }

  @Override
  public byte[] apply(byte[] entry) {
    return superseded() ? NOTHING : applied(entry).bytes();
  }

  private LogEntry.Result applied(byte[] bytes) {
    ControlState before = state;
    LogEntry entry;
    try {
      entry = LogEntry.of(bytes);
    } catch (FsException e) {
      LOG.error("a log entry makes no sense reason=\"{}\"", e.getMessage());
      return result(Outcome.refused(String.valueOf(e.getMessage())), before);
    }
    return switch (entry) {
      case LogEntry.Found found -> {
        if (before != null) {
          yield result(Outcome.UNCHANGED, before);
        }
        state = found.state();
        listener.advanced(found.state(), null);
        yield result(Outcome.OK, found.state());
      }
      case LogEntry.Command said -> {
        if (before == null) {
          yield result(Outcome.refused("the log does not say what it begins with"), null);
        }
        ControlState.Applied applied = before.apply(said.command());
        if (applied.outcome().verdict() == Outcome.Verdict.OK) {
          state = applied.state();
          listener.advanced(applied.state(), said.command());
        }
        yield result(applied.outcome(), applied.state());
      }
    };
  }

  private static LogEntry.Result result(Outcome outcome, @Nullable ControlState after) {
    return new LogEntry.Result(outcome, after == null ? 0 : after.version());
  }

  @Override
  public byte[] snapshot() {
    ControlState now = state;
    return now == null ? NOTHING : ControlValues.bytes(now);
  }

  @Override
  public void restore(byte[] snapshot) throws FsException {
    if (snapshot.length > 0) {
      ControlState restored = ControlValues.state(snapshot);
      state = restored;
      listener.advanced(restored, null);
    }
  }
}
