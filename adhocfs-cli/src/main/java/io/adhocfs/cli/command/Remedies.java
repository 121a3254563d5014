package io.adhocfs.cli.command;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;

/** What a failure is told with: why, and what to do about it where a command can. */
public final class Remedies {
  private Remedies() {}

  /** Why something failed, for people. */
  public static String reason(FsException failure) {
    String message = failure.getMessage();
    String reason = message == null ? failure.error().name() : message;
    boolean nobodyAnswered =
        failure.error() == FsError.TIMED_OUT || failure.error() == FsError.UNREACHABLE;
    return nobodyAnswered && !reason.contains("'adhocfs ")
        ? reason + "; 'adhocfs status' shows which nodes are down, 'adhocfs start' starts them"
        : reason;
  }
}
