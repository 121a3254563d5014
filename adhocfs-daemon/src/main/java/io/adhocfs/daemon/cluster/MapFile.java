package io.adhocfs.daemon.cluster;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.Values;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
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
 * The cluster map in a file: {@code [magic: 4][version: 4][length: 4][CRC32C of the body:
 * 4][body]}. Replaced whole, so that a crash leaves the old or the new one.
 */
final class MapFile {
  private static final int MAGIC = 0xAD0CF5A9;
  private static final int VERSION = 1;
  private static final int HEADER_BYTES = 16;
  private static final int BODY_BYTES_MAX = 64 << 20;

  private final Path path;

  MapFile(Path path) {
    this.path = path;
  }

  /**
   * The map, or null when there is no file.
   *
   * @throws FsException CORRUPT, NOT_SUPPORTED for the file of another version, STORAGE_FAILED
   */
  @Nullable ClusterMap read() throws FsException {
    if (!Files.exists(path)) {
      return null;
    }
    try {
      if (Files.size(path) > BODY_BYTES_MAX) {
        throw corrupt("of " + Files.size(path) + " bytes");
      }
      return decode(Unpooled.wrappedBuffer(Files.readAllBytes(path)));
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private ClusterMap decode(ByteBuf in) throws FsException {
    if (in.readableBytes() < HEADER_BYTES || in.readInt() != MAGIC) {
      throw corrupt("it does not start as one");
    }
    int version = in.readInt();
    if (version != VERSION) {
      throw new FsException(
          FsError.NOT_SUPPORTED,
          "map file " + path + " has version " + version + ", this program reads " + VERSION);
    }
    int length = in.readInt();
    int sum = in.readInt();
    if (length != in.readableBytes()) {
      throw corrupt("its body has " + in.readableBytes() + " bytes instead of " + length);
    }
    if (sum != checksum(in)) {
      throw corrupt("its checksum is wrong");
    }
    try {
      return Values.readMap(new WireReader(in));
    } catch (IllegalArgumentException e) {
      throw corrupt(String.valueOf(e.getMessage()));
    }
  }

  /** Writes the map; on return it survives a power failure. Blocks on the disk. */
  void write(ClusterMap map) throws FsException {
    ByteBuf body = Unpooled.buffer();
    Values.writeMap(new WireWriter(body), map);
    ByteBuf header = Unpooled.buffer(HEADER_BYTES);
    header.writeInt(MAGIC);
    header.writeInt(VERSION);
    header.writeInt(body.readableBytes());
    header.writeInt(checksum(body));
    Path draft = path.resolveSibling(path.getFileName() + ".new");
    try {
      try (FileChannel file =
          FileChannel.open(
              draft,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        for (ByteBuffer part : new ByteBuffer[] {header.nioBuffer(), body.nioBuffer()}) {
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

  private static int checksum(ByteBuf bytes) {
    var sum = new CRC32C();
    sum.update(bytes.nioBuffer());
    return (int) sum.getValue();
  }

  private FsException corrupt(String why) {
    return new FsException(FsError.CORRUPT, "map file " + path + ": " + why);
  }

  private FsException failed(IOException e) {
    FsError error =
        String.valueOf(e.getMessage()).contains("No space left")
            ? FsError.NO_SPACE
            : FsError.STORAGE_FAILED;
    return new FsException(error, "map file " + path + ": " + e.getMessage(), e);
  }
}
