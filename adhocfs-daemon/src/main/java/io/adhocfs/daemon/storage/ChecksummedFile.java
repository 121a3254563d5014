package io.adhocfs.daemon.storage;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A small file of bytes: {@code [magic: 4][version: 4][length: 4][CRC32C of the body: 4][body]}.
 * One thread at a time writes it.
 */
public final class ChecksummedFile {
  private static final int HEADER_BYTES = 16;

  private final SmallFile file;
  private final String what;
  private final int magic;
  private final int version;

  /**
   * @param what begins errors, such as "map file"
   */
  public ChecksummedFile(SmallFile file, String what, int magic, int version) {
    this.file = file;
    this.what = what;
    this.magic = magic;
    this.version = version;
  }

  /**
   * The body, or null when there is no file.
   *
   * @throws FsException CORRUPT, NOT_SUPPORTED for the file of another version, STORAGE_FAILED
   */
  public byte @Nullable [] read() throws FsException {
    byte[] content = file.read();
    return content == null ? null : body(ByteBuffer.wrap(content));
  }

  private byte[] body(ByteBuffer in) throws FsException {
    if (in.remaining() < HEADER_BYTES || in.getInt() != magic) {
      throw corrupt("it does not start as one");
    }
    int found = in.getInt();
    if (found != version) {
      throw new FsException(
          FsError.NOT_SUPPORTED,
          what + " " + file + " has version " + found + ", this program reads " + version);
    }
    int length = in.getInt();
    int sum = in.getInt();
    if (length != in.remaining()) {
      throw corrupt("its body has " + in.remaining() + " bytes instead of " + length);
    }
    var body = new byte[length];
    in.get(body);
    if (sum != checksum(body)) {
      throw corrupt("its checksum is wrong");
    }
    return body;
  }

  /**
   * Writes the file; on return it survives a power failure. Blocks on the disk.
   *
   * @throws FsException NO_SPACE, STORAGE_FAILED; the old file is still there
   */
  public void write(byte[] body) throws FsException {
    ByteBuffer content = ByteBuffer.allocate(HEADER_BYTES + body.length);
    content.putInt(magic).putInt(version).putInt(body.length).putInt(checksum(body)).put(body);
    file.replace(content.array());
  }

  private static int checksum(byte[] bytes) {
    var sum = new CRC32C();
    sum.update(bytes);
    return (int) sum.getValue();
  }

  /** The error for a body that cannot be what was written. */
  public FsException corrupt(String why) {
    return new FsException(FsError.CORRUPT, what + " " + file + ": " + why);
  }
}
