package io.adhocfs.fuse.kernel;

import java.lang.foreign.Arena;

/**
 * What the main program of a process that serves a mount does first, so that the process never
 * waits for itself.
 */
public final class ProcessGuard {
  /** PR_SET_IO_FLUSHER of linux/prctl.h, since Linux 5.6. */
  private static final int PR_SET_IO_FLUSHER = 57;

  private ProcessGuard() {}

  /**
   * Makes "/" the working directory, so that a mount over the old one neither captures this process
   * nor is kept busy by it. Java goes on resolving relative paths against the directory in which
   * the program was started: make paths absolute before, as always.
   *
   * @return whether it worked
   */
  public static boolean enterRootDirectory() {
    try (Arena arena = Arena.ofConfined()) {
      return LinuxCalls.chdir(LinuxCalls.cString(arena, "/")) >= 0;
    }
  }

  /**
   * Marks the calling thread, and every thread that it starts from now on, as part of the way to
   * storage: memory that it asks for is then never waited for by writing back dirty pages, which
   * may be those of its own mount (PR_SET_IO_FLUSHER). Call it in main before anything else.
   *
   * @return whether the kernel granted it: it takes CAP_SYS_RESOURCE
   */
  public static boolean tryMarkAsIoFlusher() {
    return LinuxCalls.prctl(PR_SET_IO_FLUSHER, 1) >= 0;
  }
}
