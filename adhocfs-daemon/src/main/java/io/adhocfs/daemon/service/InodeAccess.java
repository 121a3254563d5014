package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.file.FileCuts;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.session.Ticket;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.Reply;
import org.jspecify.annotations.Nullable;

/** What operations look at, wait for and change of an inode. Metadata thread only. */
final class InodeAccess {
  private static final Reply DONE = new Reply.Done();

  private final MetadataStore store;
  private final Sessions sessions;
  private final KeyLocks locks;
  private final FileCuts cuts;
  private final ClusterState cluster;
  private final OperationRunner runner;

  InodeAccess(
      MetadataStore store,
      Sessions sessions,
      KeyLocks locks,
      FileCuts cuts,
      ClusterState cluster,
      OperationRunner runner) {
    this.store = store;
    this.sessions = sessions;
    this.locks = locks;
    this.cuts = cuts;
    this.cluster = cluster;
    this.runner = runner;
  }

  /**
   * An inode that is there.
   *
   * @throws FsException NOT_FOUND
   */
  FileAttributes existing(InodeId inode) throws FsException {
    FileAttributes attributes = store.inode(inode);
    if (attributes == null) {
      throw new FsException(FsError.NOT_FOUND, "inode " + inode + " is not there");
    }
    return attributes;
  }

  /**
   * A regular file that is there.
   *
   * @throws FsException NOT_FOUND, IS_DIRECTORY or INVALID
   */
  FileAttributes existingFile(InodeId inode) throws FsException {
    FileAttributes attributes = existing(inode);
    if (attributes.isDirectory()) {
      throw new FsException(FsError.IS_DIRECTORY, "inode " + inode + " is a directory");
    }
    if (!attributes.isRegular()) {
      throw new FsException(FsError.INVALID, "inode " + inode + " is a " + attributes.type());
    }
    return attributes;
  }

  /** Whether this node owns an inode. */
  boolean isHere(InodeId inode) {
    return cluster.owns(inode.slotValue());
  }

  /** Whether this node owns a slot. */
  boolean isHere(int slot) {
    return cluster.owns(slot);
  }

  /** An inode, or a part of a directory, as others may know it. */
  FileAttributes visible(FileAttributes attributes) {
    return cuts.visible(attributes);
  }

  /** What may be told of an inode at once; null for a directory whose parts must be asked. */
  @Nullable FileAttributes whole(FileAttributes attributes) {
    return attributes.partitionExponent() == 0 ? cuts.visible(attributes) : null;
  }

  /** Writes new attributes of an inode as the whole effect of an operation, and answers them. */
  void change(Ticket ticket, FileAttributes after) throws FsException {
    change(ticket, store.batch(), after);
  }

  /** As the other, with what is in a batch already. */
  void change(Ticket ticket, Batch batch, FileAttributes after) throws FsException {
    batch.putInode(after);
    runner.finish(ticket, batch, changed(after));
  }

  /** The answer to a change: what the inode is then, or that its asker is to ask for it. */
  private Reply changed(FileAttributes after) {
    FileAttributes whole = whole(after);
    return whole == null ? DONE : new Reply.Attributes(whole);
  }

  /**
   * Whether sessions other than that of an operation have a file open. These may have written
   * further than this node knows, and go on writing by a data generation that a cut ends.
   */
  boolean othersHaveOpen(Ticket ticket, InodeId inode) {
    return sessions.isPinnedByOthers(ticket.session(), inode);
  }

  /** What holds a file or its end, or null. */
  @Nullable LockKey heldFile(InodeId inode) {
    LockKey held = locks.heldInode(inode);
    return held != null ? held : locks.heldCut(inode);
  }
}
