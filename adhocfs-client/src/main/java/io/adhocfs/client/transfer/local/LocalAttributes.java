package io.adhocfs.client.transfer.local;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Extended attributes of namespace user of an open file of this host. */
final class LocalAttributes {
  private static final byte[] USER = "user.".getBytes(US_ASCII);

  /** What Linux allows at most, of a list and of a value. */
  private static final int BYTES_MAX = 64 << 10;

  private static final int ENODATA = 61;
  private static final int EOPNOTSUPP = 95;

  private LocalAttributes() {}

  /** All of them; none where the file system has no such thing. */
  static List<ExtendedAttribute> read(int descriptor, byte[] path) throws FsException {
    long listed = LinuxFileCalls.flistxattr(descriptor, MemorySegment.NULL, 0);
    if (listed == 0 || listed == -EOPNOTSUPP) {
      return List.of();
    }
    check(listed, "listxattr", path);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(BYTES_MAX);
      long length = LinuxFileCalls.flistxattr(descriptor, buffer, BYTES_MAX);
      check(length, "listxattr", path);
      byte[] names = buffer.asSlice(0, length).toArray(JAVA_BYTE);
      List<ExtendedAttribute> attributes = new ArrayList<>();
      int start = 0;
      for (int end = 0; end < names.length; end++) {
        if (names[end] != 0) {
          continue;
        }
        byte[] name = Arrays.copyOfRange(names, start, end);
        start = end + 1;
        if (name.length > USER.length
            && Arrays.equals(name, 0, USER.length, USER, 0, USER.length)) {
          long size = LinuxFileCalls.fgetxattr(descriptor, cString(arena, name), buffer, BYTES_MAX);
          // One that went away meanwhile was not there.
          if (size != -ENODATA) {
            check(size, "getxattr", path);
            attributes.add(new ExtendedAttribute(name, buffer.asSlice(0, size).toArray(JAVA_BYTE)));
          }
        }
      }
      return attributes;
    }
  }

  static void write(int descriptor, byte[] path, ExtendedAttribute attribute) throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      byte[] value = attribute.value();
      MemorySegment bytes = arena.allocate(Math.max(1, value.length));
      MemorySegment.copy(value, 0, bytes, JAVA_BYTE, 0, value.length);
      check(
          LinuxFileCalls.fsetxattr(
              descriptor, cString(arena, attribute.name()), bytes, value.length),
          "setxattr",
          path);
    }
  }

  private static MemorySegment cString(Arena arena, byte[] text) {
    MemorySegment string = arena.allocate(text.length + 1L);
    MemorySegment.copy(text, 0, string, JAVA_BYTE, 0, text.length);
    return string;
  }

  private static void check(long returned, String call, byte[] path) throws FsException {
    if (returned < 0) {
      throw LocalErrors.of(returned, call, path);
    }
  }
}
