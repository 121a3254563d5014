package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.Dentry;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.ListedEntry;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.Page;
import io.adhocfs.daemon.metadata.PendingCut;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.session.Ticket;
import io.adhocfs.daemon.transaction.ChangeRules;
import io.adhocfs.daemon.transaction.Coordinator;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.daemon.transaction.Planner;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.settings.Switches;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Names and inodes. An operation of one slot reads, checks and writes one batch without a pause, so
 * nothing comes between; where an undecided operation holds what it needs, it waits and starts
 * over. Operations over several slots are handed to the coordinator.
 *
 * <p>Metadata thread only.
 */
final class NamespaceService {
  private static final Logger LOG = LoggerFactory.getLogger(NamespaceService.class);

  /** PATH_MAX - 1. */
  private static final int SYMLINK_BYTES_MAX = 4095;

  private static final int PAGE_BYTES_MAX = 256 << 10;
  private static final int ENTRY_BYTES = 11;
  private static final int ENTRY_WITH_ATTRIBUTES_BYTES = 124;
  private static final int RELEASES_SLICE = 256;
  private static final int SHARES_MAX = 1 << DirectorySpreading.EXPONENT_MAX;

  private static final Reply DONE = new Reply.Done();

  private final MetadataThread thread;
  private final MetadataStore store;
  private final ClusterState cluster;
  private final Sessions sessions;
  private final KeyLocks locks;
  private final ChangeRules rules;
  private final Coordinator coordinator;
  private final NamespacePlans plans;
  private final FileCuts cuts;
  private final FileAppends appends;
  private final InlineDeparture departure;
  private final SpreadAttributes spreadAttributes;
  private final DiskOrder diskOrder;
  private final CrashPoints crashPoints;
  private final long waitNanos;
  private final Policies policies;
  private final ExtendedAttributes extendedAttributes;

  NamespaceService(
      MetadataThread thread,
      MetadataStore store,
      ClusterState cluster,
      Sessions sessions,
      KeyLocks locks,
      ChangeRules rules,
      Coordinator coordinator,
      NamespacePlans plans,
      FileCuts cuts,
      FileAppends appends,
      InlineDeparture departure,
      SpreadAttributes spreadAttributes,
      DiskOrder diskOrder,
      CrashPoints crashPoints,
      long waitNanos,
      Policies policies) {
    this.thread = thread;
    this.store = store;
    this.cluster = cluster;
    this.sessions = sessions;
    this.locks = locks;
    this.rules = rules;
    this.coordinator = coordinator;
    this.plans = plans;
    this.cuts = cuts;
    this.appends = appends;
    this.departure = departure;
    this.spreadAttributes = spreadAttributes;
    this.diskOrder = diskOrder;
    this.crashPoints = crashPoints;
    this.waitNanos = waitNanos;
    this.policies = policies;
    this.extendedAttributes = new ExtendedAttributes(store, locks, cuts, crashPoints);
  }

  /** A part of an operation that runs without a pause. */
  @FunctionalInterface
  interface Body {
    /**
     * Does all of it, the answer included, or nothing.
     *
     * @return null, or the key to wait for before it is run again
     */
    @Nullable LockKey run() throws FsException;
  }

  void run(Consumer<FsException> failed, Body body) {
    run(failed, body, 0);
  }

  /**
   * @param deadlineNanos until when to wait for keys; 0 = the time has not begun
   */
  private void run(Consumer<FsException> failed, Body body, long deadlineNanos) {
    try {
      LockKey held = body.run();
      if (held != null) {
        long until = deadlineNanos == 0 ? thread.nanoTime() + waitNanos : deadlineNanos;
        locks.await(held, until, () -> run(failed, body, until), failed);
      }
    } catch (FsException e) {
      failed.accept(e);
    } catch (RuntimeException e) {
      LOG.error("a request failed", e);
      failed.accept(new FsException(FsError.INTERNAL, String.valueOf(e)));
    }
  }

