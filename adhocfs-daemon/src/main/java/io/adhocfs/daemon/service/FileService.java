package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.AgreedSwitches;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.file.FileAppends;
import io.adhocfs.daemon.file.FileCuts;
import io.adhocfs.daemon.file.InlineDeparture;
import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.PendingCut;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.Ticket;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.FileRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Appends, and changes of ranges of files, at the inode's owner. Clearing a range goes the way of
 * cuts ({@link FileCuts}), once no append is under way, but leaves the size alone: what others tell
 * of the size afterwards counts, whatever they knew of the range ({@link DataGeneration}).
 *
 * <p>Metadata thread only.
 */
final class FileService {
  private static final Reply DONE = new Reply.Done();

  private final MetadataStore store;
  private final KeyLocks locks;
  private final OperationRunner runner;
  private final InodeAccess inodes;
  private final FileCuts cuts;
  private final FileAppends appends;
  private final InlineDeparture departure;
  private final DiskOrder diskOrder;
  private final CrashPoints crashPoints;
  private final AgreedSwitches switches;

  FileService(
      MetadataStore store,
      KeyLocks locks,
      OperationRunner runner,
      InodeAccess inodes,
      FileCuts cuts,
      FileAppends appends,
      InlineDeparture departure,
      DiskOrder diskOrder,
      CrashPoints crashPoints,
      AgreedSwitches switches) {
    this.store = store;
    this.locks = locks;
    this.runner = runner;
    this.inodes = inodes;
    this.cuts = cuts;
    this.appends = appends;
    this.departure = departure;
    this.diskOrder = diskOrder;
    this.crashPoints = crashPoints;
    this.switches = switches;
  }

  /**
   * Answers a request of a slot of this node, now or later.
   *
   * @param payload stays the caller's
   * @throws FsException what to answer
   */
  void handle(Exchange exchange, Session session, FileRequest request, ByteBuf payload)
      throws FsException {
    int slot = request.slotValue();
    switch (request) {
      case FileRequest.ReserveAppend reserve -> {
        var data = new byte[payload.readableBytes()];
        payload.getBytes(payload.readerIndex(), data);
        if (reserve.lengthBytes() < 1
            || (data.length > 0 && data.length != reserve.lengthBytes())) {
          throw new FsException(
              FsError.BAD_MESSAGE,
              "an append of " + reserve.lengthBytes() + " bytes with " + data.length);
        }
        runner.once(
            exchange,
            session,
            reserve.stamp(),
            slot,
            runner.growing(ticket -> reserve(ticket, reserve, data)));
      }
      case FileRequest.FinishAppend finish -> {
        requireRange(finish.offset(), finish.lengthBytes());
        runner.run(OperationRunner.failing(exchange), () -> finish(exchange, finish));
      }
      case FileRequest.ChangeRange change -> {
        requireRange(change.offset(), change.lengthBytes());
        changeRange(exchange, session, change);
      }
    }
  }

  private static void requireRange(long offset, long lengthBytes) throws FsException {
    if (offset < 0 || lengthBytes < 1) {
      throw new FsException(FsError.INVALID, "a range of " + lengthBytes + " at " + offset);
    }
    if (lengthBytes > FileLayout.FILE_BYTES_MAX - offset) {
      throw new FsException(FsError.FILE_TOO_BIG, "a range of " + lengthBytes + " at " + offset);
    }
  }

  private @Nullable LockKey heldRange(InodeId inode) {
    if (locks.isEmpty()) {
      return null;
    }
    LockKey held = inodes.heldFile(inode);
    return held != null
        ? held
        : locks.conflict(this, List.of(new LockKey.Wanted(new LockKey.OfRange(inode), false)));
  }

