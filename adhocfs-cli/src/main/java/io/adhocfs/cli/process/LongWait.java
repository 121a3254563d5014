package io.adhocfs.cli.process;

import java.time.Duration;
import java.util.function.Consumer;

/** A wait that may take long: every ten seconds it says what it waits for. For one thread. */
final class LongWait {
  private static final Duration BETWEEN_NOTES = Duration.ofSeconds(10);

  private final String what;
  private final Consumer<String> notes;
  private final long start = System.nanoTime();
  private long lastNote = start;

  /**
   * Begins to wait.
   *
   * @param what the wait is for, and where to look
   */
  LongWait(String what, Consumer<String> notes) {
    this.what = what;
    this.notes = notes;
  }

  /** Waits a moment before the next check. */
  void pause() {
    ServiceProcess.pause();
    long now = System.nanoTime();
    if (now - lastNote >= BETWEEN_NOTES.toNanos()) {
      lastNote = now;
      notes.accept("waiting for " + what + " (" + (now - start) / 1_000_000_000 + " s)");
    }
  }
}