  /** Waits for a key as any request would. */
  void await(LockKey key, Runnable then, Consumer<FsException> failed) {
    locks.await(key, thread.nanoTime() + waitNanos, then, failed);
  }

  static Consumer<FsException> failing(Exchange exchange) {
    return error -> exchange.fail(error.error(), String.valueOf(error.getMessage()));
  }

  /** What a stamped operation does with its ticket. */
  @FunctionalInterface
  interface StampedBody {
    @Nullable LockKey run(Ticket ticket) throws FsException;
  }

  void once(Exchange exchange, Session session, OperationStamp stamp, int slot, StampedBody body)
      throws FsException {
    Ticket ticket = sessions.admit(session, stamp, slot, exchange);
    if (ticket != null) {
      run(ticket::fail, () -> body.run(ticket));
    }
  }

  /** An operation that adds to what is stored: it fails where the disk has no room for that. */
  StampedBody growing(StampedBody body) {
    return ticket -> {
      store.requireRoom();
      return body.run(ticket);
    };
  }

  private Planner growing(Planner planner) {
    return new Roomy(planner, store::requireRoom);
  }

  /** An operation that removes something. */
  private Planner shrinking(Planner planner) {
    return new Roomy(planner, store::makeRoom);
  }

  /** Looks after room before each plan. */
  private record Roomy(Planner planner, Look look) implements Planner {
    interface Look {
      void run() throws FsException;
    }

    @Override
    public List<EntryKey> looksAt() {
      return planner.looksAt();
    }

    @Override
    public InodeId looksAtInode() {
      return planner.looksAtInode();
    }

    @Override
    public void plan(Sink sink) throws FsException {
      look.run();
      planner.plan(sink);
    }
  }

  private void coordinate(
      Exchange exchange, Session session, OperationStamp stamp, int slot, Planner planner)
      throws FsException {
    Ticket ticket = sessions.admit(session, stamp, slot, exchange);
    if (ticket != null) {
      coordinator.run(ticket, slot, planner);
    }
  }

  /**
   * Answers a request of a slot of this node, now or later.
   *
   * @param payload stays the caller's
   * @throws FsException what to answer
   */
  void handle(Exchange exchange, Session session, NamespaceRequest request, ByteBuf payload)
      throws FsException {
    int slot = request.slotValue();
    switch (request) {
      case NamespaceRequest.Lookup lookup ->
          run(failing(exchange), () -> lookup(exchange, lookup.entry()));
      case NamespaceRequest.GetAttributes get ->
          run(failing(exchange), () -> getAttributes(exchange, get.inode()));
      case NamespaceRequest.GetShares get -> run(failing(exchange), () -> getShares(exchange, get));
      case NamespaceRequest.SetAttributes set -> {
        requireMode((set.mask() & NamespaceRequest.SetAttributes.MASK_MODE) != 0 ? set.mode() : 0);
        once(exchange, session, set.stamp(), slot, ticket -> setAttributes(ticket, set));
      }
      case NamespaceRequest.Truncate truncate ->
          onceAfterCut(
              exchange,
              session,
              truncate.stamp(),
              truncate.inode(),
              ticket -> {
                store.makeRoom();
                return truncate(ticket, truncate);
              });
      case NamespaceRequest.Create create -> {
        requireMode(create.mode());
        once(exchange, session, create.stamp(), slot, growing(ticket -> create(ticket, create)));
      }
      case NamespaceRequest.MakeDirectory make -> {
        requireMode(make.mode());
        coordinate(exchange, session, make.stamp(), slot, growing(plans.makeDirectory(make)));
      }
      case NamespaceRequest.Unlink unlink ->
          coordinate(exchange, session, unlink.stamp(), slot, shrinking(plans.unlink(unlink)));
      case NamespaceRequest.RemoveDirectory remove ->
          coordinate(
              exchange, session, remove.stamp(), slot, shrinking(plans.removeDirectory(remove)));
      case NamespaceRequest.Link link ->
          coordinate(exchange, session, link.stamp(), slot, growing(plans.link(link)));
      case NamespaceRequest.Rename rename ->
          coordinate(exchange, session, rename.stamp(), slot, plans.rename(rename));
      case NamespaceRequest.ReadSymlink read ->
          run(failing(exchange), () -> readSymlink(exchange, read.inode()));
      case NamespaceRequest.ReadDirectory read ->
          run(failing(exchange), () -> readDirectory(exchange, read));
      case NamespaceRequest.Open open ->
          run(failing(exchange), () -> open(exchange, session, open));
      case NamespaceRequest.ReleasePins release ->
          releasePins(exchange, session, release.releases(), 0);
      case NamespaceRequest.ReadInline read ->
          run(failing(exchange), () -> readInline(exchange, read));
      case NamespaceRequest.WriteInline write -> {
        var data = new byte[payload.readableBytes()];
        payload.getBytes(payload.readerIndex(), data);
        once(
            exchange,
            session,
            write.stamp(),
            slot,
            growing(ticket -> writeInline(ticket, write, data)));
      }
      case NamespaceRequest.LeaveInline leave ->
          once(exchange, session, leave.stamp(), slot, ticket -> leaveInline(ticket, leave));
      case NamespaceRequest.ReportWrite report ->
          run(failing(exchange), () -> reportWrite(exchange, report));
      case NamespaceRequest.SyncInode sync -> sync(exchange);
    }
  }