  private @Nullable LockKey reserve(Ticket ticket, FileRequest.ReserveAppend request, byte[] data)
      throws FsException {
    LockKey held = heldRange(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes file = inodes.existingFile(request.inode());
    long from = appends.freeFrom(file);
    if (request.lengthBytes() > FileLayout.FILE_BYTES_MAX - from) {
      throw new FsException(
          FsError.FILE_TOO_BIG, "an append of " + request.lengthBytes() + " at " + from);
    }
    if (file.layout().inline()) {
      if (data.length > 0 && data.length <= switches.of(file).inlineBytesMax() - file.sizeBytes()) {
        appendInline(ticket, request, file, data);
      } else {
        departure.leave(
            file,
            (batch, after) -> {},
            after -> runner.run(ticket::fail, () -> reserve(ticket, request, data)),
            ticket::fail);
      }
      return null;
    }
    Reply reply = new Reply.Appended(file, from, false);
    Batch batch = store.batch();
    appends.give(batch, file, from + request.lengthBytes());
    ticket.store(batch, reply);
    batch.commit();
    appends.take(file.id(), from, from + request.lengthBytes());
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    ticket.reply(reply);
    return null;
  }

  private void appendInline(
      Ticket ticket, FileRequest.ReserveAppend request, FileAttributes file, byte[] data)
      throws FsException {
    byte[] before = store.inlineData(file.id());
    int from = Math.toIntExact(file.sizeBytes());
    byte[] bytes = Arrays.copyOf(before, from + data.length);
    System.arraycopy(data, 0, bytes, from, data.length);
    FileAttributes after =
        AttributeEdit.of(file).sizeBytes(bytes.length).contentChanged(request.nowNanos()).done();
    Reply reply = new Reply.Appended(after, from, true);
    Batch batch = store.batch();
    batch.putInlineData(file.id(), bytes);
    batch.putInode(after);
    runner.finish(ticket, batch, reply);
  }

  private @Nullable LockKey finish(Exchange exchange, FileRequest.FinishAppend request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes file = inodes.existingFile(request.inode());
    long end = request.offset() + request.lengthBytes();
    if (request.stored()) {
      appends.filled(
          exchange, file, request.dataGeneration(), request.offset(), end, request.mtimeNanos());
    } else {
      appends.abandoned(
          file, request.dataGeneration(), request.offset(), end, !request.uncertain());
      exchange.reply(new Reply.Attributes(cuts.visible(inodes.existingFile(request.inode()))));
    }
    return null;
  }

  private void changeRange(Exchange exchange, Session session, FileRequest.ChangeRange request)
      throws FsException {
    runner.onceAfterCut(
        exchange,
        session,
        request.stamp(),
        request.inode(),
        ticket -> changeRange(ticket, request));
  }

  private @Nullable LockKey changeRange(Ticket ticket, FileRequest.ChangeRange request)
      throws FsException {
    InodeId inode = request.inode();
    LockKey held = heldRange(inode);
    if (held != null) {
      return held;
    }
    FileAttributes before = inodes.existingFile(inode);
    long end = request.offset() + request.lengthBytes();
    long size = request.extend() ? Math.max(before.sizeBytes(), end) : before.sizeBytes();
    if (request.behindEnd() && (before.layout().inline() || end <= before.sizeBytes())) {
      ticket.reply(new Reply.Attributes(cuts.visible(before)));
      return null;
    }
    if (before.layout().inline()) {
      if (size > switches.of(before).inlineBytesMax()) {
        departure.leave(
            before,
            (batch, after) -> {},
            after -> runner.run(ticket::fail, () -> changeRange(ticket, request)),
            ticket::fail);
      } else {
        changeInline(ticket, request, before, (int) size);
      }
      return null;
    }
    // Behind the end lies what others have written and not told: of that, too, the range is
    // cleared.
    boolean toItsEnd = request.behindEnd() || inodes.othersHaveOpen(ticket, inode);
    if (request.behindEnd() || (request.clears() && (toItsEnd || request.offset() < size))) {
      LockKey underWay = appends.underWay(inode);
      if (underWay != null) {
        afterAppends(ticket, request, underWay);
      } else {
        clear(ticket, request, before, size, toItsEnd);
      }
      return null;
    }
    AttributeEdit edit = AttributeEdit.of(before).contentChanged(request.nowNanos());
    if (size > before.sizeBytes()) {
      edit.sizeBytes(size).mayHaveHoles();
    }
    inodes.change(ticket, edit.done());
    return null;
  }

  /** Keeps further appends away until those under way are over, then clears. */
  private void afterAppends(Ticket ticket, FileRequest.ChangeRange request, LockKey underWay) {
    var owner = new Object();
    locks.acquire(
        owner, List.of(new LockKey.Wanted(new LockKey.OfRange(request.inode()), false)), false);
    runner.await(
        underWay,
        () -> {
          // Released first: what follows looks at all locks anew, and nothing comes in between.
          locks.release(owner);
          runner.run(ticket::fail, () -> changeRange(ticket, request));
        },
        error -> {
          locks.release(owner);
          ticket.fail(error);
        });
  }

  private void clear(
      Ticket ticket,
      FileRequest.ChangeRange request,
      FileAttributes before,
      long size,
      boolean toItsEnd)
      throws FsException {
    AttributeEdit edit =
        AttributeEdit.of(before)
            .dataGeneration(DataGeneration.afterClearing(before.dataGeneration()))
            .sizeBytes(size);
    if (!request.behindEnd()) {
      edit.mayHaveHoles().contentChanged(request.nowNanos());
    }
    FileAttributes after = edit.done();
    long end = request.offset() + request.lengthBytes();
    var cut =
        new PendingCut(
            before.id(),
            after.dataGeneration(),
            PendingCut.Kind.CUT,
            before.layout(),
            request.behindEnd() ? Math.max(request.offset(), size) : request.offset(),
            // Else not further: late appends may own what lies behind.
            toItsEnd ? end : Math.min(end, size));
    // Told when the range is clear, so with the generation that holds then.
    Reply reply = new Reply.Attributes(after);
    Batch batch = store.batch();
    batch.putInode(after);
    batch.putCut(cut);
    ticket.store(batch, reply);
    batch.commit();
    cuts.begin(cut, () -> ticket.reply(reply));
  }

  private void changeInline(
      Ticket ticket, FileRequest.ChangeRange request, FileAttributes before, int size)
      throws FsException {
    byte[] data = Arrays.copyOf(store.inlineData(before.id()), size);
    if (request.clears() && request.offset() < size) {
      int from = (int) request.offset();
      int to = (int) Math.min(size, request.offset() + request.lengthBytes());
      Arrays.fill(data, from, to, (byte) 0);
    }
    FileAttributes after =
        AttributeEdit.of(before).sizeBytes(size).contentChanged(request.nowNanos()).done();
    Reply reply = new Reply.Attributes(after);
    Batch batch = store.batch();
    if (size > 0) {
      batch.putInlineData(before.id(), data);
    }
    batch.putInode(after);
    runner.finish(ticket, batch, reply);
  }

  @Nullable LockKey readInline(Exchange exchange, NamespaceRequest.ReadInline request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes attributes = inodes.existingFile(request.inode());
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

  @Nullable LockKey writeInline(Ticket ticket, NamespaceRequest.WriteInline request, byte[] bytes)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes before = inodes.existingFile(request.inode());
    if (request.offset() < 0) {
      throw new FsException(FsError.INVALID, "write at " + request.offset());
    }
    if (!before.layout().inline()
        || request.offset() > switches.of(before).inlineBytesMax() - bytes.length) {
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
    Batch batch = store.batch();
    batch.putInlineData(request.inode(), data);
    batch.putInode(after);
    runner.finish(ticket, batch, reply);
    return null;
  }

  @Nullable LockKey leaveInline(Ticket ticket, NamespaceRequest.LeaveInline request)
      throws FsException {
    LockKey held = inodes.heldFile(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes file = inodes.existingFile(request.inode());
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

  @Nullable LockKey reportWrite(Exchange exchange, NamespaceRequest.ReportWrite request)
      throws FsException {
    InodeId inode = request.inode();
    LockKey held = locks.promisedInode(inode);
    if (held != null) {
      return held;
    }
    FileAttributes before = inodes.existingFile(inode);
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
    Batch batch = store.batch();
    batch.putInode(after);
    batch.commit();
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    exchange.reply(new Reply.Attributes(cuts.visible(after)));
    return null;
  }

  @Nullable LockKey truncate(Ticket ticket, NamespaceRequest.Truncate request) throws FsException {
    InodeId inode = request.inode();
    LockKey held = inodes.heldFile(inode);
    if (held != null) {
      return held;
    }
    FileAttributes before = inodes.existingFile(inode);
    long size = request.sizeBytes();
    if (size < 0) {
      throw new FsException(FsError.INVALID, "a size of " + size);
    }
    if (before.layout().inline()) {
      if (size > switches.of(before).inlineBytesMax()) {
        departure.leave(
            before,
            (batch, after) -> {},
            after -> runner.run(ticket::fail, () -> truncate(ticket, request)),
            ticket::fail);
      } else {
        truncateInline(ticket, request, before);
      }
    } else if (size < appends.freeFrom(before)
        || (size == before.sizeBytes() && inodes.othersHaveOpen(ticket, inode))) {
      cut(ticket, request, before);
    } else {
      AttributeEdit edit = AttributeEdit.of(before).contentChanged(request.nowNanos());
      if (size > before.sizeBytes()) {
        edit.sizeBytes(size).mayHaveHoles();
      }
      inodes.change(ticket, edit.done());
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
    Batch batch = store.batch();
    if (request.sizeBytes() == 0) {
      batch.removeInlineData(before.id());
    } else {
      batch.putInlineData(
          before.id(), Arrays.copyOf(store.inlineData(before.id()), (int) request.sizeBytes()));
    }
    batch.putInode(after);
    runner.finish(ticket, batch, reply);
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
            inodes.othersHaveOpen(ticket, before.id())
                ? FileLayout.FILE_BYTES_MAX
                : Striping.endOfChunk(appends.freeFrom(before), chunk));
    // Told when the cut is done, so with the generation that holds then.
    Reply reply = new Reply.Attributes(after);
    Batch batch = store.batch();
    batch.putInode(after);
    batch.putCut(cut);
    if (store.appendEnd(before.id()) != null) {
      batch.removeAppendEnd(before.id());
    }
    ticket.store(batch, reply);
    batch.commit();
    cuts.begin(cut, () -> ticket.reply(reply));
    // Once the cut hides the new generation: who knew it could write behind the cut.
    appends.cut(after);
  }

  /** Answers once all that was written so far is on the disk, where something relies on that. */
  void sync(Exchange exchange) {
    diskOrder.sync(error -> {
      if (error == null) {
        exchange.reply(DONE);
      } else {
        exchange.fail(error.error(), String.valueOf(error.getMessage()));
      }
    });
  }
}
