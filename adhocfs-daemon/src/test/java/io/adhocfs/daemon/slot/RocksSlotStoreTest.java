package io.adhocfs.daemon.slot;

import io.adhocfs.daemon.storage.RocksSlotStore;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class RocksSlotStoreTest extends SlotStoreContract {
  @TempDir Path directory;

  @Override
  SlotStore open() throws Exception {
    return new RocksSlotStore(directory.resolve("metadata"), 1L << 30);
  }

  @Override
  SlotStore reopen(SlotStore before) throws Exception {
    before.close();
    return open();
  }
}
