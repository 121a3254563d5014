package io.adhocfs.daemon.migration;

import io.adhocfs.daemon.chunk.ChunkTransfer;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SlotId;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntPredicate;

/** All that is stored of slots, whatever it means. Thread-safe; waits for the disk. */
final class SlotStorage {
  private static final int BATCH_KEYS = 1000;

  private final SlotStore records;
  private final ChunkTransfer chunks;

  SlotStorage(SlotStore records, ChunkTransfer chunks) {
    this.records = records;
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
    try (SlotStore.Cursor cursor = records.cursor()) {
      for (boolean found = cursor.seek(Keys.key(slot, RecordKind.COUNTER));
          found && Keys.slot(cursor.key()) == slot;
          found = cursor.next()) {
        if (!Keys.isOfNode(cursor.key())) {
          visitor.record(cursor.key(), cursor.value());
        }
      }
    }
  }

  /** Those of the slots that have any record. */
  BitSet used(BitSet slots) throws FsException {
    var used = new BitSet(SlotId.COUNT);
    try (SlotStore.Cursor cursor = records.cursor()) {
      int slot = slots.nextSetBit(0);
      while (slot >= 0 && cursor.seek(Keys.key(slot, RecordKind.COUNTER))) {
        int found = Keys.slot(cursor.key());
        if (slots.get(found)) {
          used.set(found);
        }
        slot = found >= slot ? slots.nextSetBit(found + 1) : -1;
      }
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
    var batch = new SlotBatch();
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
          batch.remove(key);
          if (batch.size() >= BATCH_KEYS) {
            records.commit(batch);
            batch.clear();
          }
        });
    if (!batch.isEmpty()) {
      records.commit(batch);
    }
  }

  private void dropChunks(List<byte[]> keys) throws FsException {
    if (!keys.isEmpty()) {
      chunks.drop(keys);
      keys.clear();
    }
  }

  SlotStore records() {
    return records;
  }

  ChunkTransfer chunks() {
    return chunks;
  }
}
