package io.adhocfs.daemon.transaction;

import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.Dentry;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.EntryKey;
import java.util.List;

/**
 * What each kind of change locks, what must hold for it, and what it does. The same for the only
 * node of an operation, its coordinator and its participants. Metadata thread only.
 */
public final class ChangeRules {
  /** The most names of a file: as many as ext4 has, which programs are used to. */
  public static final int NAMES_MAX = 65_000;

  /** The most that a directory's link count can tell of its subdirectories. */
  public static final int LINKS_MAX = Integer.MAX_VALUE;

  private final MetadataStore store;
  private final Sessions sessions;
  private final int chunkSizeBytes;

  public ChangeRules(MetadataStore store, Sessions sessions, int chunkSizeBytes) {
    this.store = store;
    this.sessions = sessions;
    this.chunkSizeBytes = chunkSizeBytes;
  }

  /** Adds the keys that a change holds until it is decided. */
  static void wanted(Change change, List<LockKey.Wanted> out) {
    switch (change) {
      case Change.PutEntry put -> wantEntry(put.entry(), out);
      case Change.RemoveEntry remove -> wantEntry(remove.entry(), out);
      case Change.AdjustLinks adjust -> out.add(exclusive(adjust.inode()));
      case Change.NewDirectory made -> {} // held once it is drawn
      case Change.RemoveEmptyDirectory remove -> out.add(exclusive(remove.directory()));
      case Change.SetParent set -> out.add(exclusive(set.directory()));
      case Change.TakeRenameToken token ->
          out.add(new LockKey.Wanted(new LockKey.OfRenames(), false));
    }
  }

  /**
   * Adds the inodes that a participant has drawn: as soon as the coordinator has decided, others
   * know them and ask for them, perhaps before this node has heard of it.
   */
  static void wantedOfMade(List<InodeId> made, List<LockKey.Wanted> out) {
    for (InodeId inode : made) {
      if (inode.exists()) {
        out.add(exclusive(inode));
      }
    }
  }

  private static void wantEntry(EntryKey entry, List<LockKey.Wanted> out) {
    out.add(new LockKey.Wanted(new LockKey.OfEntry(entry.directory(), entry.name()), false));
    out.add(new LockKey.Wanted(new LockKey.OfInode(entry.directory()), true));
  }

  private static LockKey.Wanted exclusive(InodeId inode) {
    return new LockKey.Wanted(new LockKey.OfInode(inode), false);
  }

  /**
   * Checks that a change can be made now.
   *
   * @throws FsException CHANGED when the plan no longer fits, or what no plan can mend
   */
  void validate(Change change) throws FsException {
    switch (change) {
      case Change.PutEntry put -> {
        FileAttributes directory = directoryOf(put.entry());
        expect(put.entry(), put.expected());
        if (put.fileType() == FileType.DIRECTORY && directory.linkCount() == LINKS_MAX) {
          throw new FsException(
              FsError.TOO_MANY_LINKS, "directory " + directory.id() + " has too many directories");
        }
      }
      case Change.RemoveEntry remove -> {
        directoryOf(remove.entry());
        expect(remove.entry(), remove.expected());
      }
      case Change.AdjustLinks adjust -> {
        FileAttributes inode = present(adjust.inode());
        if (inode.isDirectory()) {
          throw changed("inode " + inode.id() + " is a directory");
        }
        if (adjust.delta() > 0 && inode.linkCount() == 0) {
          throw new FsException(FsError.NOT_FOUND, "inode " + inode.id() + " has no name any more");
        }
        long links = (long) inode.linkCount() + adjust.delta();
        if (adjust.delta() > 0 && links > NAMES_MAX) {
          throw new FsException(
              FsError.TOO_MANY_LINKS, "inode " + inode.id() + " has too many names");
        }
        if (links < 0) {
          throw changed("inode " + inode.id() + " has " + inode.linkCount() + " names");
        }
      }
      case Change.NewDirectory made -> {}
      case Change.RemoveEmptyDirectory remove -> {
        FileAttributes directory = present(remove.directory());
        if (!directory.isDirectory()) {
          throw changed("inode " + directory.id() + " is no directory");
        }
        if (directory.sizeBytes() != 0) {
          throw new FsException(
              FsError.NOT_EMPTY,
              "directory " + directory.id() + " has " + directory.sizeBytes() + " entries");
        }
      }
      case Change.SetParent set -> {
        FileAttributes directory = present(set.directory());
        if (!directory.isDirectory() || !directory.parent().equals(set.expectedParent())) {
          throw changed("directory " + directory.id() + " is in " + directory.parent() + " by now");
        }
      }
      case Change.TakeRenameToken token -> {}
    }
  }

