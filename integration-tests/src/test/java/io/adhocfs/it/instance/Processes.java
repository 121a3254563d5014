package io.adhocfs.it.instance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Whether processes run, and their end. A process that has ended and that its parent has not asked
 * for yet does not run any more; {@link ProcessHandle} takes it for alive, for seconds perhaps
 * where the parent is the first process of a container.
 */
public final class Processes {
  private static final Duration END_PATIENCE = Duration.ofSeconds(30);
  private static final long LOOK_NANOS = 1_000_000;

  private Processes() {}

  /** Whether this process still does something. */
  public static boolean isRunning(ProcessHandle process) throws IOException {
    if (!process.isAlive()) {
      return false;
    }
    try {
      String status = Files.readString(Path.of("/proc", Long.toString(process.pid()), "stat"));
      // The state follows the name, which is in parentheses and may have any characters in it.
      char state = status.charAt(status.lastIndexOf(')') + 2);
      // A main thread that has ended is a zombie for as long as others of its process are there.
      return state == 'Z' ? threads(process) > 1 : state != 'X';
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      // Ended between opening and reading.
      if (!process.isAlive()) {
        return false;
      }
      throw e;
    }
  }

  private static int threads(ProcessHandle process) {
    String[] threads = Path.of("/proc", Long.toString(process.pid()), "task").toFile().list();
    return threads == null ? 0 : threads.length;
  }

  /** Sends a process a signal, such as STOP or CONT. */
  public static void signal(ProcessHandle process, String name)
      throws IOException, InterruptedException {
    int exitCode =
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
            .inheritIO()
            .start()
            .waitFor();
    if (exitCode != 0) {
      throw new AssertionError("process " + process.pid() + " can't be sent SIG" + name);
    }
  }

  /** Ends a process with SIGKILL and waits until it does nothing any more. */
  public static void kill(ProcessHandle process) throws IOException {
    process.destroyForcibly();
    long limit = System.nanoTime() + END_PATIENCE.toNanos();
    while (isRunning(process)) {
      if (System.nanoTime() - limit > 0) {
        throw new AssertionError("process " + process.pid() + " does not end");
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }
}
