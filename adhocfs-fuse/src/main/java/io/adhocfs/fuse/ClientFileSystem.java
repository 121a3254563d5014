package io.adhocfs.fuse;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.Job;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.netty.buffer.ByteBuf;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An instance as the kernel sees it: turns each request into calls of the client, and their answer
 * into the reply, on the thread that brings the answer. No thread waits. An interrupted request
 * ends at once.
 *
 * <p>Caching is strict unless the switch {@code cache} says otherwise for a file: the kernel trusts
 * neither names nor attributes. Reads through ordinary handles use the last attributes that the
 * client has got, which the kernel has just asked for; handles that bypass the page cache ask the
 * owner.
 *
 * <p>This class hands each request to the class for its subject. {@link Answers} runs the calls of
 * all of them, and {@link FileHandles} has the files that the kernel has open.
 */
public final class ClientFileSystem implements InodeFileSystem {
  private static final Logger log = LoggerFactory.getLogger(ClientFileSystem.class);

  /** The unit in which statfs counts. */
  private static final int BLOCK_SIZE_BYTES = 4096;

  private final InodeOperations inodes;
  private final boolean keepsLocks;
  private final Answers answers;
  private final CachedVersions cachedVersions = new CachedVersions();
  private final DirectoriesSeen directoriesSeen = new DirectoriesSeen();
  private final DirectoryEntries entries;
  private final InodeAttributes inodeAttributes;
  private final OpenFiles openFiles;
  private final FileContents contents;
  private final FileLocks locks;
  private final ExtendedAttributes extendedAttributes;

  /** A file system over a client. The caller closes the client after the unmount. */
  public ClientFileSystem(AdhocFileSystem client) {
    this(client, new Callers(client, Job.NONE), true, SwitchAttributes.NONE);
  }

  /**
   * As {@link #ClientFileSystem(AdhocFileSystem)}, with jobs, locks and switches.
   *
   * @param callers finds the originators of requests
   * @param keepsLocks whether locks hold among all mounts; else the kernel keeps the locks of this
   *     mount
   * @param switches the switches that extended attributes name
   */
  public ClientFileSystem(
      AdhocFileSystem client, Callers callers, boolean keepsLocks, SwitchAttributes switches) {
    this.inodes = client.inodes();
    this.keepsLocks = keepsLocks;
    var failures = new FailureLog(System::nanoTime);
    this.answers = new Answers(callers, failures);
    var handles = new FileHandles();
    var setIdBits = new SetIdBits(inodes);
    this.entries = new DirectoryEntries(inodes, answers, directoriesSeen);
    this.inodeAttributes =
        new InodeAttributes(inodes, answers, handles, directoriesSeen, setIdBits);
    this.openFiles = new OpenFiles(inodes, answers, handles, cachedVersions, setIdBits);
    this.contents = new FileContents(answers, handles, cachedVersions, setIdBits);
    this.locks = new FileLocks(answers, handles);
    this.extendedAttributes = new ExtendedAttributes(inodes, answers, switches, failures);
  }

  @Override
  public long pagesStamp(FileAttributes attributes) {
    return cachedVersions.stamp(attributes, inodes.ownVersions(attributes.id()));
  }

  @Override
  public void mounted(PageCache pageCache) {
    inodes.keptBy(inode ->
        inodes
            .getAttributes(inode)
            .thenCompose(pageCache::dropOlder)
            .exceptionally(failure -> {
              // A removed file has no pages that matter, and an owner that cannot be asked now is
              // asked at each use.
              log.debug("pages of inode {} stay", inode, failure);
              return null;
            }));
  }

  @Override
  public CompletableFuture<ByteBuf> lastByte(FileAttributes attributes) {
    return inodes.readOpen(attributes, attributes.sizeBytes() - 1, 1);
  }

  @Override
  public void lookup(Request request, long directory, EntryName name, AttributesReply reply) {
    entries.lookup(request, new InodeId(directory), name, reply);
  }

  @Override
  public void getAttributes(Request request, long inode, long handle, AttributesReply reply) {
    inodeAttributes.get(request, new InodeId(inode), handle, reply);
  }

  @Override
  public void setAttributes(
      Request request,
      long inode,
      long handle,
      AttributeChange change,
      OptionalLong sizeBytes,
      AttributesReply reply) {
    inodeAttributes.set(request, new InodeId(inode), handle, change, sizeBytes, reply);
  }

  @Override
  public void readLink(Request request, long inode, LinkReply reply) {
    answers.answer(request, reply, () -> inodes.readSymlink(new InodeId(inode)), reply::target);
  }

  @Override
  public void make(
      Request request, long directory, EntryName name, NewInode newInode, AttributesReply reply) {
    entries.make(request, new InodeId(directory), name, newInode, reply);
  }

  @Override
  public void unlink(Request request, long directory, EntryName name, DoneReply reply) {
    entries.unlink(request, new InodeId(directory), name, reply);
  }

  @Override
  public void removeDirectory(Request request, long directory, EntryName name, DoneReply reply) {
    entries.removeDirectory(request, new InodeId(directory), name, reply);
  }