  /** As the other form, of extended attributes. */
  void handle(Exchange exchange, Session session, ExtendedAttributeRequest request)
      throws FsException {
    int slot = request.slotValue();
    switch (request) {
      case ExtendedAttributeRequest.GetExtendedAttribute get ->
          run(failing(exchange), () -> extendedAttributes.get(exchange, get));
      case ExtendedAttributeRequest.ListExtendedAttributes list ->
          run(failing(exchange), () -> extendedAttributes.list(exchange, list));
      case ExtendedAttributeRequest.SetExtendedAttribute set ->
          once(exchange, session, set.stamp(), slot, growing(t -> extendedAttributes.set(t, set)));
      case ExtendedAttributeRequest.RemoveExtendedAttribute remove ->
          once(exchange, session, remove.stamp(), slot, t -> extendedAttributes.remove(t, remove));
    }
  }

  private static void requireMode(int mode) throws FsException {
    if ((mode & ~FileAttributes.MODE_MASK) != 0) {
      throw new FsException(FsError.INVALID, "mode " + Integer.toOctalString(mode));
    }
  }

  private FileAttributes existing(InodeId inode) throws FsException {
    FileAttributes attributes = store.inode(inode);
    if (attributes == null) {
      throw new FsException(FsError.NOT_FOUND, "inode " + inode + " is not there");
    }
    return attributes;
  }

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

  private @Nullable LockKey lookup(Exchange exchange, EntryKey entry) throws FsException {
    LockKey held = locks.promisedEntry(entry);
    if (held != null) {
      return held;
    }
    Dentry dentry = store.dentry(entry);
    if (dentry == null || entry.partitionExponent() != 0) {
      held = locks.promisedPartition(entry.directory(), entry.partition());
      if (held != null) {
        return held;
      }
      rules.directoryOf(entry);
    }
    if (dentry == null) {
      throw new FsException(
          FsError.NOT_FOUND, "'" + entry.name() + "' is not in directory " + entry.directory());
    }
    FileAttributes attributes = null;
    if (cluster.owns(dentry.inode().slotValue())) {
      held = locks.promisedInode(dentry.inode());
      if (held != null) {
        return held;
      }
      attributes = whole(existing(dentry.inode()));
    }
    exchange.reply(new Reply.Entry(dentry.inode(), dentry.type(), attributes));
    return null;
  }

  /** What may be told of an inode at once; null for a directory whose parts must be asked. */
  private @Nullable FileAttributes whole(FileAttributes attributes) {
    return attributes.partitionExponent() == 0 ? cuts.visible(attributes) : null;
  }

