package io.adhocfs.protocol.model;

import java.io.IOException;

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

  public FsError error() {
    return error;
  }

  @Override
  public Throwable fillInStackTrace() {
    return this;
  }
}
