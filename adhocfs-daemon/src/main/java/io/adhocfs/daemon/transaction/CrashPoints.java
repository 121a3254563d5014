package io.adhocfs.daemon.transaction;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Is told at every {@link CrashPoint}, and may end the process there. Metadata thread. */
@FunctionalInterface
public interface CrashPoints {
  /** Lives. */
  CrashPoints NONE = point -> {};

  /** The system property that names a point, with {@code :n} for the n-th time it is reached. */
  String PROPERTY = "adhocfs.crash";

  int EXIT_STATUS = 137;

  void reached(CrashPoint point);

  /**
   * What a value of {@link #PROPERTY} asks for: the process halts at that point, as if killed.
   *
   * @throws IllegalArgumentException for an unknown point or a count that is no positive number
   */
  static CrashPoints ofProperty(@Nullable String value) {
    if (value == null || value.isEmpty()) {
      return NONE;
    }
    int colon = value.indexOf(':');
    String name = colon < 0 ? value : value.substring(0, colon);
    int times = colon < 0 ? 1 : Integer.parseInt(value.substring(colon + 1));
    if (times < 1) {
      throw new IllegalArgumentException(PROPERTY + " " + value);
    }
    CrashPoint wanted =
        Arrays.stream(CrashPoint.values())
            .filter(point -> point.name().equals(name))
            .findAny()
            .orElseThrow(() -> new IllegalArgumentException(PROPERTY + " " + value));
    return new CrashPoints() {
      private int left = times;

      @Override
      public void reached(CrashPoint point) {
        if (point == wanted && --left == 0) {
          Runtime.getRuntime().halt(EXIT_STATUS);
        }
      }
    };
  }
}
