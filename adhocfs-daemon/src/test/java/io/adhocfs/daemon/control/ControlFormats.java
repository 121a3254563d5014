package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.wire.ControlValues;
import io.adhocfs.protocol.wire.Samples;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The formats of the replicated log and of its state, for {@code RecordsFuzzTest}. */
public final class ControlFormats {
  private static final Set<FsError> BAD_MESSAGE = EnumSet.of(FsError.BAD_MESSAGE);

  private ControlFormats() {}

  public static List<Format<?>> all() {
    return List.of(
        new Format<LogEntry>(
            "a command in the log",
            random -> new LogEntry.Command(new Samples(random.nextLong()).of(ControlCommand.class)),
            LogEntry::bytes,
            LogEntry::of,
            BAD_MESSAGE,
            false),
        new Format<LogEntry>(
            "the first entry of the log",
            random -> new LogEntry.Found(new Samples(random.nextLong()).of(ControlState.class)),
            LogEntry::bytes,
            LogEntry::of,
            BAD_MESSAGE,
            false,
            // It is compressed.
            8L * LogEntry.STATE_BYTES_MAX),
        new Format<>(
            "a state",
            random -> new Samples(random.nextLong()).of(ControlState.class),
            ControlValues::bytes,
            ControlValues::state,
            BAD_MESSAGE,
            false),
        new Format<>(
            "a result",
            random ->
                new LogEntry.Result(
                    new Samples(random.nextLong()).of(Outcome.class), random.nextLong(1000)),
            LogEntry.Result::bytes,
            LogEntry.Result::of,
            BAD_MESSAGE,
            false));
  }
}
