package io.adhocfs.daemon.transaction;

import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.Dentry;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.protocol.model.AttributeChange;
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
import java.util.function.Consumer;
import java.util.function.IntUnaryOperator;

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
  private final IntUnaryOperator chunkSizesBytes;
  private Consumer<FileAttributes> grown = directory -> {};

  public ChangeRules(MetadataStore store, Sessions sessions, IntUnaryOperator chunkSizesBytes) {
    this.store = store;
    this.sessions = sessions;
    this.chunkSizesBytes = chunkSizesBytes;
  }

  /**
   * Sets who is told of directories that are not spread when they have got an entry, once that is
   * written. Once, before anything is changed.
   */
  public void onGrown(Consumer<FileAttributes> listener) {
    grown = listener;
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
      case Change.SpreadDirectory spread -> out.add(exclusive(spread.directory()));
      case Change.OpenShare open -> out.add(exclusive(open.share().id(), open.partition()));
      case Change.CloseShare close -> out.add(exclusive(close.directory(), close.partition()));
      case Change.SetShareAttributes set -> out.add(exclusive(set.directory(), set.partition()));
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
    out.add(new LockKey.Wanted(LockKey.ofDirectory(entry), true));
  }

  private static LockKey.Wanted exclusive(InodeId inode) {
    return new LockKey.Wanted(new LockKey.OfInode(inode), false);
  }

  private static LockKey.Wanted exclusive(InodeId directory, int partition) {
    return new LockKey.Wanted(LockKey.ofPartition(directory, partition), false);
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
        if (directory.partitionExponent() != remove.partitionExponent()) {
          throw changed("directory " + spreadOf(directory));
        }
        requireEmpty(directory);
      }
      case Change.SetParent set -> {
        FileAttributes directory = present(set.directory());
        if (!directory.isDirectory() || !directory.parent().equals(set.expectedParent())) {
          throw changed("directory " + directory.id() + " is in " + directory.parent() + " by now");
        }
      }
      case Change.TakeRenameToken token -> {}
      case Change.SpreadDirectory spread -> {
        FileAttributes directory = present(spread.directory());
        if (!directory.isDirectory() || directory.partitionExponent() != 0) {
          throw changed("directory " + spreadOf(directory));
        }
      }
      case Change.OpenShare open -> validate(open);
      case Change.CloseShare close ->
          requireEmpty(activePart(close.directory(), close.partition(), close.partitionExponent()));
      case Change.SetShareAttributes set -> {
        FileAttributes part = activePart(set.directory(), set.partition(), set.partitionExponent());
        if (!part.isDirectory()) {
          throw changed("inode " + part.id() + " is no directory");
        }
      }
    }
  }

  private static void requireEmpty(FileAttributes part) throws FsException {
    if (part.sizeBytes() != 0) {
      throw new FsException(
          FsError.NOT_EMPTY, "directory " + part.id() + " has " + part.sizeBytes() + " entries");
    }
  }

  private static String spreadOf(FileAttributes directory) {
    return directory.id() + " has 2^" + directory.partitionExponent() + " partitions";
  }

  private void validate(Change.OpenShare open) throws FsException {
    FileAttributes opened = open.share();
    Share there = store.share(opened.id(), open.partition());
    boolean fits =
        there != null
            && open.transaction().equals(there.staging())
            && there.attributes().partitionExponent() == opened.partitionExponent()
            && there.attributes().sizeBytes() == opened.sizeBytes()
            && there.attributes().linkCount() == opened.linkCount();
    if (!fits) {
      throw changed(
          "what is staged for partition "
              + open.partition()
              + " of "
              + opened.id()
              + " is another");
    }
  }

  /** What a partition in use keeps of its own; of 0, the inode. */
  private FileAttributes activePart(InodeId directory, int partition, int partitionExponent)
      throws FsException {
    if (partition == 0) {
      FileAttributes inode = present(directory);
      if (inode.partitionExponent() != partitionExponent) {
        throw changed("directory " + spreadOf(inode));
      }
      return inode;
    }
    Share share = store.share(directory, partition);
    if (share == null
        || share.staging() != null
        || share.attributes().partitionExponent() != partitionExponent) {
      throw changed("directory " + directory + " has no such partition " + partition);
    }
    return share.attributes();
  }

  /**
   * The part of a directory that an entry lies in: the inode, or the attributes of a partition's
   * share. The directory must be there and spread as the entry's sender believes.
   *
   * @throws FsException NOT_FOUND, NOT_DIRECTORY or SPREAD_CHANGED
   */
  public FileAttributes directoryOf(EntryKey entry) throws FsException {
    return partOf(entry.directory(), entry.partitionExponent(), entry.partition());
  }

  /** As {@link #directoryOf}, of a partition of 2^k. */
  public FileAttributes partOf(InodeId id, int partitionExponent, int partition)
      throws FsException {
    if (partition != 0) {
      Share share = store.share(id, partition);
      // Where there is none the directory may be gone: its home will tell.
      if (share == null
          || share.staging() != null
          || share.attributes().partitionExponent() != partitionExponent) {
        throw new FsException(
            FsError.SPREAD_CHANGED, "directory " + id + " has no such partition " + partition);
      }
      return share.attributes();
    }
    FileAttributes directory = store.inode(id);
    if (directory == null) {
      throw new FsException(FsError.NOT_FOUND, "directory " + id + " is not there");
    }
    if (!directory.isDirectory()) {
      throw new FsException(FsError.NOT_DIRECTORY, "inode " + id + " is no directory");
    }
    if (directory.partitionExponent() != partitionExponent) {
      throw new FsException(FsError.SPREAD_CHANGED, "directory " + spreadOf(directory));
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

  /** A partition of no entries yet. */
  FileAttributes stagedShare(InodeId directory, int partitionExponent) {
    return new FileAttributes(
        directory,
        FileType.DIRECTORY,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        InodeId.NONE,
        partitionExponent,
        0,
        0,
        false,
        new FileLayout(chunkSizesBytes.applyAsInt(0), 0, 1, 0, false));
  }

  /** What a new directory is. */
  public FileAttributes newDirectory(Change.NewDirectory made, InodeId id) {
    return new FileAttributes(
        id,
        FileType.DIRECTORY,
        made.newInode().mode(),
        made.newInode().owner().uid(),
        made.newInode().owner().gid(),
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
        new FileLayout(
            chunkSizesBytes.applyAsInt(made.dataset()),
            Placement.wideFirstSlot(id),
            1,
            made.dataset(),
            false));
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
      case Change.SpreadDirectory spread -> spread(spread, batch);
      case Change.OpenShare open -> batch.putShare(new Share(open.partition(), open.share(), null));
      case Change.CloseShare close -> batch.removeShare(close.directory(), close.partition());
      case Change.SetShareAttributes set -> {
        if (set.partition() == 0) {
          batch.putInode(edited(locked(set.directory(), batch), set.change()));
        } else {
          Share share = batch.share(set.directory(), set.partition());
          if (share == null) {
            throw new FsException(
                FsError.INTERNAL,
                "partition " + set.partition() + " of " + set.directory() + " went while held");
          }
          batch.putShare(share.with(edited(share.attributes(), set.change())));
        }
      }
    }
  }

  /** What a change of attributes makes of an inode, or of a share of a directory. */
  public static FileAttributes edited(FileAttributes before, AttributeChange change) {
    AttributeEdit edit = AttributeEdit.of(before);
    if (change.setsDataset()) {
      edit.dataset(change.dataset());
    }
    if (change.setsCtime()) {
      edit.touched(change.ctimeNanos());
    }
    if (change.setsMode()) {
      edit.mode(change.mode());
    } else if (change.takesSetIdAway()) {
      edit.mode(before.modeWithoutSetId());
    }
    if (change.setsUid()) {
      edit.uid(change.uid());
    }
    if (change.setsGid()) {
      edit.gid(change.gid());
    }
    if (change.setsAtime()) {
      edit.atime(change.atimeNanos());
    }
    if (change.setsMtime()) {
      edit.mtime(change.mtimeNanos());
    }
    return edit.done();
  }

  private static void spread(Change.SpreadDirectory spread, Batch batch) throws FsException {
    InodeId id = spread.directory();
    int exponent = spread.partitionExponent();
    batch.putInode(
        AttributeEdit.of(locked(id, batch))
            .partitionExponent(exponent)
            .sizeBytes(spread.entries())
            .links(2 + spread.subdirectories())
            .done());
    batch.removeEntries(
        id.slotValue(), id, Placement.firstHash(1, exponent), Placement.lastHash(0, 0));
  }

  /**
   * Puts into a batch what it means for a directory's part that an entry has come or gone.
   *
   * @param entries by how many more there are, of which
   * @param subdirectories by how many more are directories
   */
  public void entriesChanged(
      EntryKey entry, int entries, int subdirectories, long nowNanos, Batch batch)
      throws FsException {
    FileAttributes before = batch.directory(entry);
    if (before == null) {
      throw new FsException(
          FsError.INTERNAL, "directory " + entry.directory() + " went while an operation held it");
    }
    FileAttributes after =
        AttributeEdit.of(before)
            .sizeBytes(before.sizeBytes() + entries)
            .addLinks(subdirectories)
            .contentChanged(nowNanos)
            .done();
    batch.putDirectory(entry, after);
    if (entries > 0 && entry.partitionExponent() == 0) {
      batch.afterCommit(() -> grown.accept(after));
    }
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
