package io.adhocfs.client;

/**
 * How a path is opened.
 *
 * @param create makes the file when there is none
 * @param exclusive with create: EXISTS when there is something of this name
 * @param truncate cuts an existing file to 0
 * @param followSymlinks whether a symbolic link at the end of the path is followed; if not,
 *     TOO_MANY_SYMLINKS is the answer to one, as of open(2) with O_NOFOLLOW
 * @param mode permission bits of a file that is made; no umask is applied
 */
public record OpenOptions(
    boolean readable,
    boolean writable,
    boolean create,
    boolean exclusive,
    boolean truncate,
    boolean followSymlinks,
    int mode) {
  private static final int DEFAULT_MODE = 0644;

  /** An existing file, to read. */
  public static final OpenOptions READ =
      new OpenOptions(true, false, false, false, false, true, DEFAULT_MODE);

  /** An existing file, to read and write. */
  public static final OpenOptions READ_WRITE =
      new OpenOptions(true, true, false, false, false, true, DEFAULT_MODE);

  /** A new or existing file, to read and write. */
  public static final OpenOptions CREATE =
      new OpenOptions(true, true, true, false, false, true, DEFAULT_MODE);

  /** A new file; EXISTS if there is one. */
  public static final OpenOptions CREATE_NEW =
      new OpenOptions(true, true, true, true, false, true, DEFAULT_MODE);

  /** An empty file, new or cut to 0. */
  public static final OpenOptions CREATE_EMPTY =
      new OpenOptions(true, true, true, false, true, true, DEFAULT_MODE);

  public OpenOptions {
    if (!readable && !writable) {
      throw new IllegalArgumentException("neither to read nor to write");
    }
    if (truncate && !writable) {
      throw new IllegalArgumentException("to truncate, but not to write");
    }
    if ((mode & ~07777) != 0) {
      throw new IllegalArgumentException("mode " + Integer.toOctalString(mode));
    }
  }

  /** The same with these permission bits for a file that is made. */
  public OpenOptions withMode(int value) {
    return new OpenOptions(readable, writable, create, exclusive, truncate, followSymlinks, value);
  }

  /** The same, refusing a symbolic link at the end of the path. */
  public OpenOptions withoutFollowing() {
    return new OpenOptions(readable, writable, create, exclusive, truncate, false, mode);
  }
}
