package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.AgreedSwitches;
import io.adhocfs.daemon.directory.DirectorySpreading;
import io.adhocfs.daemon.directory.NamespacePlans;
import io.adhocfs.daemon.directory.SpreadAttributes;
import io.adhocfs.daemon.file.Pins;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.Dentry;
import io.adhocfs.daemon.metadata.ListedEntry;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.Page;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.Ticket;
import io.adhocfs.daemon.transaction.ChangeRules;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.settings.Switches;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Names and inodes. An operation of one slot reads, checks and writes one batch without a pause, so
 * nothing comes between; where an undecided operation holds what it needs, it waits and starts
 * over. Operations over several slots are handed to the coordinator.
 *
 * <p>Metadata thread only.
 */
final class NamespaceService {

  /** PATH_MAX - 1. */
  private static final int SYMLINK_BYTES_MAX = 4095;

  private static final int PAGE_BYTES_MAX = 256 << 10;
  private static final int ENTRY_BYTES = 11;
  private static final int ENTRY_WITH_ATTRIBUTES_BYTES = 124;
  private static final int SHARES_MAX = 1 << DirectorySpreading.EXPONENT_MAX;

  private final MetadataStore store;
  private final KeyLocks locks;
  private final ChangeRules rules;
  private final NamespacePlans plans;
  private final SpreadAttributes spreadAttributes;
  private final OperationRunner runner;
  private final InodeAccess inodes;
  private final Pins pins;
  private final FileService files;
  private final AgreedSwitches switches;

