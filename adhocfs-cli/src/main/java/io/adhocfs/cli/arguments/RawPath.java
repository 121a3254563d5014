package io.adhocfs.cli.arguments;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A path as the user typed it: bytes of a path on this host or, after "adhoc:", in the instance.
 */
public final class RawPath {
  private static final byte[] INSTANCE_PREFIX = "adhoc:".getBytes(StandardCharsets.US_ASCII);

  private final byte[] bytes;

  private RawPath(byte[] bytes) {
    this.bytes = bytes;
  }

  /** The path in a raw argument. */
  public static RawPath ofArgument(String raw) {
    return new RawPath(RawArguments.bytes(raw));
  }

  /** The bytes, not copied: callers must not change them. */
  public byte[] bytes() {
    return bytes;
  }

  /**
   * The path on this host.
   *
   * @throws FsException INVALID when the JVM cannot express it
   */
  public Path onHost() throws FsException {
    Charset charset = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    String text = new String(bytes, charset);
    try {
      if (bytes.length > 0 && Arrays.equals(text.getBytes(charset), bytes)) {
        return Path.of(text).toAbsolutePath().normalize();
      }
    } catch (InvalidPathException e) {
      throw new FsException(FsError.INVALID, "'" + this + "': " + e.getReason(), e);
    }
    throw new FsException(
        FsError.INVALID,
        bytes.length == 0
            ? "the path is empty"
            : "'" + this + "' is not valid " + charset + ": give a path in this encoding");
  }

  /**
   * The absolute path inside the instance; the prefix "adhoc:" may be missing.
   *
   * @throws FsException INVALID if the path does not begin with '/'
   */
  public byte[] inInstance() throws FsException {
    byte[] path = bytes;
    int prefix = INSTANCE_PREFIX.length;
    if (bytes.length >= prefix && Arrays.equals(bytes, 0, prefix, INSTANCE_PREFIX, 0, prefix)) {
      path = Arrays.copyOfRange(bytes, prefix, bytes.length);
    }
    if (path.length == 0 || path[0] != '/') {
      throw new FsException(
          FsError.INVALID, "'" + this + "': a path inside the instance is written adhoc:/dir/file");
    }
    return path;
  }

  /** For messages to users only. */
  @Override
  public String toString() {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
