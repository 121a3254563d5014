package io.adhocfs.fuse.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Why a thread of a program was interrupted, by /proc (proc_pid_status(5)). While the thread waits
 * for an answer its signals stay pending, so the question can be repeated.
 */
enum PendingSignals {
  /** The thread is about to end. */
  DEADLY,

  /** The program was asked to end, and handles that itself: SIGINT, SIGQUIT, SIGTERM or SIGHUP. */
  ASKED_TO_END,

  /**
   * The thread is to stop for a while, or has a handler for another signal, or no signal is pending
   * any more.
   */
  HARMLESS,

  /** The thread is gone, or this process cannot see it. */
  UNKNOWN;

  private static final long END_REQUESTS = bit(1) | bit(2) | bit(3) | bit(15);
  private static final long KILL = bit(9);

  /** SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH: signal(7). */
  private static final long NOT_DEADLY_BY_DEFAULT =
      bit(17) | bit(18) | bit(19) | bit(20) | bit(21) | bit(22) | bit(23) | bit(28);

  private static long bit(int signal) {
    return 1L << (signal - 1);
  }

  /**
   * Asks the kernel.
   *
   * @param thread the thread's number, as requests carry it; 0 = in another PID namespace
   */
  static PendingSignals of(int thread) {
    if (thread == 0) {
      return UNKNOWN;
    }
    try {
      return ofStatus(
          Files.readString(Path.of("/proc/" + thread + "/status"), StandardCharsets.ISO_8859_1));
    } catch (IOException gone) {
      return UNKNOWN;
    }
  }

  /** As {@link #of}, from the text of the status file. */
  static PendingSignals ofStatus(String status) {
    long pending = 0;
    long blocked = 0;
    long ignored = 0;
    long handled = 0;
    for (String line : status.split("\n", -1)) {
      if (line.startsWith("SigPnd:") || line.startsWith("ShdPnd:")) {
        pending |= mask(line);
      } else if (line.startsWith("SigBlk:")) {
        blocked = mask(line);
      } else if (line.startsWith("SigIgn:")) {
        ignored = mask(line);
      } else if (line.startsWith("SigCgt:")) {
        handled = mask(line);
      }
    }
    long arriving = pending & ~blocked & ~ignored;
    if ((pending & KILL) != 0 || (arriving & ~handled & ~NOT_DEADLY_BY_DEFAULT) != 0) {
      return DEADLY;
    }
    return (arriving & handled & END_REQUESTS) != 0 ? ASKED_TO_END : HARMLESS;
  }

  private static long mask(String line) {
    return Long.parseUnsignedLong(line.substring(line.indexOf(':') + 1).strip(), 16);
  }
}
