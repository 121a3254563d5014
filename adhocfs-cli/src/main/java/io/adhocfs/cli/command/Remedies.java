package io.adhocfs.cli.command;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;

/** Describes failures: the reason, and the command that helps, if any. */
public final class Remedies {
  private Remedies() {}

  /** Why something failed, for users. */
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
