package io.adhocfs.daemon;

import io.adhocfs.daemon.storage.ChecksummedFile;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsException;
import java.nio.ByteBuffer;

/** The last storage term of which it was looked after what a power failure has left. */
final class RecoveredTerm {
  /** Name of its file in the storage directory. */
  static final String FILE_NAME = "recovered";

  private static final int MAGIC = 0x4146_5254;
  private static final int VERSION = 1;

  private RecoveredTerm() {}

  /** Something that is done once in a storage term. */
  interface Recovery {
    void run() throws FsException;
  }

  /**
   * Does something unless it was done in this storage term; a death on the way has it done again.
   *
   * @throws FsException CORRUPT, NOT_SUPPORTED, NO_SPACE, STORAGE_FAILED
   */
  static void once(SmallFile kept, long storageTerm, Recovery recovery) throws FsException {
    var file = new ChecksummedFile(kept, "file of the recovered term", MAGIC, VERSION);
    byte[] stored = file.read();
    if (stored != null && stored.length != Long.BYTES) {
      throw file.corrupt("its body has " + stored.length + " bytes");
    }
    // The first term has nothing to recover.
    long recovered = stored == null ? 0 : ByteBuffer.wrap(stored).getLong();
    if (recovered < storageTerm) {
      recovery.run();
      file.write(ByteBuffer.allocate(Long.BYTES).putLong(storageTerm).array());
    }
  }
}
