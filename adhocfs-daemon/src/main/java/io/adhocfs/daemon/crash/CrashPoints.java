package io.adhocfs.daemon.crash;

import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Is told at every {@link CrashPoint}, and may end the process there. Thread-safe. */
@FunctionalInterface
public interface CrashPoints {
  /** Lives. */
  CrashPoints NONE = point -> {};

  /**
   * The system property that names a point, with {@code :n} for the n-th time it is reached, and
   * {@code :n:stop} for standing still there, until SIGCONT, in place of dying.
   */
  String PROPERTY = "adhocfs.crash";

  int EXIT_STATUS = 137;

  void reached(CrashPoint point);

  /**
   * What a value of {@link #PROPERTY} asks for: the process halts at that point, as if killed, or
   * is stopped with all its threads.
   *
   * @throws IllegalArgumentException for an unknown point, a count that is no positive number, or
   *     anything but "stop" behind it
   */
  static CrashPoints ofProperty(@Nullable String value) {
    if (value == null || value.isEmpty()) {
      return NONE;
    }
    String[] parts = value.split(":", -1);
    int times = parts.length < 2 ? 1 : Integer.parseInt(parts[1]);
    boolean stops = parts.length == 3 && parts[2].equals("stop");
    if (times < 1 || parts.length > 3 || (parts.length == 3 && !stops)) {
      throw new IllegalArgumentException(PROPERTY + " " + value);
    }
    CrashPoint wanted =
        Arrays.stream(CrashPoint.values())
            .filter(point -> point.name().equals(parts[0]))
            .findAny()
            .orElseThrow(() -> new IllegalArgumentException(PROPERTY + " " + value));
    var left = new AtomicInteger(times);
    return point -> {
      if (point == wanted && left.get() > 0 && left.decrementAndGet() == 0) {
        if (stops) {
          stop();
        } else {
          Runtime.getRuntime().halt(EXIT_STATUS);
        }
      }
    };
  }

  /** Stops this process and all of its threads; returns when somebody lets it go on. */
  private static void stop() {
    try {
      int _ =
          new ProcessBuilder("kill", "-STOP", Long.toString(ProcessHandle.current().pid()))
              .start()
              .waitFor();
    } catch (IOException e) {
      throw new IllegalStateException("a process cannot stop itself", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
