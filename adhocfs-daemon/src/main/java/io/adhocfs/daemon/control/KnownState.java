package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.wire.ControlRequest.FollowControl;
import io.adhocfs.protocol.wire.ControlValues;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The newest state that this daemon has heard of and the last commands that led to it, for those
 * who follow. Changed by one thread; {@link #state} is for any.
 */
final class KnownState {
  private static final int RECENT_COMMANDS_MAX = 512;
  private static final int RECENT_BYTES_MAX = 512 << 10;

  private record Recent(ControlCommand command, int bytes) {}

  private final Deque<Recent> recent = new ArrayDeque<>();
  private int recentBytes;
  private volatile ControlState state;

  /** Whether the state is nobody's: made up of a map, by a daemon that was told nothing more. */
  private volatile boolean standIn;

  KnownState(ControlState state, boolean standIn) {
    this.state = state;
    this.standIn = standIn;
  }

  ControlState state() {
    return state;
  }

  boolean standIn() {
    return standIn;
  }

  /** The version to ask for news since: -1 = all. */
  long version() {
    return standIn ? -1 : state.version();
  }

  /**
   * Takes a state over if it is newer.
   *
   * @param by what led to it from the version before; null = it is not known
   */
  boolean advance(ControlState newer, @Nullable ControlCommand by) {
    if (!standIn && newer.version() <= state.version()) {
      return false;
    }
    if (by == null || standIn || newer.version() != state.version() + 1) {
      recent.clear();
      recentBytes = 0;
    } else {
      int bytes = ControlValues.bytes(by).length;
      recent.add(new Recent(by, bytes));
      recentBytes += bytes;
      while (recent.size() > RECENT_COMMANDS_MAX || recentBytes > RECENT_BYTES_MAX) {
        recentBytes -= recent.remove().bytes();
      }
    }
    state = newer;
    standIn = false;
    return true;
  }

  /** The state after a command that others have applied, or null where it does not fit. */
  @Nullable ControlState after(ControlCommand command) {
    ControlState.Applied applied = state.apply(command);
    return applied.outcome().verdict() == Outcome.Verdict.OK ? applied.state() : null;
  }

  /** What one who knows a version has to learn, or null when there is nothing. */
  @Nullable Reply news(FollowControl request) {
    ControlState now = state;
    if (request.version() >= now.version()) {
      return null;
    }
    long missing = now.version() - request.version();
    if (request.version() < 0 || missing > recent.size()) {
      return new Reply.Control(now);
    }
    List<ControlCommand> commands = new ArrayList<>();
    long skip = recent.size() - missing;
    for (Recent item : recent) {
      if (skip > 0) {
        skip--;
      } else {
        commands.add(item.command());
      }
    }
    return new Reply.ControlNews(commands);
  }
}
