package io.adhocfs.daemon;

import io.adhocfs.daemon.storage.BackingDisk;
import io.adhocfs.daemon.storage.ChecksummedFile;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/**
 * The number of a node's storage term, which rises when the node may have lost what was not synced:
 * when it starts on a machine that has been started since it was started last. The death of the
 * process alone loses nothing.
 */
final class StorageTerm {
  /** Name of its file in the storage directory. */
  static final String FILE_NAME = "term";

  private static final int MAGIC = 0x4146_5354;
  private static final int VERSION = 1;

  private StorageTerm() {}

  /**
   * The term of a daemon that starts; on the disk when this returns.
   *
   * @throws FsException CORRUPT, NOT_SUPPORTED, NO_SPACE, STORAGE_FAILED
   */
  static long take(SmallFile kept) throws FsException {
    return take(kept, bootId());
  }

  static long take(SmallFile kept, String bootId) throws FsException {
    var file = new ChecksummedFile(kept, "storage term file", MAGIC, VERSION);
    byte[] boot = bootId.getBytes(StandardCharsets.UTF_8);
    byte[] stored = file.read();
    long term = 1;
    if (stored != null) {
      ByteBuffer body = ByteBuffer.wrap(stored);
      if (body.remaining() < Long.BYTES) {
        throw file.corrupt("its body has " + stored.length + " bytes");
      }
      term = body.getLong();
      if (body.equals(ByteBuffer.wrap(boot))) {
        return term;
      }
      term++;
    }
    file.write(ByteBuffer.allocate(Long.BYTES + boot.length).putLong(term).put(boot).array());
    return term;
  }

  /** Where the kernel does not tell, each start counts as one of the machine. */
  private static String bootId() {
    try {
      return BackingDisk.bootId();
    } catch (IOException e) {
      return UUID.randomUUID().toString();
    }
  }
}