  NamespaceService(
      MetadataStore store,
      KeyLocks locks,
      ChangeRules rules,
      NamespacePlans plans,
      SpreadAttributes spreadAttributes,
      OperationRunner runner,
      InodeAccess inodes,
      Pins pins,
      FileService files,
      AgreedSwitches switches) {
    this.store = store;
    this.locks = locks;
    this.rules = rules;
    this.plans = plans;
    this.spreadAttributes = spreadAttributes;
    this.runner = runner;
    this.inodes = inodes;
    this.pins = pins;
    this.files = files;
    this.switches = switches;
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
          runner.run(OperationRunner.failing(exchange), () -> lookup(exchange, lookup.entry()));
      case NamespaceRequest.GetAttributes get ->
          runner.run(OperationRunner.failing(exchange), () -> getAttributes(exchange, get.inode()));
      case NamespaceRequest.GetShares get ->
          runner.run(OperationRunner.failing(exchange), () -> getShares(exchange, get));
      case NamespaceRequest.SetAttributes set -> {
        set.change().check();
        runner.once(exchange, session, set.stamp(), slot, ticket -> setAttributes(ticket, set));
      }
      case NamespaceRequest.Truncate truncate -> truncate(exchange, session, truncate);
      case NamespaceRequest.Create create -> create(exchange, session, create);
      case NamespaceRequest.MakeDirectory make -> {
        make.newInode().check();
        runner.coordinate(
            exchange, session, make.stamp(), slot, runner.growing(plans.makeDirectory(make)));
      }
      case NamespaceRequest.Unlink unlink ->
          runner.coordinate(
              exchange, session, unlink.stamp(), slot, runner.shrinking(plans.unlink(unlink)));
      case NamespaceRequest.RemoveDirectory remove ->
          runner.coordinate(
              exchange,
              session,
              remove.stamp(),
              slot,
              runner.shrinking(plans.removeDirectory(remove)));
      case NamespaceRequest.Link link ->
          runner.coordinate(
              exchange, session, link.stamp(), slot, runner.growing(plans.link(link)));
      case NamespaceRequest.Rename rename ->
          runner.coordinate(exchange, session, rename.stamp(), slot, plans.rename(rename));
      case NamespaceRequest.ReadSymlink read ->
          runner.run(OperationRunner.failing(exchange), () -> readSymlink(exchange, read.inode()));
      case NamespaceRequest.ReadDirectory read ->
          runner.run(OperationRunner.failing(exchange), () -> readDirectory(exchange, read));
      case NamespaceRequest.Open open ->
          runner.run(OperationRunner.failing(exchange), () -> open(exchange, session, open));
      case NamespaceRequest.ReleasePins release ->
          pins.release(exchange, session, release.releases(), 0);
      case NamespaceRequest.ReadInline read ->
          runner.run(OperationRunner.failing(exchange), () -> files.readInline(exchange, read));
      case NamespaceRequest.WriteInline write -> writeInline(exchange, session, write, payload);
      case NamespaceRequest.LeaveInline leave ->
          runner.once(
              exchange, session, leave.stamp(), slot, ticket -> files.leaveInline(ticket, leave));
      case NamespaceRequest.ReportWrite report ->
          runner.run(OperationRunner.failing(exchange), () -> files.reportWrite(exchange, report));
      case NamespaceRequest.SyncInode _ -> files.sync(exchange);
    }
  }

  private void truncate(Exchange exchange, Session session, NamespaceRequest.Truncate request)
      throws FsException {
    runner.onceAfterCut(
        exchange,
        session,
        request.stamp(),
        request.inode(),
        ticket -> {
          store.makeRoom();
          return files.truncate(ticket, request);
        });
  }

  private void create(Exchange exchange, Session session, NamespaceRequest.Create request)
      throws FsException {
    NewInode made = request.newInode();
    made.check();
    if (made.type() == FileType.DIRECTORY) {
      throw new FsException(FsError.INVALID, "a directory is made by a request of its own");
    }
    runner.once(
        exchange,
        session,
        request.stamp(),
        request.slotValue(),
        runner.growing(ticket -> create(ticket, request)));
  }

  private void writeInline(
      Exchange exchange, Session session, NamespaceRequest.WriteInline request, ByteBuf payload)
      throws FsException {
    var data = new byte[payload.readableBytes()];
    payload.getBytes(payload.readerIndex(), data);
    runner.once(
        exchange,
        session,
        request.stamp(),
        request.slotValue(),
        runner.growing(ticket -> files.writeInline(ticket, request, data)));
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
    if (inodes.isHere(dentry.inode())) {
      held = locks.promisedInode(dentry.inode());
      if (held != null) {
        return held;
      }
      attributes = inodes.whole(inodes.existing(dentry.inode()));
    }
    exchange.reply(new Reply.Entry(dentry.inode(), dentry.type(), attributes));
    return null;
  }

  private void replyWhole(Exchange exchange, FileAttributes attributes) {
    FileAttributes whole = inodes.whole(attributes);
    if (whole != null) {
      exchange.reply(new Reply.Attributes(whole));
    } else {
      spreadAttributes.read(
          attributes.id(),
          told -> exchange.reply(new Reply.Attributes(told)),
          OperationRunner.failing(exchange));
    }
  }

  private @Nullable LockKey getAttributes(Exchange exchange, InodeId inode) throws FsException {
    LockKey held = locks.promisedInode(inode);
    if (held == null) {
      replyWhole(exchange, inodes.existing(inode));
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
      if (!inodes.isHere(slot)) {
        throw new FsException(FsError.WRONG_OWNER, "slot " + slot + " is not here");
      }
      LockKey held = locks.promisedPartition(directory, partition);
      if (held != null) {
        return held;
      }
      FileAttributes part;
      if (partition == 0) {
        part = inodes.visible(inodes.existing(directory));
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
    FileAttributes before = inodes.existing(request.inode());
    if (before.isDirectory()) {
      // One that is being spread: its partitions are about to get what it has now.
      held = locks.exclusiveInode(request.inode());
      if (held != null) {
        return held;
      }
      if (before.partitionExponent() != 0 && !request.change().setsOnlyAtime()) {
        runner.coordinate(ticket, request.slotValue(), plans.setAttributes(request));
        return null;
      }
    }
    inodes.change(ticket, ChangeRules.edited(before, request.change()));
    return null;
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
    NewInode made = request.newInode().madeIn(directory);
    FileType type = made.type();
    byte[] target = made.symlinkTarget();
    if (target.length > SYMLINK_BYTES_MAX) {
      throw new FsException(
          FsError.NAME_TOO_LONG, "a symlink's target of " + target.length + " bytes");
    }
    InodeId id = store.drawInode(entry.slot().value());
    long now = request.nowNanos();
    Switches set = switches.of(directory);
    SlotId here = AgreedSwitches.offered(set.localData(), request.dataSlot());
    var attributes =
        new FileAttributes(
            id,
            type,
            made.mode(),
            made.owner().uid(),
            made.owner().gid(),
            1,
            target.length,
            now,
            now,
            now,
            made.deviceNumber(),
            InodeId.NONE,
            0,
            0,
            0,
            false,
            new FileLayout(
                set.chunkSizeBytes(),
                here == null ? Placement.wideFirstSlot(id) : here.value(),
                here == null ? 1 : 0,
                directory.layout().dataset(),
                type == FileType.REGULAR && set.inlineBytesMax() > 0));
    Reply reply = new Reply.Created(id, false, attributes);
    Batch batch = store.batch();
    batch.addInode(attributes);
    batch.putEntry(entry, id, type);
    if (type == FileType.SYMLINK) {
      batch.putSymlink(id, target);
    }
    rules.entriesChanged(entry, 1, 0, now, batch);
    pins.pinMade(ticket.session(), id, request.pin(), batch);
    runner.finish(ticket, batch, reply);
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
    if (inodes.isHere(dentry.inode())) {
      LockKey held = pins.heldFromOpening(dentry.inode());
      if (held != null) {
        return held;
      }
      FileAttributes found = inodes.existing(dentry.inode());
      attributes = inodes.whole(found);
      pins.pin(ticket.session(), found, request.pin());
    }
    ticket.reply(new Reply.Created(dentry.inode(), true, attributes));
    return null;
  }

  private @Nullable LockKey open(Exchange exchange, Session session, NamespaceRequest.Open request)
      throws FsException {
    LockKey held = pins.heldFromOpening(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes attributes = inodes.existing(request.inode());
    pins.pin(session, attributes, request.pin());
    replyWhole(exchange, attributes);
    return null;
  }

  private @Nullable LockKey readSymlink(Exchange exchange, InodeId inode) throws FsException {
    byte[] target = store.symlink(inode);
    if (target == null) {
      FileAttributes attributes = inodes.existing(inode);
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
      if (request.withAttributes() && inodes.isHere(inode) && locks.promisedInode(inode) == null) {
        FileAttributes found = store.inode(inode);
        attributes = found == null ? null : inodes.whole(found);
      }
      entries.add(new DirectoryEntry(entry.name(), inode, entry.type(), attributes));
    }
    exchange.reply(new Reply.DirectoryPage(entries, page.cursor().length == 0));
    return null;
  }
}
