package io.adhocfs.daemon.slot;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Records in memory, as a disk would keep them: a process that dies loses none, a machine that
 * loses its power loses what was committed last and not synced, whole batches in their order. Fails
 * and flips bits on command. Thread-safe.
 */
public final class MemorySlotStore implements SlotStore {
  /** What is on the disk whatever happens. */
  private final NavigableMap<byte[], byte[]> synced = new TreeMap<>(Arrays::compareUnsigned);

  /** Committed since, each entry whole or not at all. */
  private final List<List<RecordChange>> unsynced = new ArrayList<>();

  /** With all that was committed; replaced before it changes while a cursor looks at it. */
  private NavigableMap<byte[], byte[]> records = new TreeMap<>(Arrays::compareUnsigned);

  private boolean looked;
  private @Nullable FsError failsWith;
  private final SlotStream stream = new SlotStream();

  /** Has all commits and syncs fail from now on; null = none. */
  public synchronized void fail(@Nullable FsError error) {
    failsWith = error;
  }

  /** How many commits a power failure could take away. */
  public synchronized int unsyncedCommits() {
    return unsynced.size();
  }

  /**
   * The power fails.
   *
   * @param kept how many commits since the last sync have reached the disk by chance
   */
  public synchronized void losePower(int kept) {
    for (List<RecordChange> commit : unsynced.subList(0, kept)) {
      commit.forEach(change -> apply(synced, change));
    }
    unsynced.clear();
    records = copy(synced);
    looked = false;
  }

  /** A bit of a record goes wrong on the disk. */
  public synchronized void flip(byte[] key, int bit) {
    for (NavigableMap<byte[], byte[]> where : List.of(synced, records)) {
      byte[] value = where.get(key);
      if (value != null) {
        byte[] flipped = value.clone();
        flipped[bit / Byte.SIZE] ^= (byte) (1 << bit % Byte.SIZE);
        where.put(key, flipped);
      }
    }
  }

  private static NavigableMap<byte[], byte[]> copy(NavigableMap<byte[], byte[]> map) {
    return new TreeMap<>(map);
  }

  private static void apply(NavigableMap<byte[], byte[]> map, RecordChange change) {
    switch (change) {
      case RecordChange.Put(byte[] key, byte[] value) -> map.put(key, value);
      case RecordChange.Removed(byte[] key) -> map.remove(key);
      case RecordChange.RangeRemoved(byte[] from, byte[] to) ->
          map.subMap(from, true, to, false).clear();
    }
  }

  @Override
  public synchronized byte @Nullable [] get(byte[] key) {
    byte[] value = records.get(key);
    return value == null ? null : value.clone();
  }

  @Override
  public synchronized Cursor cursor() {
    looked = true;
    return new MemoryCursor(records);
  }

  @Override
  public synchronized Cursor cursor(byte[] end) {
    looked = true;
    return new MemoryCursor(records.headMap(end, false));
  }

  @Override
  public void commit(SlotBatch... batches) throws FsException {
    List<RecordChange> changes = new ArrayList<>();
    for (SlotBatch batch : batches) {
      batch.changes().forEach(changes::add);
    }
    synchronized (this) {
      refuseIfFailing();
      if (looked) {
        records = copy(records);
        looked = false;
      }
      changes.forEach(change -> apply(records, change));
      unsynced.add(changes);
    }
    for (SlotBatch batch : batches) {
      stream.publish(batch);
    }
  }

  private void refuseIfFailing() throws FsException {
    if (failsWith != null) {
      throw new FsException(failsWith, "this disk fails");
    }
  }

  @Override
  public synchronized void sync() throws FsException {
    refuseIfFailing();
    unsynced.forEach(commit -> commit.forEach(change -> apply(synced, change)));
    unsynced.clear();
  }

  @Override
  public SlotStream stream() {
    return stream;
  }

  /** A process that ends leaves everything as it is. */
  @Override
  public void close() {}

  private static final class MemoryCursor implements Cursor {
    private final NavigableMap<byte[], byte[]> seen;
    private Map.@Nullable Entry<byte[], byte[]> at;

    MemoryCursor(NavigableMap<byte[], byte[]> seen) {
      this.seen = seen;
    }

    @Override
    public boolean seek(byte[] key) {
      at = seen.ceilingEntry(key);
      return at != null;
    }

    @Override
    public boolean next() {
      at = seen.higherEntry(key());
      return at != null;
    }

    private Map.Entry<byte[], byte[]> entry() {
      if (at == null) {
        throw new IllegalStateException("at no record");
      }
      return at;
    }

    @Override
    public byte[] key() {
      return entry().getKey();
    }

    @Override
    public byte[] value() {
      return entry().getValue();
    }

    @Override
    public void close() {}
  }
}
