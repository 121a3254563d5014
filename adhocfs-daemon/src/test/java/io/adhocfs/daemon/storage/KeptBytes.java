package io.adhocfs.daemon.storage;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** A small file in memory. */
public final class KeptBytes implements SmallFile {
  private static final int LENGTH_AT = 8;
  private static final int CHECKSUM_AT = 12;
  private static final int HEADER_BYTES = 16;

  private byte @Nullable [] content;

  /**
   * @param content what it holds, or null for nothing
   */
  public KeptBytes(byte @Nullable [] content) {
    this.content = content;
  }

  /** With length and checksum of a {@link ChecksummedFile} put right, if it has a header. */
  public static KeptBytes signed(byte[] content) {
    byte[] signed = content.clone();
    if (signed.length >= HEADER_BYTES) {
      var sum = new CRC32C();
      sum.update(signed, HEADER_BYTES, signed.length - HEADER_BYTES);
      ByteBuffer.wrap(signed)
          .putInt(LENGTH_AT, signed.length - HEADER_BYTES)
          .putInt(CHECKSUM_AT, (int) sum.getValue());
    }
    return new KeptBytes(signed);
  }

  @Override
  public byte @Nullable [] read() {
    return content;
  }

  @Override
  public void replace(byte[] newContent) {
    content = newContent;
  }

  @Override
  public String toString() {
    return "a file in memory";
  }
}
