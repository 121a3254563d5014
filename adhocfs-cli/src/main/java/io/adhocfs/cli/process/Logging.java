package io.adhocfs.cli.process;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** How this process logs: one line for each event on standard error. */
public final class Logging {
  // Referenced here, since the log manager drops unreferenced loggers, and their levels with them.
  private static final Logger ROOT = Logger.getLogger("");
  private static final Logger OURS = Logger.getLogger("io.adhocfs");

  /**
   * This library warns of every call to a voter that is down, several times a second; our own code
   * says so once.
   */
  private static final Logger REPLICATED_LOG = Logger.getLogger("org.apache.ratis");

  private Logging() {}

  /** For commands: logs nothing, since the command itself reports errors. */
  public static void off() {
    ROOT.setLevel(Level.OFF);
  }

  /**
   * For daemons and mounts: logs our messages at this level and above, and warnings of the
   * libraries.
   *
   * @param level error, warn, info, debug or trace
   * @param logFile kept within the bound if standard error appends to it; otherwise the process
   *     that opened standard error has to bound it
   * @param logBytesMax bytes of the log and the earlier log beside it; 0 = no bound
   */
  public static void toStandardError(String level, Path logFile, long logBytesMax) {
    for (Handler handler : ROOT.getHandlers()) {
      ROOT.removeHandler(handler);
    }
    var handler = new BoundedHandler(bounded(logFile, logBytesMax));
    handler.setLevel(Level.ALL);
    handler.setFormatter(new Line());
    ROOT.addHandler(handler);
    Level wanted =
        switch (level) {
          case "error" -> Level.SEVERE;
          case "warn" -> Level.WARNING;
          case "debug" -> Level.FINE;
          case "trace" -> Level.ALL;
          default -> Level.INFO;
        };
    ROOT.setLevel(wanted.intValue() > Level.WARNING.intValue() ? wanted : Level.WARNING);
    OURS.setLevel(wanted);
    REPLICATED_LOG.setLevel(wanted.intValue() < Level.FINE.intValue() ? Level.INFO : Level.SEVERE);
  }

  private static @Nullable BoundedLog bounded(Path logFile, long bytesMax) {
    try {
      return Files.isRegularFile(logFile)
              && Files.isSameFile(Path.of("/proc/self/fd/2").toRealPath(), logFile)
          ? new BoundedLog(logFile, bytesMax)
          : null;
    } catch (IOException e) {
      return null; // standard error is a pipe or the like
    }
  }

  /** Writes to standard error and keeps the log within its bound. */
  private static final class BoundedHandler extends Handler {
    private final FileOutputStream out = new FileOutputStream(FileDescriptor.err);
    private final @Nullable BoundedLog log;

    BoundedHandler(@Nullable BoundedLog log) {
      this.log = log;
    }

    @Override
    public synchronized void publish(LogRecord event) {
      if (!isLoggable(event)) {
        return;
      }
      byte[] line = getFormatter().format(event).getBytes(StandardCharsets.UTF_8);
      try {
        out.write(line);
      } catch (IOException e) {
        // The disk is full or the terminal is gone: there is no place left to report this.
        return;
      }
      if (log != null) {
        log.written(line.length);
      }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  /** Time, level, thread, logger and message on one line; a stack trace below. */
  private static final class Line extends Formatter {
    @Override
    public String format(LogRecord event) {
      var line = new StringBuilder(160);
      line.append(Instant.ofEpochMilli(event.getMillis()).truncatedTo(ChronoUnit.MILLIS));
      line.append(' ').append(name(event.getLevel()));
      line.append(" [").append(Thread.currentThread().getName()).append("] ");
      String logger = event.getLoggerName() == null ? "" : event.getLoggerName();
      line.append(logger.substring(logger.lastIndexOf('.') + 1));
      line.append(": ").append(formatMessage(event).replace("\n", "\n  ")).append('\n');
      if (event.getThrown() != null) {
        var trace = new StringWriter();
        event.getThrown().printStackTrace(new PrintWriter(trace));
        line.append(trace);
      }
      return line.toString();
    }

    private static String name(Level level) {
      int value = level.intValue();
      if (value >= Level.SEVERE.intValue()) {
        return "ERROR";
      }
      if (value >= Level.WARNING.intValue()) {
        return "WARN";
      }
      if (value >= Level.INFO.intValue()) {
        return "INFO";
      }
      return value >= Level.FINE.intValue() ? "DEBUG" : "TRACE";
    }
  }
}
