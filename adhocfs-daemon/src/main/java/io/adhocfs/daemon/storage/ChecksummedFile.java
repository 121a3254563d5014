package io.adhocfs.daemon.storage;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A small file of bytes: {@code [magic: 4][version: 4][length: 4][CRC32C of the body: 4][body]}.
 * Replaced whole, so that a crash leaves the old or the new one. One thread at a time writes it.
 */
public final class ChecksummedFile {
  private static final int HEADER_BYTES = 16;
  private static final int BODY_BYTES_MAX = 64 << 20;

  private final Path path;
  private final String what;
  private final int magic;
  private final int version;

  /**
   * @param what begins errors, such as "map file"
   */
  public ChecksummedFile(Path path, String what, int magic, int version) {
    this.path = path;
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
    if (!Files.exists(path)) {
      return null;
    }
    try {
      if (Files.size(path) > BODY_BYTES_MAX) {
        throw corrupt("of " + Files.size(path) + " bytes");
      }
      return body(ByteBuffer.wrap(Files.readAllBytes(path)));
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private byte[] body(ByteBuffer in) throws FsException {
    if (in.remaining() < HEADER_BYTES || in.getInt() != magic) {
      throw corrupt("it does not start as one");
    }
    int found = in.getInt();
    if (found != version) {
      throw new FsException(
          FsError.NOT_SUPPORTED,
          what + " " + path + " has version " + found + ", this program reads " + version);
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
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
    header.putInt(magic).putInt(version).putInt(body.length).putInt(checksum(body)).flip();
    Path draft = path.resolveSibling(path.getFileName() + ".new");
    try {
      try (FileChannel file =
          FileChannel.open(
              draft,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        for (ByteBuffer part : new ByteBuffer[] {header, ByteBuffer.wrap(body)}) {
          while (part.hasRemaining()) {
            file.write(part);
          }
        }
        file.force(true);
      }
      Files.move(draft, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      Path directory = path.toAbsolutePath().getParent();
      if (directory != null) {
        try (FileChannel opened = FileChannel.open(directory, StandardOpenOption.READ)) {
          opened.force(true);
        }
      }
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private static int checksum(byte[] bytes) {
    var sum = new CRC32C();
    sum.update(bytes);
    return (int) sum.getValue();
  }

  /** The error for a body that cannot be what was written. */
  public FsException corrupt(String why) {
    return new FsException(FsError.CORRUPT, what + " " + path + ": " + why);
  }

  private FsException failed(IOException e) {
    FsError error =
        String.valueOf(e.getMessage()).contains("No space left")
            ? FsError.NO_SPACE
            : FsError.STORAGE_FAILED;
    return new FsException(error, what + " " + path + ": " + e.getMessage(), e);
  }
}
