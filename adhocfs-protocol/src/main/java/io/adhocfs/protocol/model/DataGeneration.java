package io.adhocfs.protocol.model;

/**
 * What a file's data generation counts: in its upper bits the cuts, which take away what lies past
 * them, in its lower bits the ranges cleared since the last cut, which leave the size alone. So
 * owners of chunks compare whole generations, and whoever deals with sizes asks for cuts alone.
 * Pure functions.
 *
 * <p>When as many ranges have been cleared as the lower bits can count, the next one counts as a
 * cut too.
 */
public final class DataGeneration {
  private static final int CLEARED_BITS = 28;

  private DataGeneration() {}

  /** The generation that a cut brings. */
  public static long afterCut(long generation) {
    return ((generation >>> CLEARED_BITS) + 1) << CLEARED_BITS;
  }

  /** The generation that clearing a range brings. */
  public static long afterClearing(long generation) {
    return generation + 1;
  }

  /**
   * What is told instead of a generation while the cut or clearing that brings it is under way: not
   * older than the one before, and of the same cut as that one.
   */
  public static long justBefore(long generation) {
    return Math.max(0, generation - 1);
  }

  /**
   * Whether no cut lies between two generations, so that bytes stored under one of them have not
   * been cut away when the other one holds, and a size told under the older one counts.
   */
  public static boolean isSameCut(long one, long other) {
    return one >>> CLEARED_BITS == other >>> CLEARED_BITS;
  }
}