  /**
   * The directory of an entry, which must be there and spread as the entry's sender believes.
   *
   * @throws FsException NOT_FOUND, NOT_DIRECTORY or CHANGED
   */
  public FileAttributes directoryOf(EntryKey entry) throws FsException {
    if (entry.partitionExponent() != 0 && entry.slot().value() != entry.directory().slotValue()) {
      // No directory is spread yet, so this one is not.
      throw changed("directory " + entry.directory() + " is not spread");
    }
    FileAttributes directory = store.inode(entry.directory());
    if (directory == null) {
      throw new FsException(FsError.NOT_FOUND, "directory " + entry.directory() + " is not there");
    }
    if (!directory.isDirectory()) {
      throw new FsException(
          FsError.NOT_DIRECTORY, "inode " + entry.directory() + " is no directory");
    }
    if (directory.partitionExponent() != entry.partitionExponent()) {
      throw changed(
          "directory "
              + directory.id()
              + " has 2^"
              + directory.partitionExponent()
              + " partitions");
    }
    return directory;
  }

  private void expect(EntryKey entry, InodeId expected) throws FsException {
    Dentry dentry = store.dentry(entry);
    InodeId found = dentry == null ? InodeId.NONE : dentry.inode();
    if (!found.equals(expected)) {
      throw changed(
          "'" + entry.name() + "' in " + entry.directory() + " is " + found + ", not " + expected);
    }
  }

  private FileAttributes present(InodeId inode) throws FsException {
    FileAttributes attributes = store.inode(inode);
    if (attributes == null) {
      throw changed("inode " + inode + " is not there");
    }
    return attributes;
  }

  private static FsException changed(String message) {
    return new FsException(FsError.CHANGED, message);
  }

  /** The inode that a change makes, drawn now; NONE for a change that makes none. */
  InodeId draw(Change change) throws FsException {
    return change instanceof Change.NewDirectory made
        ? store.drawInode(made.slotValue())
        : InodeId.NONE;
  }

  /** What a new directory is. */
  public FileAttributes newDirectory(Change.NewDirectory made, InodeId id) {
    return new FileAttributes(
        id,
        FileType.DIRECTORY,
        made.mode(),
        made.uid(),
        made.gid(),
        2,
        0,
        made.nowNanos(),
        made.nowNanos(),
        made.nowNanos(),
        0,
        made.parent(),
        0,
        0,
        0,
        false,
        new FileLayout(chunkSizeBytes, Placement.wideFirstSlot(id), 1, made.policyId(), false));
  }

  /**
   * Puts a validated change into a batch.
   *
   * @param made the inode that this change makes, or for an entry of the inode NONE, the one that
   *     it is to point to
   */
  void apply(Change change, InodeId made, Batch batch) throws FsException {
    switch (change) {
      case Change.PutEntry put -> {
        Dentry before = store.dentry(put.entry());
        batch.putEntry(put.entry(), put.inode().exists() ? put.inode() : made, put.fileType());
        int subdirectories =
            (put.fileType() == FileType.DIRECTORY ? 1 : 0)
                - (before != null && before.type() == FileType.DIRECTORY ? 1 : 0);
        entriesChanged(put.entry(), before == null ? 1 : 0, subdirectories, put.nowNanos(), batch);
      }
      case Change.RemoveEntry remove -> {
        Dentry before = store.dentry(remove.entry());
        batch.removeEntry(remove.entry());
        int subdirectories = before != null && before.type() == FileType.DIRECTORY ? -1 : 0;
        entriesChanged(
            remove.entry(), before == null ? 0 : -1, subdirectories, remove.nowNanos(), batch);
      }
      case Change.AdjustLinks adjust -> {
        FileAttributes inode = locked(adjust.inode(), batch);
        FileAttributes after =
            AttributeEdit.of(inode).addLinks(adjust.delta()).touched(adjust.nowNanos()).done();
        if (after.linkCount() == 0 && sessions.pinsOf(after.id()) == 0) {
          batch.removeInode(after);
        } else {
          batch.putInode(after);
        }
      }
      case Change.NewDirectory directory -> batch.addInode(newDirectory(directory, made));
      case Change.RemoveEmptyDirectory remove ->
          batch.removeInode(locked(remove.directory(), batch));
      case Change.SetParent set ->
          batch.putInode(
              AttributeEdit.of(locked(set.directory(), batch))
                  .parent(set.newParent())
                  .touched(set.nowNanos())
                  .done());
      case Change.TakeRenameToken token -> {}
    }
  }

  private static void entriesChanged(
      EntryKey entry, int entries, int subdirectories, long nowNanos, Batch batch)
      throws FsException {
    FileAttributes directory = locked(entry.directory(), batch);
    batch.putInode(
        AttributeEdit.of(directory)
            .sizeBytes(directory.sizeBytes() + entries)
            .addLinks(subdirectories)
            .contentChanged(nowNanos)
            .done());
  }

  private static FileAttributes locked(InodeId inode, Batch batch) throws FsException {
    FileAttributes attributes = batch.inode(inode);
    if (attributes == null) {
      throw new FsException(
          FsError.INTERNAL, "inode " + inode + " went while an operation held it");
    }
    return attributes;
  }
}
