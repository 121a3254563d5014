package io.adhocfs.daemon.metadata;

import io.adhocfs.daemon.slot.Invariants;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.slot.SlotStore;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Typed access to the records of inodes and names. One operation reads, validates and writes one
 * {@link Batch}; since all of that happens on one thread, nothing comes in between.
 *
 * <p>Metadata thread only, but for {@link #sync}.
 */
public final class MetadataStore implements SlotPart {
  /** How many ids are taken from a slot's counter at once. */
  static final int ID_BLOCK = 256;

  private static final byte[] NOTHING = {};

  private final SlotStore slots;
  private final NumberLimit numbers;
  private final InodeCounts counts;
  private final Records records = new Records();

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
  private ChangedKeys locks = new ChangedKeys() {};
  private Supplier<LostSlots> lost = () -> LostSlots.NONE;

  public MetadataStore(SlotStore slots, NumberLimit numbers) {
    this.slots = slots;
    this.numbers = numbers;
    this.counts = new InodeCounts(slots);
  }

  /** How many inodes lie here. */
  public InodeCounts counts() {
    return counts;
  }

  /** What lies below this: for whoever takes part in the life of slots. */
  public SlotStore slotStore() {
    return slots;
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

  /**
   * What has waited meanwhile must not take the absence of a record for the absence of a thing.
   *
   * @throws FsException WRONG_OWNER where the slot has gone or is about to go
   */
  private void requireServed(int slot) throws FsException {
    if (!writable.test(slot)) {
      throw new FsException(FsError.WRONG_OWNER, "slot " + slot + " goes to another node");
    }
  }

  /**
   * The inode, or null.
   *
   * @throws FsException WRONG_OWNER where its slot has gone or is about to go
   */
  public @Nullable FileAttributes inode(InodeId id) throws FsException {
    requireServed(id.slotValue());
    byte[] value = slots.get(Keys.key(id.slotValue(), RecordKind.INODE, id.value()));
    return value == null ? null : Records.attributes(value, "inode " + id);
  }

  /**
   * What a partition of a directory, 1 or more, keeps of its own; or null.
   *
   * @throws FsException WRONG_OWNER where its slot has gone or is about to go
   */
  public @Nullable Share share(InodeId directory, int partition) throws FsException {
    requireServed(Placement.partitionSlot(directory, partition).value());
    byte[] value = slots.get(shareKey(directory, partition));
    return value == null ? null : Records.share(directory, partition, value);
  }

  /** All shares of a directory that lie in a slot. */
  public List<Share> shares(int slot, InodeId directory) throws FsException {
    List<Share> shares = new ArrayList<>();
    byte[] prefix = Keys.key(slot, RecordKind.SHARE, directory.value());
    try (SlotStore.Cursor cursor = slots.cursor()) {
      for (boolean found = cursor.seek(prefix);
          found && startsWith(cursor.key(), prefix);
          found = cursor.next()) {
        shares.add(Records.share(directory, Keys.number(cursor.key(), 1), cursor.value()));
      }
    }
    return shares;
  }

  /**
   * The number in a pin's record.
   *
   * @throws FsException CORRUPT
   */
  public static long pinNumber(byte[] value) throws FsException {
    return Records.number(value, "pin");
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
    byte[] value = slots.get(Keys.key(id.slotValue(), RecordKind.INLINE_DATA, id.value()));
    return value == null ? NOTHING : value;
  }

  /** Target of a symlink, or null. */
  public byte @Nullable [] symlink(InodeId id) throws FsException {
    return slots.get(Keys.key(id.slotValue(), RecordKind.SYMLINK, id.value()));
  }

  /** Value of an extended attribute, or null. */
  public byte @Nullable [] extendedAttribute(InodeId id, byte[] name) throws FsException {
    return slots.get(Keys.key(id.slotValue(), RecordKind.XATTR, id.value(), name));
  }

  /** The extended attributes of an inode, in order of their names' bytes. */
  public List<StoredAttribute> extendedAttributes(InodeId id) throws FsException {
    List<StoredAttribute> attributes = new ArrayList<>();
    byte[] prefix = Keys.key(id.slotValue(), RecordKind.XATTR, id.value());
    try (SlotStore.Cursor cursor = slots.cursor()) {
      for (boolean found = cursor.seek(prefix);
          found && startsWith(cursor.key(), prefix);
          found = cursor.next()) {
        byte[] key = cursor.key();
        attributes.add(
            new StoredAttribute(
                Arrays.copyOfRange(key, prefix.length, key.length), cursor.value().length));
      }
    }
    return attributes;
  }

  /**
   * What a name stands for, or null.
   *
   * @throws FsException WRONG_OWNER where its slot has gone or is about to go
   */
  public @Nullable Dentry dentry(EntryKey entry) throws FsException {
    requireServed(entry.slot().value());
    byte[] value = slots.get(entryKey(entry));
    return value == null ? null : Records.dentry(value);
  }

  /** A stored reply, or null. */
  public byte @Nullable [] reply(int slot, SessionId session, long sequence) throws FsException {
    return slots.get(Keys.key(slot, RecordKind.REPLY, session.value(), sequence));
  }

  /** The reclaim record of an inode, or null. */
  public @Nullable Reclaim reclaim(InodeId inode) throws FsException {
    byte[] value = slots.get(Keys.key(inode.slotValue(), RecordKind.RECLAIM, inode.value()));
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
    byte[] stored = slots.get(key);
    long counted =
        stored != null
            ? Records.number(stored, "counter of slot " + slot)
            : lost.get().firstNumber(slot);
    long first = Math.max(counted, numbers.first());
    if (first > InodeId.COUNTER_MAX - ID_BLOCK) {
      throw new FsException(FsError.NO_SPACE, "slot " + slot + " has no inode numbers left");
    }
    numbers.reach(first + ID_BLOCK);
    var counter = new SlotBatch();
    counter.put(key, Records.number(first + ID_BLOCK));
    slots.commit(counter);
    nextId[slot] = first;
    idLimit[slot] = first + ID_BLOCK;
  }

  /** A new batch, of an operation that holds no locks. */
  public Batch batch() {
    return new Batch(this, null);
  }

  /** A new batch, of an operation that holds locks under this name. */
  public Batch batch(Object holder) {
    return new Batch(this, holder);
  }

  /** Makes everything written so far survive a power failure. Any thread; blocks on the disk. */
  public void sync() throws FsException {
    slots.sync();
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

  /** Sets who knows what is locked. Once, before anything is written. */
  public void locks(ChangedKeys known) {
    locks = known;
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

  /**
   * @throws FsException WRONG_OWNER, or what the storage says
   */
  void commit(SlotBatch changes, @Nullable Object holder, boolean whole) throws FsException {
    int refused = changes.firstSlotWithout(writable);
    if (refused >= 0) {
      requireWritable(refused);
    }
    if (Invariants.CHECKED) {
      BatchInvariants.require(slots, changes, holder, whole, locks);
    }
    slots.commit(changes);
  }

  void cutPending(InodeId inode, int delta) {
    Integer left = pendingCuts.merge(inode, delta, (a, b) -> a + b == 0 ? null : a + b);
    Invariants.require(
        left == null || left > 0, () -> "inode %s has %d pending cuts".formatted(inode, left));
  }

  void reclaimRecorded(InodeId inode) {
    reclaimListener.accept(inode);
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.PENDING_CUT, RecordKind.APPEND_END);
  }

  @Override
  public void found(int slot, byte[] key, byte[] value) throws FsException {
    var inode = new InodeId(Keys.number(key, 0));
    if (Keys.kindCode(key) == RecordKind.PENDING_CUT.code()) {
      cutPending(inode, 1);
    } else {
      appendEnds.put(inode, Records.appendEnd(inode, value));
    }
  }

  /** Forgets what memory has of slots that have gone; their records are the caller's business. */
  @Override
  public void forget(BitSet gone) {
    for (int slot = gone.nextSetBit(0); slot >= 0; slot = gone.nextSetBit(slot + 1)) {
      nextId[slot] = 0;
      idLimit[slot] = 0;
    }
    pendingCuts.keySet().removeIf(inode -> gone.get(inode.slotValue()));
    appendEnds.keySet().removeIf(inode -> gone.get(inode.slotValue()));
  }

  @Override
  public List<String> kept(BitSet of) {
    List<String> kept = new ArrayList<>();
    of.stream()
        .filter(slot -> nextId[slot] != idLimit[slot])
        .forEach(slot -> kept.add("numbers of slot " + slot));
    pendingCuts.forEach((inode, cuts) -> {
      if (of.get(inode.slotValue())) {
        kept.add(cuts + " cuts of " + inode);
      }
    });
    appendEnds.forEach((inode, end) -> {
      if (of.get(inode.slotValue())) {
        kept.add(end + " of " + inode);
      }
    });
    return kept;
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
    try (SlotStore.Cursor cursor = slots.cursor()) {
      for (boolean found =
              cursor.seek(Keys.key(slot, RecordKind.DENTRY, directory.value(), afterHash + 1));
          found && startsWith(cursor.key(), prefix);
          found = cursor.next()) {
        byte[] key = cursor.key();
        long hash = Keys.number(key, 1);
        if (hash > lastHash) {
          break;
        }
        if (bytes >= maxBytes && hash != hashBefore) {
          return new Page<>(entries, Records.number(hashBefore));
        }
        ListedEntry entry = entry(key, cursor.value());
        entries.add(entry);
        bytes += overheadBytes + entry.name().length();
        hashBefore = hash;
      }
    }
    return new Page<>(entries, NOTHING);
  }

  /** The slot's dentry of a name, whether or not the name belongs there; or null. */
  public @Nullable Dentry dentryIn(int slot, InodeId directory, EntryName name) throws FsException {
    byte[] value = slots.get(entryKey(slot, directory, name));
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
    try (SlotStore.Cursor cursor = slots.cursor()) {
      for (boolean found =
              cursor.seek(Keys.key(slot, RecordKind.DENTRY, directory.value(), firstHash));
          found && startsWith(cursor.key(), prefix) && Keys.number(cursor.key(), 1) <= lastHash;
          found = cursor.next()) {
        entries++;
        if (Records.dentry(cursor.value()).type() == FileType.DIRECTORY) {
          directories++;
        }
      }
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
   * A page's cursor is the key to go on at. Slots without such records cost a seek, so a page may
   * end before it is full, or empty.
   */
  private <T> Page<T> scan(RecordKind kind, byte[] from, int maxItems, Decoder<T> decoder)
      throws FsException {
    byte[] position = from.length == 0 ? Keys.key(0, kind) : from;
    if (position.length < Keys.PREFIX_BYTES || Keys.kindCode(position) != kind.code()) {
      throw new FsException(FsError.INVALID, "not a cursor of a scan of " + kind);
    }
    List<T> items = new ArrayList<>();
    int budget = maxItems;
    try (SlotStore.Cursor cursor = slots.cursor()) {
      while (true) {
        boolean any = cursor.seek(position);
        int slot = Keys.slot(position);
        while (shown.test(slot) && any && Keys.isKind(cursor.key(), slot, kind)) {
          if (budget-- <= 0) {
            return new Page<>(items, cursor.key());
          }
          items.add(decoder.decode(cursor.key(), cursor.value()));
          any = cursor.next();
        }
        if (!any) {
          return new Page<>(items, NOTHING);
        }
        int next = Keys.slot(cursor.key());
        if (next == slot || Keys.kindCode(cursor.key()) > kind.code()) {
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

  private static boolean startsWith(byte[] key, byte[] prefix) {
    return key.length >= prefix.length
        && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
  }
}
