package io.adhocfs.cli.command;

/** How commands end; the same for all of them. */
public final class ExitCode {
  /** Everything was done. */
  public static final int OK = 0;

  /** Something failed, or is not as it should be. */
  public static final int FAILED = 1;

  /** Wrong use, or not everything could be looked at. */
  public static final int USAGE = 2;

  /** It was done, and data was lost. */
  public static final int DATA_LOST = 3;

  private ExitCode() {}
}