  @Override
  public void rename(
      Request request,
      long directory,
      EntryName name,
      long newDirectory,
      EntryName newName,
      int flags,
      DoneReply reply) {
    entries.rename(
        request, new InodeId(directory), name, new InodeId(newDirectory), newName, flags, reply);
  }

  @Override
  public void link(
      Request request, long inode, long newDirectory, EntryName newName, AttributesReply reply) {
    entries.link(request, new InodeId(inode), new InodeId(newDirectory), newName, reply);
  }

  @Override
  public void open(Request request, long inode, int flags, OpenReply reply) {
    openFiles.open(request, new InodeId(inode), flags, reply);
  }

  @Override
  public void create(
      Request request,
      long directory,
      EntryName name,
      NewInode newInode,
      int flags,
      CreateReply reply) {
    openFiles.create(request, new InodeId(directory), name, newInode, flags, reply);
  }

  @Override
  public void read(
      Request request, long inode, long handle, long offset, int lengthBytes, DataReply reply) {
    contents.read(request, handle, offset, lengthBytes, reply);
  }

  @Override
  public void write(
      Request request, long inode, long handle, long offset, ByteBuf data, WriteReply reply) {
    contents.write(request, handle, offset, data, reply);
  }

  @Override
  public void writeAt(
      Request request, long inode, long handle, long offset, ByteBuf data, WriteReply reply) {
    contents.writeAt(request, handle, offset, data, reply);
  }

  @Override
  public void allocate(
      Request request,
      long inode,
      long handle,
      int mode,
      long offset,
      long lengthBytes,
      DoneReply reply) {
    contents.allocate(request, handle, mode, offset, lengthBytes, reply);
  }

  @Override
  public void seek(
      Request request, long inode, long handle, long offset, boolean hole, SeekReply reply) {
    contents.seek(request, handle, offset, hole, reply);
  }

  @Override
  public void copyRange(
      Request request,
      long inode,
      long handle,
      long offset,
      long targetInode,
      long targetHandle,
      long targetOffset,
      long lengthBytes,
      WriteReply reply) {
    contents.copyRange(request, handle, offset, targetHandle, targetOffset, lengthBytes, reply);
  }

  @Override
  public void flush(Request request, long inode, long handle, DoneReply reply) {
    openFiles.flush(request, handle, reply);
  }

  @Override
  public void flush(Request request, long inode, long handle, long lockOwner, DoneReply reply) {
    openFiles.flush(request, handle, lockOwner, reply);
  }

  @Override
  public boolean keepsLocks() {
    return keepsLocks;
  }

  @Override
  public void testLock(
      Request request, long inode, long handle, long owner, FileLock lock, LockReply reply) {
    locks.test(request, handle, owner, lock, reply);
  }

  @Override
  public void setLock(
      Request request,
      long inode,
      long handle,
      long owner,
      FileLock lock,
      boolean waits,
      DoneReply reply) {
    locks.set(request, handle, owner, lock, waits, reply);
  }

  @Override
  public void fsync(Request request, long inode, long handle, boolean dataOnly, DoneReply reply) {
    openFiles.fsync(request, handle, reply);
  }

  @Override
  public void release(Request request, long inode, long handle, DoneReply reply) {
    openFiles.release(inode, handle, reply);
  }

  @Override
  public void readDirectory(
      Request request, long inode, long cookie, boolean withAttributes, DirectoryReply reply) {
    new DirectoryListing(
            inodes, answers, directoriesSeen, request, new InodeId(inode), withAttributes, reply)
        .start(cookie);
  }

  @Override
  public void fsyncDirectory(Request request, long inode, boolean dataOnly, DoneReply reply) {
    answers.answer(request, reply, () -> inodes.sync(new InodeId(inode)), _ -> reply.done());
  }

  @Override
  public void statistics(Request request, StatisticsReply reply) {
    answers.answer(
        request,
        reply,
        inodes::statistics,
        now ->
            reply.statistics(
                new Statistics(
                    now.totalBytes(),
                    now.availableBytes(),
                    now.inodesTotal(),
                    now.inodesFree(),
                    BLOCK_SIZE_BYTES)));
  }

  @Override
  public boolean obeysClearsSetId() {
    return true;
  }

  @Override
  public boolean keepsExtendedAttributes() {
    return true;
  }

  @Override
  public void setExtendedAttribute(
      Request request, long inode, byte[] name, byte[] value, int flags, DoneReply reply) {
    extendedAttributes.set(request, new InodeId(inode), name, value, flags, reply);
  }

  @Override
  public void getExtendedAttribute(Request request, long inode, byte[] name, BytesReply reply) {
    extendedAttributes.get(request, new InodeId(inode), name, reply);
  }

  @Override
  public void listExtendedAttributes(Request request, long inode, BytesReply reply) {
    extendedAttributes.list(request, new InodeId(inode), reply);
  }

  @Override
  public void removeExtendedAttribute(Request request, long inode, byte[] name, DoneReply reply) {
    extendedAttributes.remove(request, new InodeId(inode), name, reply);
  }

  @Override
  public long timeoutNanos(@Nullable FileAttributes attributes) {
    return inodes.cacheNanos(attributes);
  }
}
