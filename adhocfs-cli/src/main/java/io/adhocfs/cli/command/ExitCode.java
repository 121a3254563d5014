package io.adhocfs.cli.command;

/** The exit codes of all commands. */
public final class ExitCode {
  /** Everything was done. */
  public static final int OK = 0;

  /** Something failed, or is not as it should be. */
  public static final int FAILED = 1;

  /** Wrong use, or not everything could be checked. */
  public static final int USAGE = 2;

  /** The command has done its work, and data was lost. */
  public static final int DATA_LOST = 3;

  private ExitCode() {}
}
