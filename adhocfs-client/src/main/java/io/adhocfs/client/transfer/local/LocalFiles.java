package io.adhocfs.client.transfer.local;

import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** Where one begins on this host's file systems: paths of bytes, and who this process is. */
public final class LocalFiles {
  private LocalFiles() {}

  /**
   * Opens a directory by path, through symbolic links, to reach what is in it.
   *
   * @throws FsException NOT_FOUND, NOT_DIRECTORY, PERMISSION_DENIED..., naming the path
   */
  public static LocalDirectory openDirectory(byte[] path) throws FsException {
    return LocalDirectory.open(FileCalls.AT_FDCWD, path, path, true);
  }

  /**
   * What the path is.
   *
   * @param followLinks whether a symbolic link at the path's end stands for what it points to
   * @throws FsException NOT_FOUND and others, naming the path
   */
  public static LocalStatus status(byte[] path, boolean followLinks) throws FsException {
    return LocalDirectory.status(FileCalls.AT_FDCWD, path, path, followLinks);
  }

  /** The user whose rights this process has; 0 may change owners. */
  public static int effectiveUserId() {
    return FileCalls.effectiveUserId();
  }

  public static int effectiveGroupId() {
    return LinuxFileCalls.effectiveGroupId();
  }

  /**
   * A path for people: as text where it is UTF-8 without control characters, else with the other
   * bytes as \xHH. Never to be turned back.
   */
  public static String display(byte[] path) {
    try {
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .decode(ByteBuffer.wrap(path))
              .toString();
      if (text.codePoints().noneMatch(Character::isISOControl)) {
        return text;
      }
    } catch (CharacterCodingException notText) {
      // Shown byte by byte.
    }
    var shown = new StringBuilder();
    for (byte b : path) {
      if (b >= ' ' && b < 0x7f) {
        shown.append((char) b);
      } else {
        shown.append("\\x").append(HexFormat.of().toHexDigits(b));
      }
    }
    return shown.toString();
  }

  /** The path of an entry: directory, '/', name. */
  public static byte[] join(byte[] directory, byte[] name) {
    boolean slash = directory.length > 0 && directory[directory.length - 1] != '/';
    int start = directory.length + (slash ? 1 : 0);
    byte[] joined = new byte[start + name.length];
    System.arraycopy(directory, 0, joined, 0, directory.length);
    if (slash) {
      joined[directory.length] = '/';
    }
    System.arraycopy(name, 0, joined, start, name.length);
    return joined;
  }
}
