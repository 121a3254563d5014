package io.adhocfs.cli.command;

/** Wrong use: the command cannot do what was asked; the message says what is allowed. */
public final class UsageException extends Exception {
  private static final long serialVersionUID = 1L;

  public UsageException(String message) {
    super(message);
  }

  public UsageException(String message, Throwable cause) {
    super(message, cause);
  }
}
