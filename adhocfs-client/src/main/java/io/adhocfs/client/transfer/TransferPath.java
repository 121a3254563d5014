package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One end of a copy, as written on a command line: {@code adhoc:/dir/file} lies in the instance,
 * anything else on this host ({@code ./adhoc:x} for a local name that begins like that). Bytes, not
 * text.
 */
public final class TransferPath {
  /** Which file system a path belongs to. */
  public enum Place {
    HOST,
    INSTANCE
  }

  private static final byte[] PREFIX = "adhoc:".getBytes(StandardCharsets.US_ASCII);
  private static final int PATH_BYTES_MAX = 4096;

  private final Place place;
  private final byte[] path;

  private TransferPath(Place place, byte[] path) {
    this.place = place;
    this.path = path;
  }

  /**
   * Reads an argument.
   *
   * @throws FsException NOT_FOUND for an empty path; INVALID for a NUL byte or a path in the
   *     instance that does not begin with '/'; NAME_TOO_LONG above 4,096 bytes
   */
  public static TransferPath parse(byte[] argument) throws FsException {
    boolean inside =
        argument.length >= PREFIX.length
            && Arrays.equals(argument, 0, PREFIX.length, PREFIX, 0, PREFIX.length);
    byte[] path =
        inside ? Arrays.copyOfRange(argument, PREFIX.length, argument.length) : argument.clone();
    if (inside && (path.length == 0 || path[0] != '/')) {
      throw new FsException(
          FsError.INVALID,
          LocalFiles.display(argument)
              + ": a path inside the instance begins with '/': adhoc:/"
              + LocalFiles.display(path));
    }
    if (path.length == 0) {
      throw new FsException(FsError.NOT_FOUND, "an empty path");
    }
    if (path.length > PATH_BYTES_MAX) {
      throw new FsException(
          FsError.NAME_TOO_LONG, "a path of " + path.length + " bytes; at most " + PATH_BYTES_MAX);
    }
    for (byte b : path) {
      if (b == 0) {
        throw new FsException(
            FsError.INVALID, LocalFiles.display(argument) + ": a NUL byte in a path");
      }
    }
    return new TransferPath(inside ? Place.INSTANCE : Place.HOST, path);
  }

  /** The path that is the UTF-8 form of a text; for tests and constants. */
  public static TransferPath ofText(String text) throws FsException {
    return parse(text.getBytes(StandardCharsets.UTF_8));
  }

  public Place place() {
    return place;
  }

  /** The path within its file system: not to be changed. */
  public byte[] path() {
    return path;
  }

  /** Whether it ends in '/': its last component then is a directory, not a link to one. */
  boolean endsWithSlash() {
    return path[path.length - 1] == '/';
  }

  /**
   * The last component; null where a path has none that could name a copy: "/", and what ends in
   * "." or "..". Copying such a path copies what is in it.
   */
  byte @Nullable [] lastName() {
    int end = endWithoutSlashes();
    byte[] name = Arrays.copyOfRange(path, lastNameStart(end), end);
    boolean dots =
        name.length == 0
            || (name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.')));
    return dots ? null : name;
  }

  /** The directory that holds the last component. */
  byte[] parent() {
    int start = lastNameStart(endWithoutSlashes());
    if (start == 0) {
      return new byte[] {'.'};
    }
    return Arrays.copyOfRange(path, 0, start);
  }

  private int endWithoutSlashes() {
    int end = path.length;
    while (end > 0 && path[end - 1] == '/') {
      end--;
    }
    return end;
  }

  private int lastNameStart(int end) {
    int start = end;
    while (start > 0 && path[start - 1] != '/') {
      start--;
    }
    return start;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TransferPath that
        && place == that.place
        && Arrays.equals(path, that.path);
  }

  @Override
  public int hashCode() {
    return 31 * place.hashCode() + Arrays.hashCode(path);
  }

  /** As it is written, for people. */
  @Override
  public String toString() {
    return display(place, path);
  }

  /** A path of that place, for people. */
  static String display(Place place, byte[] path) {
    return (place == Place.INSTANCE ? "adhoc:" : "") + LocalFiles.display(path);
  }
}