  private void replyWhole(Exchange exchange, FileAttributes attributes) {
    FileAttributes whole = whole(attributes);
    if (whole != null) {
      exchange.reply(new Reply.Attributes(whole));
    } else {
      spreadAttributes.read(
          attributes.id(), told -> exchange.reply(new Reply.Attributes(told)), failing(exchange));
    }
  }

  private @Nullable LockKey getAttributes(Exchange exchange, InodeId inode) throws FsException {
    LockKey held = locks.promisedInode(inode);
    if (held == null) {
      replyWhole(exchange, existing(inode));
    }
    return held;
  }

  private @Nullable LockKey getShares(Exchange exchange, NamespaceRequest.GetShares request)
      throws FsException {
    InodeId directory = request.directory();
    if (request.partitions().size() > SHARES_MAX) {
      throw new FsException(FsError.INVALID, request.partitions().size() + " partitions");
    }
    FileAttributes sum = null;
    for (int partition : request.partitions()) {
      int slot = Placement.partitionSlot(directory, partition).value();
      if (!cluster.owns(slot)) {
        throw new FsException(FsError.WRONG_OWNER, "slot " + slot + " is not here");
      }
      LockKey held = locks.promisedPartition(directory, partition);
      if (held != null) {
        return held;
      }
      FileAttributes part;
      if (partition == 0) {
        part = cuts.visible(existing(directory));
      } else {
        Share share = store.share(directory, partition);
        if (share == null || share.staging() != null) {
          throw new FsException(
              FsError.SPREAD_CHANGED, "directory " + directory + " has no partition " + partition);
        }
        part = share.attributes();
      }
      sum = sum == null ? part : Share.together(sum, part);
    }
    if (sum == null) {
      throw new FsException(FsError.INVALID, "no partitions");
    }
    exchange.reply(new Reply.Attributes(sum));
    return null;
  }

  private @Nullable LockKey setAttributes(Ticket ticket, NamespaceRequest.SetAttributes request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes before = existing(request.inode());
    if (before.isDirectory()) {
      // One that is being spread: its partitions are about to get what it has now.
      held = locks.exclusiveInode(request.inode());
      if (held != null) {
        return held;
      }
      if (before.partitionExponent() != 0
          && request.mask() != NamespaceRequest.SetAttributes.MASK_ATIME) {
        coordinator.run(ticket, request.slotValue(), plans.setAttributes(request));
        return null;
      }
    }
    change(
        ticket,
        ChangeRules.edited(
            before,
            request.mask(),
            request.mode(),
            request.uid(),
            request.gid(),
            request.atimeNanos(),
            request.mtimeNanos(),
            request.ctimeNanos(),
            request.policyId()));
    return null;
  }

  /** Writes new attributes of an inode as the whole effect of an operation, and answers them. */
  void change(Ticket ticket, FileAttributes after) throws FsException {
    Reply reply = changed(after);
    try (Batch batch = store.batch()) {
      batch.putInode(after);
      ticket.store(batch, reply);
      batch.commit();
    }
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    ticket.reply(reply);
  }

  /** The answer to a change: what the inode is then, or that its asker is to ask for it. */
  private Reply changed(FileAttributes after) {
    FileAttributes whole = whole(after);
    return whole == null ? DONE : new Reply.Attributes(whole);
  }

