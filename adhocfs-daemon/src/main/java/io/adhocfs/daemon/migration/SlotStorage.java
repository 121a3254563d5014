package io.adhocfs.daemon.migration;

import io.adhocfs.daemon.chunk.ChunkTransfer;
import io.adhocfs.daemon.storage.Keys;
import io.adhocfs.daemon.storage.RecordKind;
import io.adhocfs.daemon.storage.StorageDatabase;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SlotId;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntPredicate;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/** All that is stored of slots, whatever it means. Thread-safe; waits for the disk. */
final class SlotStorage {
  private static final int BATCH_KEYS = 1000;

  private final StorageDatabase database;
  private final ChunkTransfer chunks;

  SlotStorage(StorageDatabase database, ChunkTransfer chunks) {
    this.database = database;
    this.chunks = chunks;
  }

  /** Meets records. */
  interface Visitor {
    void record(byte[] key, byte[] value) throws FsException, InterruptedException;
  }

  static boolean isChunk(byte[] key) {
    return Keys.kindCode(key) == RecordKind.CHUNK.code();
  }

  /** Shows all records of a slot, as they are when this is called. */
  void forEach(int slot, Visitor visitor) throws FsException, InterruptedException {
    try (RocksIterator iterator = database.raw().newIterator()) {
      iterator.seek(Keys.key(slot, RecordKind.COUNTER));
      while (iterator.isValid() && Keys.slot(iterator.key()) == slot) {
        if (!Keys.isOfNode(iterator.key())) {
          visitor.record(iterator.key(), iterator.value());
        }
        iterator.next();
      }
      iterator.status();
    } catch (RocksDBException e) {
      throw StorageDatabase.failure("reading a slot of", e);
    }
  }

  /** Those of the slots that have any record. */
  BitSet used(BitSet slots) throws FsException {
    var used = new BitSet(SlotId.COUNT);
    try (RocksIterator iterator = database.raw().newIterator()) {
      int slot = slots.nextSetBit(0);
      while (slot >= 0) {
        iterator.seek(Keys.key(slot, RecordKind.COUNTER));
        if (!iterator.isValid()) {
          break;
        }
        int found = Keys.slot(iterator.key());
        if (slots.get(found)) {
          used.set(found);
        }
        slot = found >= slot ? slots.nextSetBit(found + 1) : -1;
      }
      iterator.status();
    } catch (RocksDBException e) {
      throw StorageDatabase.failure("looking through", e);
    }
    return used;
  }

  /**
   * Drops everything of some slots.
   *
   * @param goOn asked before each slot whether it is still to go
   */
  void drop(BitSet slots, IntPredicate goOn) throws FsException, InterruptedException {
    BitSet used = used(slots);
    List<byte[]> chunkKeys = new ArrayList<>();
    for (int slot = used.nextSetBit(0); slot >= 0; slot = used.nextSetBit(slot + 1)) {
      if (goOn.test(slot)) {
        dropSlot(slot, chunkKeys);
      }
    }
    dropChunks(chunkKeys);
  }

  private void dropSlot(int slot, List<byte[]> chunkKeys) throws FsException, InterruptedException {
    try (var batch = new WriteBatch()) {
      forEach(
          slot,
          (key, value) -> {
            if (isChunk(key)) {
              chunkKeys.add(key);
              if (chunkKeys.size() >= BATCH_KEYS) {
                dropChunks(chunkKeys);
              }
              return;
            }
            remove(batch, key);
            if (batch.count() >= BATCH_KEYS) {
              database.write(batch);
              batch.clear();
            }
          });
      if (batch.count() > 0) {
        database.write(batch);
      }
    }
  }

  private void dropChunks(List<byte[]> keys) throws FsException {
    if (!keys.isEmpty()) {
      chunks.drop(keys);
      keys.clear();
    }
  }

  static void remove(WriteBatch batch, byte[] key) throws FsException {
    try {
      batch.delete(key);
    } catch (RocksDBException e) {
      throw StorageDatabase.failure("preparing", e);
    }
  }

  static void removeRange(WriteBatch batch, byte[] from, byte[] to) throws FsException {
    try {
      batch.deleteRange(from, to);
    } catch (RocksDBException e) {
      throw StorageDatabase.failure("preparing", e);
    }
  }

  static void put(WriteBatch batch, byte[] key, byte[] value) throws FsException {
    try {
      batch.put(key, value);
    } catch (RocksDBException e) {
      throw StorageDatabase.failure("preparing", e);
    }
  }

  StorageDatabase database() {
    return database;
  }

  ChunkTransfer chunks() {
    return chunks;
  }
}
