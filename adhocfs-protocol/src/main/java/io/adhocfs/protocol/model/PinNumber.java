package io.adhocfs.protocol.model;

/**
 * The number of a pin, which keeps an open inode alive for a session: a count that each open
 * raises, and a bit that says that the session keeps what it reads of the inode (in a kernel's page
 * cache), so that it has to be told of changes. 0 = no pin.
 */
public final class PinNumber {
  private static final long KEEPS = 1L << 62;

  private PinNumber() {}

  /**
   * A number of this count.
   *
   * @param keeps whether the session keeps what it reads
   */
  public static long of(long count, boolean keeps) {
    return keeps ? count | KEEPS : count;
  }

  /** The count alone: it says which of two pins of a session is the later one. */
  public static long count(long number) {
    return number & ~KEEPS;
  }

  /** Whether the session keeps what it reads. */
  public static boolean keeps(long number) {
    return (number & KEEPS) != 0;
  }

  /** The pin that a session has after one more open: the later count, and it goes on keeping. */
  public static long merged(long present, long later) {
    return of(Math.max(count(present), count(later)), keeps(present) || keeps(later));
  }
}
