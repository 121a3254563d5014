package io.adhocfs.protocol.control;

/**
 * What a command makes of a part of the state.
 *
 * @param part the part afterwards; as before where the command was refused or changes nothing
 */
record Step<P>(P part, Outcome outcome) {
  static <P> Step<P> changed(P part) {
    return new Step<>(part, Outcome.OK);
  }

  static <P> Step<P> unchanged(P part) {
    return new Step<>(part, Outcome.UNCHANGED);
  }

  static <P> Step<P> refused(P part, String message) {
    return new Step<>(part, Outcome.refused(message));
  }
}
