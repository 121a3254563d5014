package io.adhocfs.fuse.kernel;

import java.lang.foreign.Arena;

/**
 * The first steps of a main program whose process serves a mount, so that the process never waits
 * for itself.
 */
public final class ProcessGuard {
  /** PR_SET_IO_FLUSHER of linux/prctl.h, since Linux 5.6. */
  private static final int PR_SET_IO_FLUSHER = 57;

  private ProcessGuard() {}

  /**
   * Makes "/" the working directory, so that a mount over the old working directory neither
   * captures this process nor is kept busy by it. Java goes on resolving relative paths against the
   * directory in which the program was started, so make paths absolute before.
   *
   * @return whether the kernel has changed the directory
   */
  public static boolean enterRootDirectory() {
    try (Arena arena = Arena.ofConfined()) {
      return LinuxCalls.chdir(LinuxCalls.cString(arena, "/")) >= 0;
    }
  }

  /**
   * Marks the calling thread, and every thread that it starts from now on, as part of the way to
   * storage: when such a thread needs memory, the kernel never makes it wait for the writing back
   * of dirty pages, which may belong to its own mount (PR_SET_IO_FLUSHER). Call this in main before
   * anything else.
   *
   * @return whether the kernel granted this, which needs CAP_SYS_RESOURCE
   */
  public static boolean tryMarkAsIoFlusher() {
    return LinuxCalls.prctl(PR_SET_IO_FLUSHER, 1) >= 0;
  }
}
