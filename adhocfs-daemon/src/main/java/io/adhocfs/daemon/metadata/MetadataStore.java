package io.adhocfs.daemon.metadata;

import io.adhocfs.daemon.storage.Keys;
import io.adhocfs.daemon.storage.RecordKind;
import io.adhocfs.daemon.storage.StorageDatabase;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.placement.LostSlots;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.ScannedChunk;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * Typed access to the records of inodes and names. One operation reads, validates and writes one
 * {@link Batch}; since all of that happens on one thread, nothing comes in between.
 *
 * <p>Metadata thread only, but for {@link #files} and {@link #directories}.
 */
public final class MetadataStore {
  /** How many ids are taken from a slot's counter at once. */
  static final int ID_BLOCK = 256;

  private static final int SPARE_BATCHES_MAX = 4;
  private static final byte[] NOTHING = {};

  private final StorageDatabase database;
  private final NumberLimit numbers;
  private final Records records = new Records();
  private final ArrayDeque<WriteBatch> spareBatches = new ArrayDeque<>();

  /** Per slot the next id to give out, and the first that is not yet taken from its counter. */
  private final long[] nextId = new long[SlotId.COUNT];

  private final long[] idLimit = new long[SlotId.COUNT];

  /** How many records of work under way an inode has; absent = 0. */
  private final Map<InodeId, Integer> pendingCuts = new HashMap<>();

  /** What the records say; few files are being appended to at a time. */
  private final Map<InodeId, AppendEnd> appendEnds = new HashMap<>();

  private Consumer<InodeId> reclaimListener = inode -> {};
  private GrowthRoom growthRoom = new GrowthRoom() {};
  private IntPredicate shown = slot -> true;
  private IntPredicate writable = slot -> true;
  private Supplier<LostSlots> lost = () -> LostSlots.NONE;

  // Written by the metadata thread, read by any.
  private volatile long files;
  private volatile long directories;

  /** What the counts have of each slot. */
  private final int[] filesOf = new int[SlotId.COUNT];

  private final int[] directoriesOf = new int[SlotId.COUNT];

  /** Slots that are not in the counts yet: counted in the background. */
  private final BitSet uncounted = new BitSet(SlotId.COUNT);

  public MetadataStore(StorageDatabase database, NumberLimit numbers) {
    this.database = database;
    this.numbers = numbers;
  }

  Records records() {
    return records;
  }

  /** Whether the disk has room for metadata; without more than that it always has. */
  public interface GrowthRoom {
    /** Whether metadata may grow. */
    default boolean mayGrow() {
      return true;
    }

    /** Makes room for what removes something, where that is possible. */
    default void makeRoom() throws FsException {}
  }

  /** Sets who knows whether there is room. Set once, before requests are served. */
  public void growthRoom(GrowthRoom room) {
    growthRoom = room;
  }

  /**
   * Before an operation that adds to what is stored.
   *
   * @throws FsException NO_SPACE where the disk has room only for what removes something
   */
  public void requireRoom() throws FsException {
    if (!growthRoom.mayGrow()) {
      throw new FsException(
          FsError.NO_SPACE, "the disk of this node has no room for more metadata");
    }
  }

  /** Before an operation that removes something, and has to write for that. */
  public void makeRoom() throws FsException {
    if (!growthRoom.mayGrow()) {
      growthRoom.makeRoom();
    }
  }

  /** Tells of every reclaim record as it is written. Set once, before anything is removed. */
  public void onReclaim(Consumer<InodeId> listener) {
    reclaimListener = listener;
  }

  /** The inode, or null. */
  public @Nullable FileAttributes inode(InodeId id) throws FsException {
    byte[] value = database.get(Keys.key(id.slotValue(), RecordKind.INODE, id.value()));
    return value == null ? null : Records.attributes(value, "inode " + id);
  }

  /** What a partition of a directory, 1 or more, keeps of its own; or null. */
  public @Nullable Share share(InodeId directory, int partition) throws FsException {
    byte[] value = database.get(shareKey(directory, partition));
    return value == null ? null : Records.share(directory, partition, value);
  }

  /** All shares of a directory that lie in a slot. */
  public List<Share> shares(int slot, InodeId directory) throws FsException {
    List<Share> shares = new ArrayList<>();
    byte[] prefix = Keys.key(slot, RecordKind.SHARE, directory.value());
    try (RocksIterator iterator = database.raw().newIterator()) {
      iterator.seek(prefix);
      while (iterator.isValid() && startsWith(iterator.key(), prefix)) {
        shares.add(Records.share(directory, Keys.number(iterator.key(), 1), iterator.value()));
        iterator.next();
      }
      check(iterator);
    }
    return shares;
  }

  static byte[] shareKey(InodeId directory, int partition) {
    return Keys.key(
        Placement.partitionSlot(directory, partition).value(),
        RecordKind.SHARE,
        directory.value(),
        partition);
  }

  /** Bytes of a file that lies inline; empty when there are none. */
  public byte[] inlineData(InodeId id) throws FsException {
    byte[] value = database.get(Keys.key(id.slotValue(), RecordKind.INLINE_DATA, id.value()));
    return value == null ? NOTHING : value;
  }

  /** Target of a symlink, or null. */
  public byte @Nullable [] symlink(InodeId id) throws FsException {
    return database.get(Keys.key(id.slotValue(), RecordKind.SYMLINK, id.value()));
  }

  /** Value of an extended attribute, or null. */
  public byte @Nullable [] extendedAttribute(InodeId id, byte[] name) throws FsException {
    return database.get(Keys.key(id.slotValue(), RecordKind.XATTR, id.value(), name));
  }

  /** The extended attributes of an inode, in order of their names' bytes. */
  public List<StoredAttribute> extendedAttributes(InodeId id) throws FsException {
    List<StoredAttribute> attributes = new ArrayList<>();
    byte[] prefix = Keys.key(id.slotValue(), RecordKind.XATTR, id.value());
    try (RocksIterator iterator = database.raw().newIterator()) {
      iterator.seek(prefix);
      while (iterator.isValid()) {
        byte[] key = iterator.key();
        if (!startsWith(key, prefix)) {
          break;
        }
        attributes.add(
            new StoredAttribute(
                Arrays.copyOfRange(key, prefix.length, key.length), iterator.value().length));
        iterator.next();
      }
      check(iterator);
    }
    return attributes;
  }

  /** What a name stands for, or null. */
  public @Nullable Dentry dentry(EntryKey entry) throws FsException {
    byte[] value = database.get(entryKey(entry));
    return value == null ? null : Records.dentry(value);
  }

  /** A stored reply, or null. */
  public byte @Nullable [] reply(int slot, SessionId session, long sequence) throws FsException {
    return database.get(Keys.key(slot, RecordKind.REPLY, session.value(), sequence));
  }

  /** The reclaim record of an inode, or null. */
  public @Nullable Reclaim reclaim(InodeId inode) throws FsException {
    byte[] value = database.get(Keys.key(inode.slotValue(), RecordKind.RECLAIM, inode.value()));
    return value == null ? null : Records.reclaim(inode, value);
  }

  /** Whether work on the file's chunks is under way that a restart would take up again. */
  public boolean cutPending(InodeId inode) {
    return !pendingCuts.isEmpty() && pendingCuts.containsKey(inode);
  }

  /** Up to where appends have been given room; null = not past the size. */
  public @Nullable AppendEnd appendEnd(InodeId inode) {
    return appendEnds.isEmpty() ? null : appendEnds.get(inode);
  }

  void appendEnd(InodeId inode, @Nullable AppendEnd end) {
    if (end == null) {
      appendEnds.remove(inode);
    } else {
      appendEnds.put(inode, end);
    }
  }

  static byte[] entryKey(EntryKey entry) {
    return entryKey(entry.slot().value(), entry.directory(), entry.name());
  }

  static byte[] entryKey(int slot, InodeId directory, EntryName name) {
    return Keys.key(slot, RecordKind.DENTRY, directory.value(), name.hash(), name.bytes());
  }

  static byte[] lockKey(InodeId inode, SessionId session, long owner, byte kind) {
    byte[] rest = Arrays.copyOf(Records.number(owner), Long.BYTES + 1);
    rest[Long.BYTES] = kind;
    return Keys.key(inode.slotValue(), RecordKind.LOCK, inode.value(), session.value(), rest);
  }

  /**
   * A new inode of a slot. Never given twice: the slot's counter is raised in blocks before any of
   * a block is used, for whoever has the slot next, and what a power failure may take away of that
   * lies below the {@link NumberLimit}.
   *
   * @throws FsException NO_SPACE when the slot has none left, or what the storage says
   */
  public InodeId drawInode(int slot) throws FsException {
    return new InodeId(((long) slot << 48) | drawNumber(slot));
  }

  /** A new transaction of a slot, from the same counter. */
  public TransactionId drawTransaction(int slot) throws FsException {
    return new TransactionId(((long) slot << 48) | drawNumber(slot));
  }

  private long drawNumber(int slot) throws FsException {
    if (nextId[slot] == idLimit[slot]) {
      takeBlock(slot);
    }
    return nextId[slot]++;
  }

  private void takeBlock(int slot) throws FsException {
    requireWritable(slot);
    byte[] key = Keys.key(slot, RecordKind.COUNTER);
    byte[] stored = database.get(key);
    long counted =
        stored != null
            ? Records.number(stored, "counter of slot " + slot)
            : lost.get().firstNumber(slot);
    long first = Math.max(counted, numbers.first());
    if (first > InodeId.COUNTER_MAX - ID_BLOCK) {
      throw new FsException(FsError.NO_SPACE, "slot " + slot + " has no inode numbers left");
    }
    numbers.reach(first + ID_BLOCK);
    try (WriteBatch batch = new WriteBatch()) {
      batch.put(key, Records.number(first + ID_BLOCK));
      database.write(batch);
    } catch (RocksDBException e) {
      throw StorageDatabase.failure("preparing", e);
    }
    nextId[slot] = first;
    idLimit[slot] = first + ID_BLOCK;
  }

  /** A new batch; close it. */
  public Batch batch() {
    WriteBatch spare = spareBatches.pollLast();
    return new Batch(this, spare == null ? new WriteBatch() : spare);
  }

  /** Makes everything written so far survive a power failure. Any thread; blocks on the disk. */
  public void sync() throws FsException {
    database.sync();
  }

  void giveBack(WriteBatch writes) {
    if (spareBatches.size() < SPARE_BATCHES_MAX) {
      writes.clear();
      spareBatches.addLast(writes);
    } else {
      writes.close();
    }
  }

  /**
   * Sets which slots are shown by scans, and in which anything may be written; else all. Once,
   * before anything is.
   */
  public void slots(IntPredicate shown, IntPredicate writable) {
    this.shown = shown;
    this.writable = writable;
  }

  /**
   * Sets where to learn which slots were lost; before that, none. Once, before anything is drawn.
   */
  public void lostSlots(Supplier<LostSlots> slots) {
    lost = slots;
  }

  /** Whether anything may be written in the slot now. */
  public boolean isWritable(int slot) {
    return writable.test(slot);
  }

  /**
   * @throws FsException WRONG_OWNER
   */
  void requireWritable(int slot) throws FsException {
    if (!writable.test(slot)) {
      throw new FsException(FsError.WRONG_OWNER, "slot " + slot + " goes to another node");
    }
  }

  void write(WriteBatch writes) throws FsException {
    database.write(writes);
  }

  void counted(FileAttributes attributes, int delta) {
    // A slot that has not been counted yet is counted as it is then.
    int slot = attributes.id().slotValue();
    if (!uncounted.get(slot)) {
      count(slot, attributes.isDirectory(), delta);
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
  private void count(int slot, boolean directory, int delta) {
    if (directory) {
      directoriesOf[slot] += delta;
      directories += delta;
    } else {
      filesOf[slot] += delta;
      files += delta;
    }
  }

  void cutPending(InodeId inode, int delta) {
    pendingCuts.merge(inode, delta, (a, b) -> a + b == 0 ? null : a + b);
  }

  void reclaimRecorded(InodeId inode) {
    reclaimListener.accept(inode);
  }

  /** How many inodes that are no directories lie here. Any thread; grows while it is counted. */
  public long files() {
    return files;
  }

  /** How many directories lie here. Any thread; grows while they are counted. */
  public long directories() {
    return directories;
  }

  /**
   * Counts some more inodes of slots that have come.
   *
   * @param recordsMax roughly how many records to look at; a slot is never left half counted
   * @return whether there are more
   */
  public boolean countSome(int recordsMax) throws FsException {
    int budget = recordsMax;
    try (RocksIterator iterator = database.raw().newIterator()) {
      int slot = uncounted.nextSetBit(0);
      while (slot >= 0 && budget-- > 0) {
        iterator.seek(Keys.key(slot, RecordKind.INODE));
        check(iterator);
        int found = iterator.isValid() ? Keys.slot(iterator.key()) : SlotId.COUNT;
        if (found > slot) {
          // Nothing lies in between.
          uncounted.clear(slot, found);
        } else {
          while (iterator.isValid() && isKind(iterator.key(), slot, RecordKind.INODE)) {
            boolean directory = Records.typeOfAttributes(iterator.value()) == FileType.DIRECTORY;
            count(slot, directory, 1);
            budget--;
            iterator.next();
          }
          check(iterator);
          uncounted.clear(slot);
        }
        slot = uncounted.nextSetBit(slot);
      }
    }
    return !uncounted.isEmpty();
  }

  /**
   * Tells of every record of some slots that has to be known in memory: of those that this daemon
   * has at its start, before anything else, and of those that come to it later.
   */
  public void recover(BitSet slots, Recovery recovery) throws FsException {
    uncounted.or(slots);
    try (RocksIterator iterator = database.raw().newIterator()) {
      int slot = slots.nextSetBit(0);
      while (slot >= 0) {
        iterator.seek(Keys.key(slot, RecordKind.PIN));
        if (!iterator.isValid()) {
          break;
        }
        int found = Keys.slot(iterator.key());
        if (found > slot) {
          slot = slots.nextSetBit(found);
          // Its records before the pins come first: seek again within it.
          if (slot != found || iterator.key()[2] < RecordKind.PIN.code()) {
            continue;
          }
        }
        while (iterator.isValid() && Keys.slot(iterator.key()) == slot) {
          recoverRecord(recovery, slot, iterator.key(), iterator.value());
          iterator.next();
        }
        slot = slots.nextSetBit(slot + 1);
      }
      check(iterator);
    }
  }

  /** Forgets what memory has of slots that have gone; their records are the caller's business. */
  public void forget(BitSet slots) {
    for (int slot = slots.nextSetBit(0); slot >= 0; slot = slots.nextSetBit(slot + 1)) {
      nextId[slot] = 0;
      idLimit[slot] = 0;
      count(slot, false, -filesOf[slot]);
      count(slot, true, -directoriesOf[slot]);
    }
    uncounted.andNot(slots);
    pendingCuts.keySet().removeIf(inode -> slots.get(inode.slotValue()));
    appendEnds.keySet().removeIf(inode -> slots.get(inode.slotValue()));
  }

  private void recoverRecord(Recovery recovery, int slot, byte[] key, byte[] value)
      throws FsException {
    byte kind = Keys.kindCode(key);
    if (kind == RecordKind.PIN.code()) {
      recovery.pin(
          new InodeId(Keys.number(key, 0)),
          new SessionId(Keys.number(key, 1)),
          Records.number(value, "pin"));
    } else if (kind == RecordKind.REPLY.code()) {
      recovery.reply(slot, new SessionId(Keys.number(key, 0)), Keys.number(key, 1));
    } else if (kind == RecordKind.PREPARED.code()) {
      recovery.prepared(slot, new TransactionId(Keys.number(key, 0)), value);
    } else if (kind == RecordKind.DECISION.code()) {
      recovery.decision(new TransactionId(Keys.number(key, 0)), value);
    } else if (kind == RecordKind.PENDING_CUT.code()) {
      PendingCut cut = Records.cut(new InodeId(Keys.number(key, 0)), Keys.number(key, 1), value);
      cutPending(cut.inode(), 1);
      recovery.cut(cut);
    } else if (kind == RecordKind.RECLAIM.code()) {
      recovery.reclaim(new InodeId(Keys.number(key, 0)));
    } else if (kind == RecordKind.APPEND_END.code()) {
      var inode = new InodeId(Keys.number(key, 0));
      appendEnds.put(inode, Records.appendEnd(inode, value));
      recovery.appendEnd(inode);
    } else if (kind == RecordKind.LOCK.code()) {
      recovery.lock(
          new InodeId(Keys.number(key, 0)),
          new SessionId(Keys.number(key, 1)),
          Keys.number(key, 2),
          key[key.length - 1],
          value);
    } else if (kind == RecordKind.SHARE.code()) {
      Share share = Records.share(new InodeId(Keys.number(key, 0)), Keys.number(key, 1), value);
      if (share.staging() != null) {
        recovery.staging(share);
      }
    }
  }

  /**
   * Entries of one partition of a directory, in order of their names' hashes.
   *
   * @param slot of the partition
   * @param afterHash only entries of higher hashes; 0 = all
   * @param lastHash only entries of no higher hashes: where the partition ends
   * @param maxBytes of the page, counting {@code overheadBytes} and the name for each entry; passed
   *     by what is needed to keep names of equal hash together
   * @return entries, and a cursor that is empty when the partition ends here
   */
  public Page<ListedEntry> list(
      int slot, InodeId directory, long afterHash, long lastHash, int maxBytes, int overheadBytes)
      throws FsException {
    List<ListedEntry> entries = new ArrayList<>();
    byte[] prefix = Keys.key(slot, RecordKind.DENTRY, directory.value());
    int bytes = 0;
    long hashBefore = -1;
    try (RocksIterator iterator = database.raw().newIterator()) {
      iterator.seek(Keys.key(slot, RecordKind.DENTRY, directory.value(), afterHash + 1));
      while (iterator.isValid()) {
        byte[] key = iterator.key();
        if (!startsWith(key, prefix)) {
          break;
        }
        long hash = Keys.number(key, 1);
        if (hash > lastHash) {
          break;
        }
        if (bytes >= maxBytes && hash != hashBefore) {
          return new Page<>(entries, Records.number(hashBefore));
        }
        ListedEntry entry = entry(key, iterator.value());
        entries.add(entry);
        bytes += overheadBytes + entry.name().length();
        hashBefore = hash;
        iterator.next();
      }
      check(iterator);
    }
    return new Page<>(entries, NOTHING);
  }

  /** The slot's dentry of a name, whether or not the name belongs there; or null. */
  public @Nullable Dentry dentryIn(int slot, InodeId directory, EntryName name) throws FsException {
    byte[] value = database.get(entryKey(slot, directory, name));
    return value == null ? null : Records.dentry(value);
  }

  /** How many entries of a directory there are, and how many of them are directories. */
  public record EntryCount(long entries, int directories) {}

  /** Counts the entries of a directory that lie in a slot and have these hashes. */
  public EntryCount countEntries(int slot, InodeId directory, long firstHash, long lastHash)
      throws FsException {
    long entries = 0;
    int directories = 0;
    byte[] prefix = Keys.key(slot, RecordKind.DENTRY, directory.value());
    try (RocksIterator iterator = database.raw().newIterator()) {
      iterator.seek(Keys.key(slot, RecordKind.DENTRY, directory.value(), firstHash));
      while (iterator.isValid()
          && startsWith(iterator.key(), prefix)
          && Keys.number(iterator.key(), 1) <= lastHash) {
        entries++;
        if (Records.dentry(iterator.value()).type() == FileType.DIRECTORY) {
          directories++;
        }
        iterator.next();
      }
      check(iterator);
    }
    return new EntryCount(entries, directories);
  }

  /** A page of all inodes that lie here, in order of slots. */
  public Page<FileAttributes> scanInodes(byte[] cursor, int maxItems) throws FsException {
    return scan(
        RecordKind.INODE,
        cursor,
        maxItems,
        (key, value) -> Records.attributes(value, "inode " + new InodeId(Keys.number(key, 0))));
  }

  /** A dentry, and the slot that it lies in. */
  public record PlacedEntry(int slot, ListedEntry entry) {}

  /** A page of all dentries that lie here. */
  public Page<PlacedEntry> scanEntries(byte[] cursor, int maxItems) throws FsException {
    return scan(
        RecordKind.DENTRY,
        cursor,
        maxItems,
        (key, value) -> new PlacedEntry(Keys.slot(key), entry(key, value)));
  }

  /** A share, and the slot that it lies in. */
  public record PlacedShare(int slot, Share share) {}

  /** A page of the shares that lie here. */
  public Page<PlacedShare> scanShares(byte[] cursor, int maxItems) throws FsException {
    return scan(
        RecordKind.SHARE,
        cursor,
        maxItems,
        (key, value) ->
            new PlacedShare(
                Keys.slot(key),
                Records.share(new InodeId(Keys.number(key, 0)), Keys.number(key, 1), value)));
  }

  /** A page of the chunks that lie here, by the index. */
  public Page<ScannedChunk> scanChunks(byte[] cursor, int maxItems) throws FsException {
    return scan(
        RecordKind.CHUNK,
        cursor,
        maxItems,
        (key, value) ->
            new ScannedChunk(
                new InodeId(Keys.number(key, 0)), Keys.number(key, 1), Keys.slot(key)));
  }

  /** The inodes that have to be reclaimed, in pages. */
  public Page<InodeId> scanReclaims(byte[] cursor, int maxItems) throws FsException {
    return scan(
        RecordKind.RECLAIM, cursor, maxItems, (key, value) -> new InodeId(Keys.number(key, 0)));
  }

  @FunctionalInterface
  private interface Decoder<T> {
    T decode(byte[] key, byte[] value) throws FsException;
  }

  /**
   * The cursor is the key to go on at. Slots without such records cost a seek, so a page may end
   * before it is full, or empty.
   */
  private <T> Page<T> scan(RecordKind kind, byte[] cursor, int maxItems, Decoder<T> decoder)
      throws FsException {
    byte[] position = cursor.length == 0 ? Keys.key(0, kind) : cursor;
    if (position.length < Keys.PREFIX_BYTES || Keys.kindCode(position) != kind.code()) {
      throw new FsException(FsError.INVALID, "not a cursor of a scan of " + kind);
    }
    List<T> items = new ArrayList<>();
    int budget = maxItems;
    try (RocksIterator iterator = database.raw().newIterator()) {
      while (true) {
        iterator.seek(position);
        int slot = Keys.slot(position);
        while (shown.test(slot) && iterator.isValid() && isKind(iterator.key(), slot, kind)) {
          if (budget-- <= 0) {
            return new Page<>(items, iterator.key());
          }
          items.add(decoder.decode(iterator.key(), iterator.value()));
          iterator.next();
        }
        check(iterator);
        if (!iterator.isValid()) {
          return new Page<>(items, NOTHING);
        }
        int next = Keys.slot(iterator.key());
        if (next == slot || Keys.kindCode(iterator.key()) > kind.code()) {
          next++;
        }
        if (next >= SlotId.COUNT) {
          return new Page<>(items, NOTHING);
        }
        position = Keys.key(next, kind);
        if (budget-- <= 0) {
          return new Page<>(items, position);
        }
      }
    }
  }

  private static ListedEntry entry(byte[] key, byte[] value) throws FsException {
    Dentry dentry = Records.dentry(value);
    EntryName name =
        EntryName.of(Arrays.copyOfRange(key, Keys.PREFIX_BYTES + 2 * Long.BYTES, key.length));
    return new ListedEntry(new InodeId(Keys.number(key, 0)), name, dentry.inode(), dentry.type());
  }

  private static boolean isKind(byte[] key, int slot, RecordKind kind) {
    return Keys.slot(key) == slot && Keys.kindCode(key) == kind.code();
  }

  private static boolean startsWith(byte[] key, byte[] prefix) {
    return key.length >= prefix.length
        && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
  }

  private static void check(RocksIterator iterator) throws FsException {
    try {
      iterator.status();
    } catch (RocksDBException e) {
      throw StorageDatabase.failure("reading", e);
    }
  }
}
