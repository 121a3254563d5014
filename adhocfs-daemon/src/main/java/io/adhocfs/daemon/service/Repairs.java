package io.adhocfs.daemon.service;

import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.Dentry;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.EntryKey;
import org.jspecify.annotations.Nullable;

/**
 * Mends names and inodes one by one, where what they fit to is lost. Each change is one batch and
 * counts a directory's entries where they lie, so it is right whatever else goes on; what a
 * transaction holds is left alone. Metadata thread only.
 */
final class Repairs {
  /** Link count of a directory without subdirectories. */
  private static final int OWN_LINKS = 2;

  private final MetadataStore store;
  private final KeyLocks locks;
  private final Sessions sessions;

  Repairs(MetadataStore store, KeyLocks locks, Sessions sessions) {
    this.store = store;
    this.locks = locks;
    this.sessions = sessions;
  }

  private static void refuseHeld(@Nullable Object held) throws FsException {
    if (held != null) {
      throw new FsException(FsError.BUSY, held + " is held by an operation that is under way");
    }
  }

  void removeName(ControlRequest.RemoveName request) throws FsException {
    EntryKey entry = request.entry();
    refuseHeld(locks.heldEntry(entry));
    refuseHeld(locks.heldInode(entry.directory()));
    refuseHeld(locks.heldPartition(entry.directory(), entry.partition()));
    Dentry there = store.dentryIn(request.slotValue(), entry.directory(), entry.name());
    if (there == null) {
      return;
    }
    if (!there.inode().equals(request.inode())) {
      throw new FsException(FsError.CHANGED, "the name stands for inode " + there.inode());
    }
    Batch batch = store.batch();
    batch.removeEntry(request.slotValue(), entry.directory(), entry.name());
    if (entry.slot().value() == request.slotValue()) {
      FileAttributes directory = batch.directory(entry);
      if (directory != null) {
        batch.putDirectory(entry, counted(entry.partition(), directory, -1, there.type()));
      }
    }
    batch.commit();
  }

  void putName(ControlRequest.PutName request) throws FsException {
    EntryKey entry = request.entry();
    refuseHeld(locks.heldEntry(entry));
    refuseHeld(locks.heldInode(entry.directory()));
    refuseHeld(locks.heldPartition(entry.directory(), entry.partition()));
    Dentry there = store.dentry(entry);
    if (there != null) {
      if (!there.inode().equals(request.inode())) {
        throw new FsException(FsError.EXISTS, "the name stands for inode " + there.inode());
      }
      return;
    }
    Batch batch = store.batch();
    FileAttributes directory = batch.directory(entry);
    if (directory == null || directory.partitionExponent() != entry.partitionExponent()) {
      throw new FsException(
          FsError.CHANGED, "directory " + entry.directory() + " is not as it was");
    }
    batch.putEntry(entry, request.inode(), request.fileType());
    batch.putDirectory(entry, counted(entry.partition(), directory, 1, request.fileType()));
    batch.commit();
  }

  void countEntries(ControlRequest.CountEntries request) throws FsException {
    InodeId id = request.directory().id();
    int partition = request.partition();
    int exponent = request.directory().partitionExponent();
    if (partition < 0 || partition >= 1 << exponent) {
      throw new FsException(FsError.INVALID, "partition " + partition + " of 2^" + exponent);
    }
    refuseHeld(locks.heldInode(id));
    refuseHeld(locks.heldPartition(id, partition));
    Batch batch = store.batch();
    Share share = partition == 0 ? null : batch.share(id, partition);
    FileAttributes part =
        partition == 0 ? batch.inode(id) : share == null ? null : share.attributes();
    if (part == null && partition == 0) {
      throw new FsException(FsError.NOT_FOUND, "there is no inode " + id);
    }
    if (share != null && share.staging() != null) {
      throw new FsException(FsError.BUSY, "the directory is being spread");
    }
    if (part != null && part.partitionExponent() != exponent) {
      throw new FsException(FsError.CHANGED, "directory " + id + " is spread otherwise");
    }
    FileAttributes like =
        part == null ? AttributeEdit.of(request.directory()).dataVersion(0).done() : part;
    FileAttributes counted = counted(partition, like, 0, FileType.REGULAR);
    if (partition == 0) {
      batch.putInode(counted);
    } else {
      batch.putShare(new Share(partition, counted, null));
    }
    batch.commit();
  }

  /** A directory's part, with the entries that are stored now and one more or fewer. */
  private FileAttributes counted(int partition, FileAttributes part, int more, FileType type)
      throws FsException {
    int exponent = part.partitionExponent();
    MetadataStore.EntryCount count =
        store.countEntries(
            Placement.partitionSlot(part.id(), partition).value(),
            part.id(),
            Placement.firstHash(partition, exponent),
            Placement.lastHash(partition, exponent));
    int directories = count.directories() + (type == FileType.DIRECTORY ? more : 0);
    return AttributeEdit.of(part)
        .sizeBytes(count.entries() + more)
        .links((partition == 0 ? OWN_LINKS : 0) + directories)
        .done();
  }

  void setNames(ControlRequest.SetNames request) throws FsException {
    FileAttributes seen = request.seen();
    refuseHeld(locks.heldInode(seen.id()));
    FileAttributes now = store.inode(seen.id());
    boolean same =
        now != null
            && now.type() == seen.type()
            && now.linkCount() == seen.linkCount()
            && now.ctimeNanos() == seen.ctimeNanos()
            && now.parent().equals(seen.parent());
    if (now == null || !same) {
      throw new FsException(FsError.CHANGED, "inode " + seen.id() + " has changed meanwhile");
    }
    Batch batch = store.batch();
    if (now.isDirectory()) {
      batch.putInode(AttributeEdit.of(now).parent(request.parent()).done());
    } else if (request.names() == 0 && sessions.pinsOf(seen.id()) == 0) {
      batch.removeInode(now);
    } else {
      batch.putInode(AttributeEdit.of(now).links(request.names()).done());
    }
    batch.commit();
  }

  void removePartition(ControlRequest.RemovePartition request) throws FsException {
    InodeId id = request.directory();
    refuseHeld(locks.heldPartition(id, request.partition()));
    if (request.partition() < 1) {
      throw new FsException(FsError.INVALID, "partition " + request.partition());
    }
    Share share = store.share(id, request.partition());
    if (share == null) {
      return;
    }
    Batch batch = store.batch();
    batch.removeShare(id, request.partition());
    int exponent = share.attributes().partitionExponent();
    batch.removeEntries(
        request.slotValue(),
        id,
        Placement.firstHash(request.partition(), exponent),
        Placement.lastHash(request.partition(), exponent));
    batch.commit();
  }
}