  private @Nullable LockKey create(Ticket ticket, NamespaceRequest.Create request)
      throws FsException {
    EntryKey entry = request.entry();
    LockKey held = locks.heldEntry(entry);
    if (held == null) {
      held = locks.exclusiveDirectory(entry);
    }
    if (held != null) {
      return held;
    }
    FileAttributes directory = rules.directoryOf(entry);
    Dentry dentry = store.dentry(entry);
    if (dentry != null) {
      return createExisting(ticket, request, dentry);
    }
    FileType type = request.fileType();
    byte[] target = request.symlinkTarget();
    if (type == FileType.DIRECTORY || (type == FileType.SYMLINK) == (target.length == 0)) {
      throw new FsException(
          FsError.INVALID, "a " + type + " with a target of " + target.length + " bytes");
    }
    if (target.length > SYMLINK_BYTES_MAX) {
      throw new FsException(
          FsError.NAME_TOO_LONG, "a symlink's target of " + target.length + " bytes");
    }
    InodeId id = store.drawInode(entry.slot().value());
    long now = request.nowNanos();
    Switches switches = policies.of(directory);
    SlotId here = Policies.offered(switches.localData(), request.dataSlot());
    boolean inherits = (directory.mode() & NamespacePlans.MODE_SET_GROUP_ID) != 0;
    var attributes =
        new FileAttributes(
            id,
            type,
            request.mode(),
            request.uid(),
            inherits ? directory.gid() : request.gid(),
            1,
            target.length,
            now,
            now,
            now,
            request.deviceNumber(),
            InodeId.NONE,
            0,
            0,
            0,
            false,
            new FileLayout(
                switches.chunkSizeBytes(),
                here == null ? Placement.wideFirstSlot(id) : here.value(),
                here == null ? 1 : 0,
                directory.layout().policyId(),
                type == FileType.REGULAR && switches.inlineBytesMax() > 0));
    Reply reply = new Reply.Created(id, false, attributes);
    try (Batch batch = store.batch()) {
      batch.addInode(attributes);
      batch.putEntry(entry, id, type);
      if (type == FileType.SYMLINK) {
        batch.putSymlink(id, target);
      }
      rules.entriesChanged(entry, 1, 0, now, batch);
      if (request.pin() != 0) {
        sessions.pin(ticket.session(), id, request.pin(), batch);
      }
      ticket.store(batch, reply);
      batch.commit();
    }
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    ticket.reply(reply);
    return null;
  }

  private @Nullable LockKey createExisting(
      Ticket ticket, NamespaceRequest.Create request, Dentry dentry) throws FsException {
    if (request.exclusive()) {
      throw new FsException(
          FsError.EXISTS,
          "'" + request.entry().name() + "' is in directory " + request.entry().directory());
    }
    FileAttributes attributes = null;
    if (cluster.owns(dentry.inode().slotValue())) {
      LockKey held = heldFromOpening(dentry.inode());
      if (held != null) {
        return held;
      }
      FileAttributes found = existing(dentry.inode());
      attributes = whole(found);
      pin(ticket.session(), found, request.pin());
    }
    ticket.reply(new Reply.Created(dentry.inode(), true, attributes));
    return null;
  }

  /**
   * What an open waits for, or null: also for a cut, which reaches only those nodes at which
   * somebody who had the file open when it began may write.
   */
  private @Nullable LockKey heldFromOpening(InodeId inode) {
    LockKey held = locks.promisedInode(inode);
    return held != null || locks.isEmpty() ? held : locks.heldCut(inode);
  }

  private void pin(Session session, FileAttributes attributes, long number) throws FsException {
    // A directory has no data that would have to outlive its name.
    if (attributes.isDirectory() || !sessions.needsPin(session, attributes.id(), number)) {
      return;
    }
    try (Batch batch = store.batch()) {
      sessions.pin(session, attributes.id(), number, batch);
      batch.commit();
    }
  }

