package io.adhocfs.cli.process;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** How this process logs: one line for each event on standard error. */
public final class Logging {
  // Held, for the log manager forgets loggers that nobody holds, and their levels with them.
  private static final Logger ROOT = Logger.getLogger("");
  private static final Logger OURS = Logger.getLogger("io.adhocfs");

  /** Warns of every call to a voter that is down, several times a second; we say it once. */
  private static final Logger REPLICATED_LOG = Logger.getLogger("org.apache.ratis");

  private Logging() {}

  /** For commands: nothing is logged; what went wrong is said once, by the command. */
  public static void off() {
    ROOT.setLevel(Level.OFF);
  }

  /**
   * For daemons and mounts: what we log at this level and above, and warnings of the libraries.
   *
   * @param level error, warn, info, debug or trace
   */
  public static void toStandardError(String level) {
    for (Handler handler : ROOT.getHandlers()) {
      ROOT.removeHandler(handler);
    }
    var handler = new ConsoleHandler();
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
