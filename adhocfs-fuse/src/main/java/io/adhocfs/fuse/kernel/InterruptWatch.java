package io.adhocfs.fuse.kernel;

import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Decides which interruptions end a request. The kernel announces each signal that a waiting
 * program gets, once and without its number. A local disk would finish its work in spite of a
 * signal: programs do not expect EINTR from a file. So a request is only given up in these cases:
 *
 * <ul>
 *   <li>the request waits for another program (a lock): at once;
 *   <li>a signal is about to end the program: at once, as far as {@link #PERIOD_MILLIS} allows;
 *   <li>the program was asked to end and handles that itself, or its signals cannot be seen: if the
 *       request has not been answered {@link #PATIENCE_MILLIS} later, as with a dead daemon.
 * </ul>
 *
 * <p>Thread-safe; has a thread only while a request is interrupted.
 */
final class InterruptWatch {
  private static final long PERIOD_MILLIS = 100;
  private static final long PATIENCE_MILLIS = 500;

  private final ScheduledThreadPoolExecutor executor;

  InterruptWatch() {
    executor =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "fuse-interrupts");
              thread.setDaemon(true);
              return thread;
            });
    executor.setKeepAliveTime(1, TimeUnit.SECONDS);
    executor.allowCoreThreadTimeOut(true);
  }

  /** To be called when a program that waits for a request has got a signal. */
  void interrupted(PendingRequest request) {
    if (request.waitsForOthers()) {
      request.interrupt();
    } else {
      look(request, System.nanoTime());
    }
  }

  private void look(PendingRequest request, long sinceNanos) {
    executor.execute(() -> {
      if (request.isAnswered()) {
        return;
      }
      boolean isLate =
          System.nanoTime() - sinceNanos >= TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
      boolean givenUp =
          switch (PendingSignals.of(request.caller().pid())) {
            case DEADLY -> true;
            case ASKED_TO_END, UNKNOWN -> isLate;
            case HARMLESS -> false;
          };
      if (givenUp) {
        request.interrupt();
      } else {
        // A deadly signal may still come, and would not be announced.
        var _ =
            executor.schedule(
                () -> look(request, sinceNanos), PERIOD_MILLIS, TimeUnit.MILLISECONDS);
      }
    });
  }
}
