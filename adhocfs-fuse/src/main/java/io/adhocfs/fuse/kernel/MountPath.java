package io.adhocfs.fuse.kernel;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Path;

/**
 * A mount point's path in the form in which the mount table lists it, found without asking the
 * mount there (which may hang).
 */
final class MountPath {
  /** How {@link Path} turns text into bytes; ASCII in a C locale. */
  private static final Charset PATH_CHARSET =
      Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

  private MountPath() {}

  /** Absolute, with the links in the parent's path resolved; the last part is not resolved. */
  static Path canonical(Path mountPoint) throws IOException {
    Path absolute = mountPoint.toAbsolutePath().normalize();
    Path parent = absolute.getParent();
    Path name = absolute.getFileName();
    return parent == null || name == null ? absolute : parent.toRealPath().resolve(name);
  }

  static byte[] bytes(Path path) {
    return path.toString().getBytes(PATH_CHARSET);
  }

  /** For messages to users. */
  static String text(byte[] path) {
    return new String(path, PATH_CHARSET);
  }
}
