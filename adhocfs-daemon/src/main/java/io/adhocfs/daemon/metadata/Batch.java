package io.adhocfs.daemon.metadata;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.wire.EntryKey;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The effect of one operation: written whole by {@link #commit}, or not at all. Inodes and shares
 * changed twice in one batch see the first change in the second; other records are not read back.
 *
 * <p>State in memory that follows the records is changed by {@link #afterCommit} alone. Metadata
 * thread only.
 */
public final class Batch {
  private final MetadataStore store;
  private final SlotBatch changes = new SlotBatch();

  /** Changed inodes; a null value stands for one that goes. */
  private final Map<InodeId, @Nullable FileAttributes> inodes = new LinkedHashMap<>(4);

  /** Changed shares; a null value stands for one that goes. */
  private final Map<ShareKey, @Nullable Share> shares = new LinkedHashMap<>(2);

  private record ShareKey(InodeId directory, int partition) {
    byte[] key() {
      return MetadataStore.shareKey(directory, partition);
    }
  }

  private final List<Runnable> afterCommit = new ArrayList<>(4);

  private final @Nullable Object holder;

  private boolean whole;

  Batch(MetadataStore store, @Nullable Object holder) {
    this.store = store;
    this.holder = holder;
  }

  /** Says that everything that the operation changes is in this batch. */
  public void whole() {
    whole = true;
  }

  /** The inode as this batch leaves it, or null. */
  public @Nullable FileAttributes inode(InodeId id) throws FsException {
    if (inodes.isEmpty()) {
      return store.inode(id);
    }
    FileAttributes changed = inodes.get(id);
    return changed != null || inodes.containsKey(id) ? changed : store.inode(id);
  }

  /** A partition's share as this batch leaves it, or null. */
  public @Nullable Share share(InodeId directory, int partition) throws FsException {
    var key = new ShareKey(directory, partition);
    Share changed = shares.isEmpty() ? null : shares.get(key);
    return changed != null || shares.containsKey(key) ? changed : store.share(directory, partition);
  }

  public void putShare(Share share) {
    shares.put(new ShareKey(share.attributes().id(), share.partition()), share);
  }

  public void removeShare(InodeId directory, int partition) {
    shares.put(new ShareKey(directory, partition), null);
  }

  /**
   * The directory's part that an entry lies in, as this batch leaves it: the inode or the
   * attributes of a partition's share; or null.
   */
  public @Nullable FileAttributes directory(EntryKey entry) throws FsException {
    int partition = entry.partition();
    if (partition == 0) {
      return inode(entry.directory());
    }
    Share share = share(entry.directory(), partition);
    return share == null ? null : share.attributes();
  }

  /** Changes the directory's part that an entry lies in. */
  public void putDirectory(EntryKey entry, FileAttributes attributes) {
    int partition = entry.partition();
    if (partition == 0) {
      putInode(attributes);
    } else {
      putShare(new Share(partition, attributes, null));
    }
  }

  /** Makes an inode. */
  public void addInode(FileAttributes attributes) {
    inodes.put(attributes.id(), attributes);
    afterCommit.add(() -> store.counts().counted(attributes, 1));
  }

  /** Changes an inode that is there. */
  public void putInode(FileAttributes attributes) {
    inodes.put(attributes.id(), attributes);
  }

  /**
   * Removes an inode with its data, and leaves a reclaim record where chunks may exist. Its pins
   * are the caller's business.
   */
  public void removeInode(FileAttributes attributes) throws FsException {
    InodeId id = attributes.id();
    int slot = id.slotValue();
    inodes.put(id, null);
    afterCommit.add(() -> store.counts().counted(attributes, -1));
    if (attributes.type() == FileType.SYMLINK) {
      changes.remove(Keys.key(slot, RecordKind.SYMLINK, id.value()));
    }
    if (attributes.hasExtendedAttributes()) {
      for (StoredAttribute attribute : store.extendedAttributes(id)) {
        removeExtendedAttribute(id, attribute.name());
      }
    }
    if (attributes.isRegular()) {
      if (store.appendEnd(id) != null) {
        removeAppendEnd(id);
      }
      if (attributes.layout().inline()) {
        changes.remove(Keys.key(slot, RecordKind.INLINE_DATA, id.value()));
      }
      // Inline data that is being copied may be in chunks already.
      if (!attributes.layout().inline() || store.cutPending(id)) {
        changes.put(
            Keys.key(slot, RecordKind.RECLAIM, id.value()),
            store.records().reclaim(attributes.layout().chunked(), attributes.sizeBytes()));
        afterCommit.add(() -> store.reclaimRecorded(id));
      }
    }
  }

  public void putInlineData(InodeId id, byte[] data) {
    changes.put(Keys.key(id.slotValue(), RecordKind.INLINE_DATA, id.value()), data);
  }

  public void removeInlineData(InodeId id) {
    changes.remove(Keys.key(id.slotValue(), RecordKind.INLINE_DATA, id.value()));
  }

  public void putSymlink(InodeId id, byte[] target) {
    changes.put(Keys.key(id.slotValue(), RecordKind.SYMLINK, id.value()), target);
  }

  /** The inode's attributes say that it has some: the caller's business, as on removal. */
  public void putExtendedAttribute(InodeId id, byte[] name, byte[] value) {
    changes.put(Keys.key(id.slotValue(), RecordKind.XATTR, id.value(), name), value);
  }

  public void removeExtendedAttribute(InodeId id, byte[] name) {
    changes.remove(Keys.key(id.slotValue(), RecordKind.XATTR, id.value(), name));
  }

  /** Makes a name, or has it point elsewhere. */
  public void putEntry(EntryKey entry, InodeId inode, FileType type) {
    changes.put(MetadataStore.entryKey(entry), Records.dentry(inode, type));
  }

  public void removeEntry(EntryKey entry) {
    changes.remove(MetadataStore.entryKey(entry));
  }

  /** Makes a name in a slot that is not yet the name's. */
  public void stageEntry(
      int slot, InodeId directory, EntryName name, InodeId inode, FileType type) {
    changes.put(MetadataStore.entryKey(slot, directory, name), Records.dentry(inode, type));
  }

  /** Removes a name from a slot, whether or not it belongs there. */
  public void removeEntry(int slot, InodeId directory, EntryName name) {
    changes.remove(MetadataStore.entryKey(slot, directory, name));
  }

  /** Removes the names of a directory that lie in a slot and have these hashes. */
  public void removeEntries(int slot, InodeId directory, long firstHash, long lastHash) {
    // Past the highest hash, the sum is the lowest number that is none.
    changes.removeRange(
        Keys.key(slot, RecordKind.DENTRY, directory.value(), firstHash),
        Keys.key(slot, RecordKind.DENTRY, directory.value(), lastHash + 1));
  }

  public void putPin(InodeId inode, SessionId session, long number) {
    changes.put(
        Keys.key(inode.slotValue(), RecordKind.PIN, inode.value(), session.value()),
        Records.number(number));
  }

  public void removePin(InodeId inode, SessionId session) {
    changes.remove(Keys.key(inode.slotValue(), RecordKind.PIN, inode.value(), session.value()));
  }

  /** Sets the record of an owner's locks of a kind on an inode. */
  public void putLock(InodeId inode, SessionId session, long owner, byte kind, byte[] locks) {
    changes.put(MetadataStore.lockKey(inode, session, owner, kind), locks);
  }

  public void removeLock(InodeId inode, SessionId session, long owner, byte kind) {
    changes.remove(MetadataStore.lockKey(inode, session, owner, kind));
  }

  public void putReply(int slot, SessionId session, long sequence, byte[] reply) {
    changes.put(Keys.key(slot, RecordKind.REPLY, session.value(), sequence), reply);
  }

  public void removeReply(int slot, SessionId session, long sequence) {
    changes.remove(Keys.key(slot, RecordKind.REPLY, session.value(), sequence));
  }

  public void putPrepared(int slot, TransactionId transaction, byte[] promise) {
    changes.put(Keys.key(slot, RecordKind.PREPARED, transaction.value()), promise);
  }

  public void removePrepared(int slot, TransactionId transaction) {
    changes.remove(Keys.key(slot, RecordKind.PREPARED, transaction.value()));
  }

  public void putDecision(TransactionId transaction, byte[] participants) {
    changes.put(
        Keys.key(transaction.coordinator().value(), RecordKind.DECISION, transaction.value()),
        participants);
  }

  public void removeDecision(TransactionId transaction) {
    changes.remove(
        Keys.key(transaction.coordinator().value(), RecordKind.DECISION, transaction.value()));
  }

  public void putCut(PendingCut cut) {
    changes.put(
        Keys.key(
            cut.inode().slotValue(), RecordKind.PENDING_CUT, cut.inode().value(), cut.generation()),
        store.records().cut(cut));
    afterCommit.add(() -> store.cutPending(cut.inode(), 1));
  }

  public void removeCut(PendingCut cut) {
    changes.remove(
        Keys.key(
            cut.inode().slotValue(),
            RecordKind.PENDING_CUT,
            cut.inode().value(),
            cut.generation()));
    afterCommit.add(() -> store.cutPending(cut.inode(), -1));
  }

  public void putAppendEnd(InodeId inode, AppendEnd end) {
    changes.put(
        Keys.key(inode.slotValue(), RecordKind.APPEND_END, inode.value()), Records.appendEnd(end));
    afterCommit.add(() -> store.appendEnd(inode, end));
  }

  public void removeAppendEnd(InodeId inode) {
    changes.remove(Keys.key(inode.slotValue(), RecordKind.APPEND_END, inode.value()));
    afterCommit.add(() -> store.appendEnd(inode, null));
  }

  public void removeReclaim(InodeId inode) {
    changes.remove(Keys.key(inode.slotValue(), RecordKind.RECLAIM, inode.value()));
  }

  /** Runs the action once the batch is written; not at all if it is not. */
  public void afterCommit(Runnable action) {
    afterCommit.add(action);
  }

  /**
   * Writes everything, atomically, and runs what was to run afterwards. The batch is done then.
   *
   * @throws FsException NO_SPACE, CORRUPT or STORAGE_FAILED, or WRONG_OWNER for a slot that has
   *     gone or is going to another node: nothing has changed
   */
  public void commit() throws FsException {
    for (Map.Entry<InodeId, @Nullable FileAttributes> changed : inodes.entrySet()) {
      InodeId id = changed.getKey();
      byte[] key = Keys.key(id.slotValue(), RecordKind.INODE, id.value());
      FileAttributes attributes = changed.getValue();
      if (attributes == null) {
        changes.remove(key);
      } else {
        changes.put(key, store.records().attributes(attributes));
      }
    }
    for (Map.Entry<ShareKey, @Nullable Share> changed : shares.entrySet()) {
      Share share = changed.getValue();
      if (share == null) {
        changes.remove(changed.getKey().key());
      } else {
        changes.put(changed.getKey().key(), store.records().share(share));
      }
    }
    store.commit(changes, holder, whole);
    for (Runnable action : afterCommit) {
      action.run();
    }
  }
}