  private @Nullable LockKey open(Exchange exchange, Session session, NamespaceRequest.Open request)
      throws FsException {
    LockKey held = heldFromOpening(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes attributes = existing(request.inode());
    pin(session, attributes, request.pin());
    replyWhole(exchange, attributes);
    return null;
  }

  private void releasePins(
      Exchange exchange, Session session, List<PinRelease> releases, int from) {
    int to = Math.min(releases.size(), from + RELEASES_SLICE);
    try (Batch batch = store.batch()) {
      for (PinRelease release : releases.subList(from, to)) {
        sessions.release(session, release.inode(), release.pin(), batch);
      }
      batch.commit();
    } catch (FsException e) {
      exchange.fail(e.error(), String.valueOf(e.getMessage()));
      return;
    }
    if (to < releases.size()) {
      thread.execute(() -> releasePins(exchange, session, releases, to));
    } else {
      exchange.reply(DONE);
    }
  }

  private @Nullable LockKey readSymlink(Exchange exchange, InodeId inode) throws FsException {
    byte[] target = store.symlink(inode);
    if (target == null) {
      FileAttributes attributes = existing(inode);
      throw new FsException(FsError.INVALID, "inode " + inode + " is a " + attributes.type());
    }
    exchange.reply(new Reply.Bytes(target));
    return null;
  }

  private @Nullable LockKey readDirectory(Exchange exchange, NamespaceRequest.ReadDirectory request)
      throws FsException {
    InodeId id = request.directory();
    int exponent = request.partitionExponent();
    int partition = request.partition();
    if (exponent < 0
        || exponent > FileAttributes.PARTITION_EXPONENT_MAX
        || partition < 0
        || partition >= 1 << exponent) {
      throw new FsException(FsError.INVALID, "partition " + partition + " of 2^" + exponent);
    }
    LockKey held = locks.promisedPartition(id, partition);
    if (held != null) {
      return held;
    }
    rules.partOf(id, exponent, partition);
    if (request.afterHash() < 0) {
      throw new FsException(FsError.INVALID, "cookie " + request.afterHash());
    }
    int entryBytes = request.withAttributes() ? ENTRY_WITH_ATTRIBUTES_BYTES : ENTRY_BYTES;
    Page<ListedEntry> page =
        store.list(
            request.slotValue(),
            id,
            Math.max(request.afterHash(), Placement.firstHash(partition, exponent) - 1),
            Placement.lastHash(partition, exponent),
            Math.clamp(request.maxBytes(), 1, PAGE_BYTES_MAX),
            entryBytes);
    List<DirectoryEntry> entries = new ArrayList<>(page.items().size());
    for (ListedEntry entry : page.items()) {
      FileAttributes attributes = null;
      InodeId inode = entry.inode();
      // Where an undecided operation holds the inode, the reader asks for it alone, and waits.
      if (request.withAttributes()
          && cluster.owns(inode.slotValue())
          && locks.promisedInode(inode) == null) {
        FileAttributes found = store.inode(inode);
        attributes = found == null ? null : whole(found);
      }
      entries.add(new DirectoryEntry(entry.name(), inode, entry.type(), attributes));
    }
    exchange.reply(new Reply.DirectoryPage(entries, page.cursor().length == 0));
    return null;
  }

  private @Nullable LockKey readInline(Exchange exchange, NamespaceRequest.ReadInline request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes attributes = existingFile(request.inode());
    if (request.offset() < 0 || request.lengthBytes() < 0) {
      throw new FsException(
          FsError.INVALID, "read of " + request.lengthBytes() + " at " + request.offset());
    }
    if (!attributes.layout().inline()) {
      exchange.reply(new Reply.Inline(cuts.visible(attributes)));
      return null;
    }
    byte[] data = store.inlineData(request.inode());
    int from = (int) Math.min(request.offset(), data.length);
    int length = Math.min(request.lengthBytes(), data.length - from);
    if (length == 0) {
      exchange.reply(new Reply.Inline(attributes));
      return null;
    }
    ByteBuf bytes = PooledByteBufAllocator.DEFAULT.directBuffer(length, length);
    bytes.writeBytes(data, from, length);
    exchange.reply(new Reply.Inline(attributes), bytes);
    return null;
  }

  private @Nullable LockKey writeInline(
      Ticket ticket, NamespaceRequest.WriteInline request, byte[] bytes) throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes before = existingFile(request.inode());
    if (request.offset() < 0) {
      throw new FsException(FsError.INVALID, "write at " + request.offset());
    }
    if (!before.layout().inline()
        || request.offset() > policies.of(before).inlineBytesMax() - bytes.length) {
      throw new FsException(
          FsError.NOT_INLINE,
          "inode " + request.inode() + ": " + bytes.length + " bytes at " + request.offset());
    }
    if (bytes.length == 0) {
      ticket.reply(new Reply.Attributes(cuts.visible(before)));
      return null;
    }
    int from = (int) request.offset();
    byte[] data = store.inlineData(request.inode());
    if (from + bytes.length > data.length) {
      data = Arrays.copyOf(data, from + bytes.length);
    }
    System.arraycopy(bytes, 0, data, from, bytes.length);
    FileAttributes after =
        AttributeEdit.of(before).sizeBytes(data.length).contentChanged(request.nowNanos()).done();
    Reply reply = new Reply.Attributes(cuts.visible(after));
    try (Batch batch = store.batch()) {
      batch.putInlineData(request.inode(), data);
      batch.putInode(after);
      ticket.store(batch, reply);
      batch.commit();
    }
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    ticket.reply(reply);
    return null;
  }

