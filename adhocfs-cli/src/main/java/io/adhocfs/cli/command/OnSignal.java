package io.adhocfs.cli.command;

/**
 * Something to do when the process is told to end (Ctrl-C, SIGTERM), until it is closed. The
 * process ends when that is done, with 128 and the signal's number: 130 or 143.
 */
final class OnSignal implements AutoCloseable {
  private final Thread hook;

  /** Has this done in a thread of its own; what the process does meanwhile goes on. */
  OnSignal(String name, Runnable action) {
    hook = new Thread(action, name);
    Runtime.getRuntime().addShutdownHook(hook);
  }

  @Override
  public void close() {
    try {
      var _ = Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException alreadyEnding) {
      // It is being done.
    }
  }
}
