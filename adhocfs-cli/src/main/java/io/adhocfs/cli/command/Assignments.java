package io.adhocfs.cli.command;

import java.util.Map;

/** Settings as people write them. */
final class Assignments {
  private Assignments() {}

  /**
   * Adds what {@code key=value} says.
   *
   * @param where it stands, for messages
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