  private @Nullable LockKey leaveInline(Ticket ticket, NamespaceRequest.LeaveInline request)
      throws FsException {
    LockKey held = heldFile(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes file = existingFile(request.inode());
    if (!file.layout().inline()) {
      ticket.reply(new Reply.Attributes(file));
      return null;
    }
    departure.leave(
        file,
        (batch, after) -> ticket.store(batch, new Reply.Attributes(after)),
        after -> ticket.reply(new Reply.Attributes(after)),
        ticket::fail);
    return null;
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

  private @Nullable LockKey reportWrite(Exchange exchange, NamespaceRequest.ReportWrite request)
      throws FsException {
    InodeId inode = request.inode();
    LockKey held = locks.promisedInode(inode);
    if (held != null) {
      return held;
    }
    FileAttributes before = existingFile(inode);
    if (request.dataGeneration() > before.dataGeneration()
        || request.solidFromBytes() < 0
        || request.sizeBytes() < 0
        || (before.layout().inline() && request.sizeBytes() > 0)) {
      throw new FsException(
          FsError.INVALID,
          "inode "
              + inode
              + ": a write of generation "
              + request.dataGeneration()
              + " up to "
              + request.sizeBytes());
    }
    // Since ranges were cleared, the file may have grown, and what was told late still counts.
    boolean stale = !DataGeneration.isSameCut(request.dataGeneration(), before.dataGeneration());
    // Where the cut is under way, the writer can't learn the new generation before it is done.
    held = stale || request.sizeBytes() > before.sizeBytes() ? locks.heldCut(inode) : null;
    if (held != null) {
      return held;
    }
    if (stale) {
      throw new FsException(
          FsError.STALE_GENERATION,
          "inode "
              + inode
              + " has generation "
              + before.dataGeneration()
              + ", not "
              + request.dataGeneration());
    }
    AttributeEdit edit = AttributeEdit.of(before).contentChanged(request.mtimeNanos());
    if (request.sizeBytes() > before.sizeBytes()) {
      edit.sizeBytes(request.sizeBytes());
      if (request.solidFromBytes() > before.sizeBytes()) {
        edit.mayHaveHoles();
      }
    }
    FileAttributes after = edit.done();
    try (Batch batch = store.batch()) {
      batch.putInode(after);
      batch.commit();
    }
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    exchange.reply(new Reply.Attributes(cuts.visible(after)));
    return null;
  }

  /** Runs an operation that may cut a file once; a stored answer waits for the cut. */
  void onceAfterCut(
      Exchange exchange, Session session, OperationStamp stamp, InodeId inode, StampedBody body)
      throws FsException {
    LockKey held = locks.heldCut(inode);
    if (held != null && sessions.hasStored(session, stamp)) {
      // Decided before a restart and not done everywhere: the stored answer must wait for that.
      run(
          failing(exchange),
          () -> {
            LockKey still = locks.heldCut(inode);
            if (still == null) {
              once(exchange, session, stamp, inode.slotValue(), body);
            }
            return still;
          });
    } else {
      once(exchange, session, stamp, inode.slotValue(), body);
    }
  }

  private @Nullable LockKey truncate(Ticket ticket, NamespaceRequest.Truncate request)
      throws FsException {
    InodeId inode = request.inode();
    LockKey held = heldFile(inode);
    if (held != null) {
      return held;
    }
    FileAttributes before = existingFile(inode);
    long size = request.sizeBytes();
    if (size < 0) {
      throw new FsException(FsError.INVALID, "a size of " + size);
    }
    if (before.layout().inline()) {
      if (size > policies.of(before).inlineBytesMax()) {
        departure.leave(
            before,
            (batch, after) -> {},
            after -> run(ticket::fail, () -> truncate(ticket, request)),
            ticket::fail);
      } else {
        truncateInline(ticket, request, before);
      }
    } else if (size < appends.freeFrom(before)
        || (size == before.sizeBytes() && othersHaveOpen(ticket, inode))) {
      cut(ticket, request, before);
    } else {
      AttributeEdit edit = AttributeEdit.of(before).contentChanged(request.nowNanos());
      if (size > before.sizeBytes()) {
        edit.sizeBytes(size).mayHaveHoles();
      }
      change(ticket, edit.done());
    }
    return null;
  }

  private void truncateInline(
      Ticket ticket, NamespaceRequest.Truncate request, FileAttributes before) throws FsException {
    AttributeEdit edit =
        AttributeEdit.of(before).sizeBytes(request.sizeBytes()).contentChanged(request.nowNanos());
    if (request.sizeBytes() < before.sizeBytes()) {
      // No chunk is concerned, but clients rely on it: within one generation a size only grows.
      edit.dataGeneration(DataGeneration.afterCut(before.dataGeneration()));
    }
    FileAttributes after = edit.done();
    Reply reply = new Reply.Attributes(after);
    try (Batch batch = store.batch()) {
      if (request.sizeBytes() == 0) {
        batch.removeInlineData(before.id());
      } else {
        batch.putInlineData(
            before.id(), Arrays.copyOf(store.inlineData(before.id()), (int) request.sizeBytes()));
      }
      batch.putInode(after);
      ticket.store(batch, reply);
      batch.commit();
    }
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    ticket.reply(reply);
  }

  private void cut(Ticket ticket, NamespaceRequest.Truncate request, FileAttributes before)
      throws FsException {
    FileAttributes after =
        AttributeEdit.of(before)
            .sizeBytes(request.sizeBytes())
            .dataGeneration(DataGeneration.afterCut(before.dataGeneration()))
            .contentChanged(request.nowNanos())
            .done();
    int chunk = before.layout().chunkSizeBytes();
    var cut =
        new PendingCut(
            before.id(),
            after.dataGeneration(),
            PendingCut.Kind.CUT,
            before.layout(),
            request.sizeBytes(),
            othersHaveOpen(ticket, before.id())
                ? FileLayout.FILE_BYTES_MAX
                : Striping.endOfChunk(appends.freeFrom(before), chunk));
    // Told when the cut is done, so with the generation that holds then.
    Reply reply = new Reply.Attributes(after);
    try (Batch batch = store.batch()) {
      batch.putInode(after);
      batch.putCut(cut);
      if (store.appendEnd(before.id()) != null) {
        batch.removeAppendEnd(before.id());
      }
      ticket.store(batch, reply);
      batch.commit();
    }
    cuts.begin(cut, () -> ticket.reply(reply));
    // Once the cut hides the new generation: who knew it could write behind the cut.
    appends.cut(after);
  }

  private void sync(Exchange exchange) {
    diskOrder.sync(error -> {
      if (error == null) {
        exchange.reply(DONE);
      } else {
        exchange.fail(error.error(), String.valueOf(error.getMessage()));
      }
    });
  }
}
