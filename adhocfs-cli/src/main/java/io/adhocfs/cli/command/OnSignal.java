package io.adhocfs.cli.command;

/**
 * An action that runs if a signal ends the process (Ctrl-C, SIGTERM) before this is closed. The
 * process ends when the action is done, with exit code 128 plus the signal's number: 130 or 143.
 */
final class OnSignal implements AutoCloseable {
  private final Thread hook;

  /** Registers the action, which runs in a thread of its own while the other threads go on. */
  OnSignal(String name, Runnable action) {
    hook = new Thread(action, name);
    Runtime.getRuntime().addShutdownHook(hook);
  }

  @Override
  public void close() {
    try {
      var _ = Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException alreadyEnding) {
      // The process is ending, and the action runs.
    }
  }
}
