package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Output;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Shows progress: on a terminal as one line that is overwritten, elsewhere, as in the log of a job,
 * as a new line every 30 seconds. Thread-safe.
 */
final class ProgressLine {
  private static final long TERMINAL_EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long LOG_EVERY_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final Output output;
  private final String logPrefix;
  private long lastNanos = System.nanoTime();
  private int shown;

  /**
   * Creates a line that is not shown yet.
   *
   * @param logPrefix what a line in a log begins with, such as "adhocfs copy: "
   */
  ProgressLine(Output output, String logPrefix) {
    this.output = output;
    this.logPrefix = logPrefix;
  }

  /** Shows the progress, unless the last line is too recent. */
  synchronized void show(Supplier<String> line) {
    long now = System.nanoTime();
    boolean terminal = output.errIsTerminal();
    if (now - lastNanos < (terminal ? TERMINAL_EVERY_NANOS : LOG_EVERY_NANOS)) {
      return;
    }
    lastNanos = now;
    if (terminal) {
      write(line.get());
    } else {
      output.note(logPrefix + line.get());
    }
  }

  /** Removes the line, so that other output can follow. */
  synchronized void clear() {
    if (shown > 0) {
      write("");
      output.rawNote("\r");
      shown = 0;
    }
  }

  private void write(String line) {
    output.rawNote("\r" + line + " ".repeat(Math.max(0, shown - line.length())));
    shown = line.length();
  }
}
