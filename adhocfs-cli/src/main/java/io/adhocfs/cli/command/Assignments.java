package io.adhocfs.cli.command;

import java.util.Map;

/** Settings as users write them. */
final class Assignments {
  private Assignments() {}

  /**
   * Adds the setting {@code key=value}.
   *
   * @param where the assignment was given, for messages
   */
  static void put(Map<String, String> settings, String assignment, String where)
      throws UsageException {
    int equals = assignment.indexOf('=');
    if (equals < 1) {
      throw new UsageException(where + ": '" + assignment + "' is not of the form key=value");
    }
    settings.put(assignment.substring(0, equals).strip(), assignment.substring(equals + 1).strip());
  }
}
