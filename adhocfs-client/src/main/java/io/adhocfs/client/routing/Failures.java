package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CancellationException;

/** Finds the answer of the file system in what a future failed with. */
public final class Failures {
  private Failures() {}

  /** The failure as an FsException; a defect is INTERNAL with its cause. */
  public static FsException of(Throwable failure) {
    Throwable cause = FsException.unwrapped(failure);
    return switch (cause) {
      case FsException answer -> answer;
      case CancellationException e -> new FsException(FsError.INTERRUPTED, "cancelled", e);
      default -> new FsException(FsError.INTERNAL, "a defect in the client: " + cause, cause);
    };
  }

  /** The category of {@link #of}. */
  public static FsError errorOf(Throwable failure) {
    return of(failure).error();
  }

  /** The same failure, said of an operation. */
  public static FsException during(String operation, FsException failure) {
    return new FsException(failure.error(), operation + ": " + failure.getMessage(), failure);
  }
}
