package io.adhocfs.protocol.throttle;

import io.adhocfs.protocol.model.TrafficClass;

/**
 * On whose behalf a request comes.
 *
 * @param job id of the job; empty = of none
 * @param step of the job; empty = of none
 * @param user number of the user
 */
public record Party(TrafficClass traffic, String job, String step, int user) {
  /** Text of an id may be so long. */
  public static final int ID_CHARS_MAX = 64;

  /** Of whom nothing is known yet. */
  public static final int UNKNOWN_USER = -1;

  public Party {
    if (job.length() > ID_CHARS_MAX || step.length() > ID_CHARS_MAX) {
      throw new IllegalArgumentException("a job or step with a name that is too long");
    }
  }

  /** With whom it shares what it gets: those of its job; without one, those of its user. */
  public String group() {
    return switch (traffic) {
      case FOREGROUND, STAGING -> {
        if (!job.isEmpty()) {
          yield "job:" + job;
        }
        yield user == UNKNOWN_USER ? "unknown" : "user:" + Integer.toUnsignedString(user);
      }
      case MIGRATION, CONTROL -> "traffic:" + traffic.label();
    };
  }

  /** Whether a scope has it, at a node. */
  public boolean isIn(Scope scope, int node) {
    return switch (scope.kind()) {
      case INSTANCE -> true;
      case JOB -> scope.value().equals(job);
      case USER -> scope.value().equals(Integer.toUnsignedString(user));
      case NODE -> scope.value().equals(Integer.toString(node));
      case TRAFFIC -> scope.value().equals(traffic.label());
      // That is about what is used, not about who uses it.
      case DATASET -> false;
    };
  }
}
