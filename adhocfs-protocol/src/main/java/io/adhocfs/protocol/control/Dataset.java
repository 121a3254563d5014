package io.adhocfs.protocol.control;

import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.throttle.Scope;
import java.util.regex.Pattern;

/**
 * A directory with everything below it that rules can name. The layout of an inode has the number
 * of its dataset: a new inode gets the number from its directory, an existing one by a walk. What
 * is moved keeps its number.
 *
 * @param id 1 or more, never used again
 * @param directory that had the path when the dataset was made
 * @param path absolute and below the root; a dataset within another belongs to both
 * @param walked how many inodes the walk has seen
 * @param complete whether all that are below the directory have the number
 */
public record Dataset(int id, InodeId directory, String path, long walked, boolean complete) {
  /** No instance has more. */
  public static final int DATASETS_MAX = 1000;

  /** A path may be so long. */
  public static final int PATH_CHARS_MAX = 1024;

  /** Names that are not empty, "." or "..", each behind a slash. */
  private static final Pattern PATH = Pattern.compile("(/(?!\\.{1,2}(/|$))[^/\\x00]+)+");

  public Dataset {
    requirePath(path);
    if (id < 1 || walked < 0) {
      throw new IllegalArgumentException("dataset " + id + " with " + walked + " inodes");
    }
  }

  /** Makes sure that a text is a path as datasets have it; the message says what is one. */
  public static void requirePath(String path) {
    if (path.length() > PATH_CHARS_MAX || !PATH.matcher(path).matches()) {
      throw new IllegalArgumentException(
          "'%s' is not the path of a directory below the root, such as /out, of up to %d characters"
              .formatted(path, PATH_CHARS_MAX));
    }
  }

  /** Rules about it have this scope. */
  public Scope scope() {
    return new Scope(Scope.Kind.DATASET, Integer.toString(id));
  }

  /** Whether it lies within another, or is it. */
  public boolean isWithin(Dataset other) {
    return isWithin(path, other.path);
  }

  /** Whether a path leads into a directory, or to it. */
  public static boolean isWithin(String path, String directory) {
    return path.equals(directory) || path.startsWith(directory + '/');
  }

  Dataset after(long nowWalked, boolean nowComplete) {
    return new Dataset(id, directory, path, nowWalked, nowComplete);
  }
}
