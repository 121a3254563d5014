package io.adhocfs.protocol.model;

import java.io.IOException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/**
 * Something that the world did: full disk, missing file, peer gone. The message carries the values
 * that explain it (path, node, operation). Has no stack trace, since it is an answer, not a defect.
 */
public final class FsException extends IOException {
  private static final long serialVersionUID = 1L;

  private final FsError error;

  public FsException(FsError error, String message) {
    super(message);
    this.error = error;
  }

  public FsException(FsError error, String message, Throwable cause) {
    super(message, cause);
    this.error = error;
  }

  /** What a future failed with, in these terms; a defect is INTERNAL, with its cause. */
  public static FsException of(Throwable failure) {
    Throwable cause = unwrapped(failure);
    return cause instanceof FsException answer
        ? answer
        : new FsException(FsError.INTERNAL, String.valueOf(cause), cause);
  }

  /** What a future failed with, without what futures wrap around it. */
  public static Throwable unwrapped(Throwable failure) {
    Throwable cause = failure;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  public FsError error() {
    return error;
  }

  @Override
  public Throwable fillInStackTrace() {
    return this;
  }

  /**
   * This as what a future fails with. The stages that follow would wrap anything else once each,
   * and record the stack every time: a name that is not there is an everyday answer.
   */
  public CompletionException asCompletion() {
    return new Completion(this);
  }

  private static final class Completion extends CompletionException {
    private static final long serialVersionUID = 1L;

    Completion(FsException cause) {
      super(cause);
    }

    @Override
    public Throwable fillInStackTrace() {
      return this;
    }
  }
}
