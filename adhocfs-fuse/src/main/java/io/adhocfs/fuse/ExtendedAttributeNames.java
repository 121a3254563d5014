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

/** The meaning of extended attributes by their names. Pure functions. */
final class ExtendedAttributeNames {
  private static final byte[] SYSTEM = "system.".getBytes(US_ASCII);
  private static final byte[] TRUSTED = "trusted.".getBytes(US_ASCII);
  private static final byte[] SWITCH = "user.adhocfs.".getBytes(US_ASCII);
  private static final byte[] CAPABILITY = "security.capability".getBytes(US_ASCII);
  private static final int XATTR_CREATE = 1;
  private static final int XATTR_REPLACE = 2;

  private ExtendedAttributeNames() {}

  /**
   * The answer that is known without asking a daemon; null if a daemon has to be asked. The kernel
   * asks for the capability of a file before each write or execution: so often that the attributes
   * which the client got when the file was opened must do. Programs that list files ask for access
   * control lists, which no file has here.
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

  /** The key of the switch that a name stands for; null for any other name. */
  static @Nullable String switchKey(byte[] name) {
    return startsWith(name, SWITCH)
        ? new String(name, SWITCH.length, name.length - SWITCH.length, UTF_8)
        : null;
  }

  /**
   * The names with a 0 behind each. Names that only root may see are listed for root only. Names of
   * switches are never listed, even if such names are stored: programs would copy listed names.
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
