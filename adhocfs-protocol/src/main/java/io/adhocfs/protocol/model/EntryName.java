package io.adhocfs.protocol.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import net.openhft.hashing.LongHashFunction;

/**
 * One component of a path: 1 to 255 bytes without '/' or NUL, neither "." nor "..". Bytes, not
 * characters: two names are equal when their bytes are.
 */
public final class EntryName {
  /** NAME_MAX. */
  public static final int LENGTH_MAX = 255;

  /** Hash values below this are the cookies of "." and ".." in listings. */
  public static final long HASH_MIN = 16;

  private static final LongHashFunction XXH3 = LongHashFunction.xx3();

  private final byte[] bytes;
  private final long hash;

  private EntryName(byte[] bytes) {
    this.bytes = bytes;
    this.hash = Math.max(HASH_MIN, XXH3.hashBytes(bytes) >>> 1);
  }

  /**
   * The name with these bytes; takes the array over, so the caller must not change it afterwards.
   *
   * @throws FsException NAME_TOO_LONG or INVALID, naming what is wrong
   */
  public static EntryName of(byte[] bytes) throws FsException {
    if (bytes.length > LENGTH_MAX) {
      throw new FsException(
          FsError.NAME_TOO_LONG, "a name of " + bytes.length + " bytes; at most " + LENGTH_MAX);
    }
    if (bytes.length == 0) {
      throw new FsException(FsError.NOT_FOUND, "an empty name");
    }
    for (byte b : bytes) {
      if (b == 0 || b == '/') {
        throw new FsException(
            FsError.INVALID, "a name with " + (b == 0 ? "a NUL byte" : "'/'") + " in it");
      }
    }
    if (bytes[0] == '.' && (bytes.length == 1 || (bytes.length == 2 && bytes[1] == '.'))) {
      throw new FsException(FsError.INVALID, "'.' and '..' are not names of entries");
    }
    return new EntryName(bytes);
  }

  /** The name that is the UTF-8 form of a text; for tests and constants. */
  public static EntryName ofText(String text) throws FsException {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  /** The bytes themselves: not to be changed. */
  public byte[] bytes() {
    return bytes;
  }

  public int length() {
    return bytes.length;
  }

  /**
   * h: 63 bits of XXH3 over the bytes, at least {@link #HASH_MIN}. Orders the entries of a
   * directory on disk and in listings, and is the listing's cookie; its top k bits are the
   * partition.
   */
  public long hash() {
    return hash;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof EntryName name && hash == name.hash && Arrays.equals(bytes, name.bytes);
  }

  @Override
  public int hashCode() {
    return Long.hashCode(hash);
  }

  /** For messages to people only: bytes that are not UTF-8 are shown as U+FFFD. */
  @Override
  public String toString() {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
