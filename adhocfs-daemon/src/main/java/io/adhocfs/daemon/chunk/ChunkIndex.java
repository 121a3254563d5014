package io.adhocfs.daemon.chunk;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Which chunks exist and which generations are refused: the records, and bounded memories of what
 * was looked up last. What it remembers of an inode is right as long as its changes and its
 * look-ups do not meet: changes need the inode's lock alone, look-ups shared. Only the opening of
 * blocks and the making of a chunk happen beside look-ups and each other: those of one chunk take
 * turns by its {@linkplain #turn turn}.
 */
final class ChunkIndex {
  private static final int REMEMBERED = 1 << 16;
  private static final int REMEMBERED_FLOORS = 1 << 14;
  private static final int BATCH = 4096;
  private static final int CHUNKS_OF_A_SLOT_TO_ITERATE = 8;
  private static final int CHUNK_KEY_BYTES = Keys.PREFIX_BYTES + 2 * Long.BYTES;

  /** Of larger chunks, whose records take kilobytes, fewer are remembered. */
  private static final int REMEMBERED_LARGE = 1 << 12;

  private static final int LARGE_EXPONENT = 22;
  private static final int TURNS = 256;

  /** After this long what was found to match its checksum is looked at again. */
  private static final long VERIFIED_NANOS = 60_000_000_000L;

  /** A chunk with its record, and which of its blocks have matched their checksums of late. */
  final class Chunk {
    private final long inode;
    private final long chunkIndex;
    private final ChunkRecord record;

    @GuardedBy("this")
    private final BitSet verified = new BitSet(0);

    @GuardedBy("this")
    private long verifiedNanos;

    Chunk(long inode, long chunkIndex, ChunkRecord record) {
      this.inode = inode;
      this.chunkIndex = chunkIndex;
      this.record = record;
    }

    ChunkRecord record() {
      return record;
    }

    synchronized boolean isVerified(int block) {
      return verified.get(block) && threads.nanoTime() - verifiedNanos < VERIFIED_NANOS;
    }

    synchronized void setVerified(int block) {
      long now = threads.nanoTime();
      if (now - verifiedNanos >= VERIFIED_NANOS) {
        verified.clear();
        verifiedNanos = now;
      }
      verified.set(block);
    }
  }

  private record Generation(long inode, int slot, long generation) {}

  private record Floor(long inode, long generation) {}

  private final Threads threads;
  private final SlotStore store;

  /** Chunks that exist; each place is for one of many, the last that was asked for. */
  private final AtomicReferenceArray<@Nullable Chunk> known =
      new AtomicReferenceArray<>(REMEMBERED);

  private final Object[] turns = new Object[TURNS];

  private final AtomicReferenceArray<@Nullable Generation> generations =
      new AtomicReferenceArray<>(REMEMBERED);

  /** Cuts of this process: they hold in all slots, also where there is no record. */
  private final AtomicReferenceArray<@Nullable Floor> floors =
      new AtomicReferenceArray<>(REMEMBERED_FLOORS);

  /** What the records of this node say that holds in all slots; 0 where there is none. */
  private final AtomicReferenceArray<@Nullable Floor> lasting =
      new AtomicReferenceArray<>(REMEMBERED_FLOORS);

  ChunkIndex(Threads threads, SlotStore store) {
    this.threads = threads;
    this.store = store;
    Arrays.setAll(turns, _ -> new Object());
  }

  private static int place(long inode, long number, int places) {
    long mixed = (inode + number * 0xD6E8FEB86659FD93L) * 0x9E3779B97F4A7C15L;
    return (int) (mixed >>> 40) & (places - 1);
  }

  /** The generation below which spans are refused. */
  long generation(long inode, int slot) throws FsException {
    Floor floor = floors.get(place(inode, 0, REMEMBERED_FLOORS));
    long least =
        Math.max(floor != null && floor.inode == inode ? floor.generation : 0, lastingFloor(inode));
    int place = place(inode, slot, REMEMBERED);
    Generation remembered = generations.get(place);
    if (remembered == null || remembered.inode != inode || remembered.slot != slot) {
      remembered = new Generation(inode, slot, record(inode, slot).generation());
      generations.set(place, remembered);
    }
    return Math.max(least, remembered.generation);
  }

  private GenerationRecord record(long inode, int slot) throws FsException {
    return record(Keys.key(slot, RecordKind.CHUNK_GENERATION, inode));
  }

  private GenerationRecord record(byte[] key) throws FsException {
    byte[] value = store.get(key);
    return value == null ? GenerationRecord.NONE : GenerationRecord.decode(value);
  }

  private static byte[] floorKey(long inode) {
    return Keys.key(SlotId.COUNT - 1, RecordKind.CHUNK_FLOOR, inode);
  }

  private long lastingFloor(long inode) throws FsException {
    int place = place(inode, 0, REMEMBERED_FLOORS);
    Floor remembered = lasting.get(place);
    if (remembered == null || remembered.inode != inode) {
      remembered = new Floor(inode, record(floorKey(inode)).generation());
      lasting.set(place, remembered);
    }
    return remembered.generation;
  }

  /** What to synchronize on between looking at a chunk's record and writing another. */
  Object turn(long inode, long chunkIndex) {
    return turns[place(inode, chunkIndex, TURNS)];
  }

  private static int placeOfChunk(long inode, long chunkIndex, int exponent) {
    return place(inode, chunkIndex, exponent > LARGE_EXPONENT ? REMEMBERED_LARGE : REMEMBERED);
  }

  /** A chunk that exists, or null. */
  @Nullable Chunk find(long inode, FileLayout layout, long chunkIndex) throws FsException {
    int exponent = Integer.numberOfTrailingZeros(layout.chunkSizeBytes());
    return find(inode, chunkIndex, Placement.chunkSlotValue(layout, chunkIndex), exponent);
  }

  @Nullable Chunk find(long inode, long chunkIndex, int slot, int exponent) throws FsException {
    int place = placeOfChunk(inode, chunkIndex, exponent);
    Chunk remembered = known.get(place);
    if (remembered != null && remembered.inode == inode && remembered.chunkIndex == chunkIndex) {
      return remembered;
    }
    synchronized (turn(inode, chunkIndex)) {
      ChunkRecord record = get(inode, chunkIndex, slot);
      if (record == null) {
        return null;
      }
      if (record.chunkSizeExponent() != exponent) {
        throw new FsException(
            FsError.CORRUPT,
            "chunk %d of inode %s has 2^%d bytes, not 2^%d"
                .formatted(
                    chunkIndex,
                    Long.toUnsignedString(inode),
                    record.chunkSizeExponent(),
                    exponent));
      }
      var found = new Chunk(inode, chunkIndex, record);
      known.set(place, found);
      return found;
    }
  }

  /** Writes the record of a chunk; whoever has looked at the one before has its turn. */
  void put(long inode, long chunkIndex, int slot, ChunkRecord record) throws FsException {
    var batch = new SlotBatch();
    batch.put(Keys.key(slot, RecordKind.CHUNK, inode, chunkIndex), record.encode());
    store.commit(batch);
    known.set(
        placeOfChunk(inode, chunkIndex, record.chunkSizeExponent()),
        new Chunk(inode, chunkIndex, record));
  }

  /** Writes records of chunks in as few steps as there are bounds for, in no order. */
  void putAll(long inode, FileLayout layout, Map<Long, ChunkRecord> records) throws FsException {
    var batch = new SlotBatch();
    try {
      for (Map.Entry<Long, ChunkRecord> one : records.entrySet()) {
        long chunk = one.getKey();
        batch.put(
            Keys.key(Placement.chunkSlotValue(layout, chunk), RecordKind.CHUNK, inode, chunk),
            one.getValue().encode());
      }
      store.commit(batch);
    } finally {
      records.forEach((chunk, record) -> forget(inode, chunk, record.chunkSizeExponent()));
    }
  }

  private void forget(long inode, long chunkIndex, int exponent) {
    int place = placeOfChunk(inode, chunkIndex, exponent);
    Chunk remembered = known.get(place);
    if (remembered != null && remembered.inode == inode) {
      known.set(place, null);
    }
  }

  @Nullable ChunkRecord get(long inode, long chunkIndex, int slot) throws FsException {
    byte[] value = store.get(Keys.key(slot, RecordKind.CHUNK, inode, chunkIndex));
    return value == null ? null : ChunkRecord.decode(value);
  }

  /** Deletes the records of chunks. */
  void delete(long inode, FileLayout layout, long[] chunkIndexes) throws FsException {
    for (int from = 0; from < chunkIndexes.length; from += BATCH) {
      int to = Math.min(chunkIndexes.length, from + BATCH);
      var batch = new SlotBatch();
      try {
        for (int i = from; i < to; i++) {
          batch.remove(
              Keys.key(
                  Placement.chunkSlotValue(layout, chunkIndexes[i]),
                  RecordKind.CHUNK,
                  inode,
                  chunkIndexes[i]));
        }
        store.commit(batch);
      } finally {
        // Even if it failed: not to remember is always right.
        for (int i = from; i < to; i++) {
          forget(inode, chunkIndexes[i], Integer.numberOfTrailingZeros(layout.chunkSizeBytes()));
        }
      }
    }
  }

  /** Forgets what is remembered of slots that come or go. */
  void forget(BitSet slots) {
    for (int place = 0; place < REMEMBERED; place++) {
      known.set(place, null);
      Generation remembered = generations.get(place);
      if (remembered != null && slots.get(remembered.slot)) {
        generations.set(place, null);
      }
    }
  }

  /** Inodes and generations of the cuts of this process that are remembered. */
  Map<Long, Long> floors() {
    Map<Long, Long> found = new HashMap<>();
    for (int place = 0; place < REMEMBERED_FLOORS; place++) {
      Floor floor = floors.get(place);
      if (floor != null) {
        found.put(floor.inode, floor.generation);
      }
    }
    return found;
  }

  /** Refuses older generations of an inode in all slots while this process lives. */
  void raiseFloor(long inode, long generation) {
    int place = place(inode, 0, REMEMBERED_FLOORS);
    Floor floor = floors.get(place);
    if (floor == null || floor.inode != inode || floor.generation < generation) {
      floors.set(place, new Floor(inode, generation));
    }
  }

  /** Refuses older generations of an inode in all slots for good, also in those that come. */
  void raiseLastingFloor(long inode, long generation) throws FsException {
    if (lastingFloor(inode) >= generation) {
      return;
    }
    var batch = new SlotBatch();
    try {
      batch.put(floorKey(inode), new GenerationRecord(generation, 0).encode());
      store.commit(batch);
    } finally {
      // Even if it failed: to look again is always right.
      lasting.set(place(inode, 0, REMEMBERED_FLOORS), null);
    }
  }

  /** Inodes and generations of the cuts that hold in all slots for good. */
  Map<Long, Long> lastingFloors() throws FsException {
    Map<Long, Long> found = new HashMap<>();
    try (SlotStore.Cursor cursor = store.cursor()) {
      for (boolean any = cursor.seek(Keys.key(SlotId.COUNT - 1, RecordKind.CHUNK_FLOOR));
          any && Keys.isOfNode(cursor.key());
          any = cursor.next()) {
        found.put(
            Keys.number(cursor.key(), 0), GenerationRecord.decode(cursor.value()).generation());
      }
    }
    return found;
  }

  /**
   * Refuses older generations for good in the slots of these chunks, as far as the slots count.
   *
   * @param last the last chunk; more than a cycle of chunks is no more than a cycle
   */
  void raise(
      long inode, FileLayout layout, long generation, long first, long last, IntPredicate slots)
      throws FsException {
    int anchor = anchor(layout, slots);
    if (anchor < 0) {
      return;
    }
    long end = Math.min(last, first + Placement.slotCycle(layout) - 1);
    GenerationRecord anchored = record(inode, anchor);
    var batch = new SlotBatch();
    long lastChunk = Math.max(anchored.lastChunk(), Math.min(end, Placement.slotCycle(layout) - 1));
    if (end >= Placement.slotCycle(layout)) {
      lastChunk = Placement.slotCycle(layout) - 1;
    }
    put(batch, inode, anchor, new GenerationRecord(generation, lastChunk), anchored);
    for (long chunk = first; chunk <= end; chunk++) {
      int slot = Placement.chunkSlotValue(layout, chunk);
      if (slot != anchor && slots.test(slot)) {
        put(batch, inode, slot, new GenerationRecord(generation, 0), record(inode, slot));
      }
    }
    store.commit(batch);
  }

  private void put(
      SlotBatch batch, long inode, int slot, GenerationRecord wanted, GenerationRecord stored) {
    var raised =
        new GenerationRecord(
            Math.max(wanted.generation(), stored.generation()),
            Math.max(wanted.lastChunk(), stored.lastChunk()));
    generations.set(place(inode, slot, REMEMBERED), null);
    if (!raised.equals(stored)) {
      batch.put(Keys.key(slot, RecordKind.CHUNK_GENERATION, inode), raised.encode());
    }
  }

  /** Deletes all generation records of an inode; its floor in memory stays. */
  void forgetGenerations(long inode, FileLayout layout, IntPredicate slots) throws FsException {
    forgetLastingFloor(inode);
    int anchor = anchor(layout, slots);
    if (anchor < 0) {
      return;
    }
    byte[] value = store.get(Keys.key(anchor, RecordKind.CHUNK_GENERATION, inode));
    if (value == null) {
      return;
    }
    long last =
        Math.min(GenerationRecord.decode(value).lastChunk(), Placement.slotCycle(layout) - 1);
    var batch = new SlotBatch();
    for (long chunk = 0; chunk <= last; chunk++) {
      int slot = Placement.chunkSlotValue(layout, chunk);
      if (slots.test(slot)) {
        batch.remove(Keys.key(slot, RecordKind.CHUNK_GENERATION, inode));
        generations.set(place(inode, slot, REMEMBERED), null);
      }
    }
    batch.remove(Keys.key(anchor, RecordKind.CHUNK_GENERATION, inode));
    generations.set(place(inode, anchor, REMEMBERED), null);
    store.commit(batch);
  }

  private void forgetLastingFloor(long inode) throws FsException {
    if (lastingFloor(inode) == 0) {
      return;
    }
    var batch = new SlotBatch();
    try {
      batch.remove(floorKey(inode));
      store.commit(batch);
    } finally {
      lasting.set(place(inode, 0, REMEMBERED_FLOORS), null);
    }
  }

  /** The first slot of the layout, in the order of its chunks, that counts; -1 if none does. */
  private static int anchor(FileLayout layout, IntPredicate slots) {
    for (long chunk = 0; chunk < Placement.slotCycle(layout); chunk++) {
      int slot = Placement.chunkSlotValue(layout, chunk);
      if (slots.test(slot)) {
        return slot;
      }
    }
    return -1;
  }

  /** Meets chunks; answers whether to go on. */
  interface ChunkVisitor {
    boolean chunk(long chunkIndex, ChunkRecord record) throws FsException;
  }

  /**
   * Shows the chunks of an inode from first to last, in no order: by looking for each one that
   * could be, or, where many share a slot, by looking through the slots.
   */
  void forEach(
      long inode,
      FileLayout layout,
      long first,
      long last,
      IntPredicate slots,
      ChunkVisitor visitor)
      throws FsException {
    if (first > last) {
      return;
    }
    long cycle = Placement.slotCycle(layout);
    if ((last - first) / cycle < CHUNKS_OF_A_SLOT_TO_ITERATE) {
      for (long chunk = first; chunk <= last; chunk++) {
        int slot = Placement.chunkSlotValue(layout, chunk);
        if (slots.test(slot)) {
          ChunkRecord record = get(inode, chunk, slot);
          if (record != null && !visitor.chunk(chunk, record)) {
            return;
          }
        }
      }
      return;
    }
    for (long step = 0; step < cycle; step++) {
      int slot = Placement.chunkSlotValue(layout, step);
      if (slots.test(slot) && !forEachOfSlot(inode, slot, first, last, visitor)) {
        return;
      }
    }
  }

  private boolean forEachOfSlot(long inode, int slot, long first, long last, ChunkVisitor visitor)
      throws FsException {
    // Without the bound, a look past the inode's end walks over everything deleted behind it.
    byte[] end = Keys.key(slot, RecordKind.CHUNK, inode, last, new byte[1]);
    try (SlotStore.Cursor cursor = store.cursor(end)) {
      for (boolean any = cursor.seek(Keys.key(slot, RecordKind.CHUNK, inode, first));
          any;
          any = cursor.next()) {
        if (!visitor.chunk(Keys.number(cursor.key(), 1), ChunkRecord.decode(cursor.value()))) {
          return false;
        }
      }
      return true;
    }
  }

  /** Meets all chunks; answers whether to go on. */
  interface KeyVisitor {
    boolean chunk(byte[] key, ChunkRecord record) throws FsException;
  }

  /** Shows all chunks in the order of their keys, from a key on. */
  void forAll(byte[] from, KeyVisitor visitor) throws FsException {
    int firstSlot = from.length == 0 ? 0 : Keys.slot(from);
    byte[] start = from.length == 0 ? Keys.key(0, RecordKind.CHUNK) : from;
    try (SlotStore.Cursor cursor = store.cursor()) {
      boolean any = cursor.seek(start);
      while (any) {
        byte[] key = cursor.key();
        int slot = Keys.slot(key);
        byte kind = Keys.kindCode(key);
        if (kind == RecordKind.CHUNK.code()) {
          if (!visitor.chunk(key, ChunkRecord.decode(cursor.value()))) {
            return;
          }
          any = cursor.next();
          continue;
        }
        // Other records: on to the chunks of this slot, or of the next.
        int next = kind < RecordKind.CHUNK.code() ? slot : slot + 1;
        if (next >= SlotId.COUNT || next < firstSlot) {
          break;
        }
        any = cursor.seek(Keys.key(next, RecordKind.CHUNK));
      }
    }
  }

  /** Whether an inode has a chunk from first to last in any of the first so many slots. */
  boolean anyInSlots(long inode, long first, long last, int slots) throws FsException {
    try (SlotStore.Cursor cursor = store.cursor()) {
      for (int slot = 0; slot < slots; slot++) {
        byte[] from = Keys.key(slot, RecordKind.CHUNK, inode, first);
        if (!cursor.seek(from)) {
          break;
        }
        byte[] key = cursor.key();
        if (sameInode(key, from) && Keys.number(key, 1) <= last) {
          return true;
        }
        slot = Math.max(slot, Keys.slot(key) - 1);
      }
      return false;
    }
  }

  private static boolean sameInode(byte[] key, byte[] other) {
    int length = Keys.PREFIX_BYTES + Long.BYTES;
    return key.length > length && Arrays.equals(key, 0, length, other, 0, length);
  }

  /** A cursor that a page of this index gave, or none. */
  byte[] requireCursor(byte[] cursor) throws FsException {
    boolean made =
        cursor.length == CHUNK_KEY_BYTES && Keys.kindCode(cursor) == RecordKind.CHUNK.code();
    if (cursor.length != 0 && !made) {
      throw new FsException(FsError.INVALID, "a cursor of " + cursor.length + " bytes");
    }
    return cursor;
  }

  ChunkStore.ChunkPage scan(byte[] cursor, int itemsMax) throws FsException {
    if (itemsMax < 1) {
      throw new FsException(FsError.INVALID, "a page of " + itemsMax + " chunks");
    }
    List<ChunkStore.StoredChunk> chunks = new ArrayList<>(Math.min(itemsMax, BATCH));
    var next = new AtomicReference<byte[]>(new byte[0]);
    forAll(
        requireCursor(cursor),
        (key, record) -> {
          if (chunks.size() == itemsMax) {
            next.set(key);
            return false;
          }
          chunks.add(
              new ChunkStore.StoredChunk(
                  new InodeId(Keys.number(key, 0)), Keys.number(key, 1), Keys.slot(key)));
          return true;
        });
    return new ChunkStore.ChunkPage(chunks, next.get());
  }

  /** Makes the records survive a power failure. */
  void sync() throws FsException {
    store.sync();
  }
}
