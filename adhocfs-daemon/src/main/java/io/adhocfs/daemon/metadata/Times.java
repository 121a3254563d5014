package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.FileAttributes;

/**
 * How times move. They are the clocks of the clients that act, so one that is behind must not take
 * back what another has done; but an mtime that somebody set into the future by hand gives way to
 * the next change, as on a local disk. The ctime, which nobody can set, tells the two apart.
 */
public final class Times {
  private Times() {}

  /** The mtime after a change of content. */
  public static long mtime(FileAttributes before, long nowNanos) {
    return nowNanos >= before.ctimeNanos() ? nowNanos : Math.max(before.mtimeNanos(), nowNanos);
  }

  /** The ctime after any change. */
  public static long ctime(FileAttributes before, long nowNanos) {
    return Math.max(before.ctimeNanos(), nowNanos);
  }
}
