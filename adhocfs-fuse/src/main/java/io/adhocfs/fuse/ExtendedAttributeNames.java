package io.adhocfs.fuse;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.client.AttributeSetMode;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the kernel's questions about extended attributes mean by their names. Pure functions. */
final class ExtendedAttributeNames {
  private static final byte[] SYSTEM = "system.".getBytes(US_ASCII);
  private static final byte[] TRUSTED = "trusted.".getBytes(US_ASCII);
  private static final byte[] SWITCH = "user.adhocfs.".getBytes(US_ASCII);
  private static final byte[] CAPABILITY = "security.capability".getBytes(US_ASCII);
  private static final int XATTR_CREATE = 1;
  private static final int XATTR_REPLACE = 2;

  private ExtendedAttributeNames() {}

  /**
   * The answer that needs no question; null where one has to be asked. The kernel wants to know the
   * capabilities of a file before it is written or executed: so often that what the client heard
   * when it was opened must do. Access control lists are asked for by programs that list files, and
   * are nobody's here.
   */
  static @Nullable FsError knownAnswer(byte[] name, @Nullable FileAttributes openFile) {
    if (startsWith(name, SYSTEM)) {
      return FsError.NOT_SUPPORTED;
    }
    return openFile != null && !openFile.hasExtendedAttributes() && Arrays.equals(name, CAPABILITY)
        ? FsError.NO_ATTRIBUTE
        : null;
  }

  /** The name of a file capability. */
  static byte[] capability() {
    return CAPABILITY.clone();
  }

  /** The key of the switch that a name stands for; null of any other name. */
  static @Nullable String switchKey(byte[] name) {
    return startsWith(name, SWITCH)
        ? new String(name, SWITCH.length, name.length - SWITCH.length, UTF_8)
        : null;
  }

  /**
   * Names with a 0 behind each; those of root are shown to root. Those of switches are shown to
   * nobody, whoever has stored some: what is listed would be copied.
   */
  static byte[] listing(List<byte[]> names, boolean withTrusted) {
    var bytes = new ByteArrayOutputStream();
    for (byte[] name : names) {
      if ((withTrusted || !startsWith(name, TRUSTED)) && !startsWith(name, SWITCH)) {
        bytes.writeBytes(name);
        bytes.write(0);
      }
    }
    return bytes.toByteArray();
  }

  static AttributeSetMode mode(int flags) throws FsException {
    return switch (flags) {
      case 0 -> AttributeSetMode.SET;
      case XATTR_CREATE -> AttributeSetMode.CREATE;
      case XATTR_REPLACE -> AttributeSetMode.REPLACE;
      default -> throw new FsException(FsError.INVALID, "setxattr with flags " + flags);
    };
  }

  private static boolean startsWith(byte[] name, byte[] start) {
    return name.length >= start.length
        && Arrays.equals(name, 0, start.length, start, 0, start.length);
  }
}
