package io.adhocfs.daemon.slot;

import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Self-checks that cost too much for production and are on in all tests: what must hold whenever a
 * batch is written or a slot is taken up. A violation is a fault of the daemon, never of a request.
 */
public final class Invariants {
  /**
   * The system property that switches them on: {@code true} has a violation thrown as an
   * AssertionError; {@code halt} has it end the process, so that no thread of a daemon swallows it.
   */
  public static final String PROPERTY = "adhocfs.invariants";

  private static final Logger LOG = LoggerFactory.getLogger(Invariants.class);

  private static final String MODE = System.getProperty(PROPERTY, "false");

  /** Whether invariants are checked at all. */
  public static final boolean CHECKED = !MODE.equals("false");

  /** As of a process that abort() has ended. */
  private static final int EXIT_STATUS = 134;

  private Invariants() {}

  /**
   * Demands that an invariant holds, where invariants are checked.
   *
   * @param violation what is wrong where it does not
   */
  public static void require(boolean holds, Supplier<String> violation) {
    if (holds || !CHECKED) {
      return;
    }
    var error = new AssertionError("an invariant is violated: " + violation.get());
    if (MODE.equals("halt")) {
      LOG.error("this daemon ends", error);
      Runtime.getRuntime().halt(EXIT_STATUS);
    }
    throw error;
  }
}
