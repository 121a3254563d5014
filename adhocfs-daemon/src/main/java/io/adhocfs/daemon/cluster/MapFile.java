package io.adhocfs.daemon.cluster;

import io.adhocfs.daemon.storage.ChecksummedFile;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.Values;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/** The cluster map in a file. */
final class MapFile {
  private static final int MAGIC = 0xAD0CF5A9;
  private static final int VERSION = 1;

  private final ChecksummedFile file;

  MapFile(SmallFile kept) {
    file = new ChecksummedFile(kept, "map file", MAGIC, VERSION);
  }

  /**
   * The map, or null when there is no file.
   *
   * @throws FsException CORRUPT, NOT_SUPPORTED for the file of another version, STORAGE_FAILED
   */
  @Nullable ClusterMap read() throws FsException {
    byte[] body = file.read();
    if (body == null) {
      return null;
    }
    try {
      var in = new WireReader(Unpooled.wrappedBuffer(body));
      ClusterMap map = Values.readMap(in);
      in.end();
      return map;
    } catch (FsException | IllegalArgumentException e) {
      throw file.corrupt(String.valueOf(e.getMessage()));
    }
  }

  /** Writes the map; on return it survives a power failure. Blocks on the disk. */
  void write(ClusterMap map) throws FsException {
    ByteBuf body = Unpooled.buffer();
    Values.writeMap(new WireWriter(body), map);
    var bytes = new byte[body.readableBytes()];
    body.readBytes(bytes);
    file.write(bytes);
  }
}
