package io.adhocfs.daemon.service;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
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
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.FileRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
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
  private final MetadataStore store;
  private final KeyLocks locks;
  private final NamespaceService namespace;
  private final FileCuts cuts;
  private final FileAppends appends;
  private final InlineDeparture departure;
  private final CrashPoints crashPoints;
  private final Policies policies;

  FileService(
      MetadataStore store,
      KeyLocks locks,
      NamespaceService namespace,
      FileCuts cuts,
      FileAppends appends,
      InlineDeparture departure,
      CrashPoints crashPoints,
      Policies policies) {
    this.store = store;
    this.locks = locks;
    this.namespace = namespace;
    this.cuts = cuts;
    this.appends = appends;
    this.departure = departure;
    this.crashPoints = crashPoints;
    this.policies = policies;
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
        namespace.once(
            exchange,
            session,
            reserve.stamp(),
            slot,
            namespace.growing(ticket -> reserve(ticket, reserve, data)));
      }
      case FileRequest.FinishAppend finish -> {
        requireRange(finish.offset(), finish.lengthBytes());
        namespace.run(NamespaceService.failing(exchange), () -> finish(exchange, finish));
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
    LockKey held = namespace.heldFile(inode);
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
    FileAttributes file = namespace.existingFile(request.inode());
    long from = appends.freeFrom(file);
    if (request.lengthBytes() > FileLayout.FILE_BYTES_MAX - from) {
      throw new FsException(
          FsError.FILE_TOO_BIG, "an append of " + request.lengthBytes() + " at " + from);
    }
    if (file.layout().inline()) {
      if (data.length > 0 && data.length <= policies.of(file).inlineBytesMax() - file.sizeBytes()) {
        appendInline(ticket, request, file, data);
      } else {
        departure.leave(
            file,
            (batch, after) -> {},
            after -> namespace.run(ticket::fail, () -> reserve(ticket, request, data)),
            ticket::fail);
      }
      return null;
    }
    Reply reply = new Reply.Appended(file, from, false);
    try (Batch batch = store.batch()) {
      appends.give(batch, file, from + request.lengthBytes());
      ticket.store(batch, reply);
      batch.commit();
    }
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
    try (Batch batch = store.batch()) {
      batch.putInlineData(file.id(), bytes);
      batch.putInode(after);
      ticket.store(batch, reply);
      batch.commit();
    }
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    ticket.reply(reply);
  }

  private @Nullable LockKey finish(Exchange exchange, FileRequest.FinishAppend request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    FileAttributes file = namespace.existingFile(request.inode());
    long end = request.offset() + request.lengthBytes();
    if (request.stored()) {
      appends.filled(
          exchange, file, request.dataGeneration(), request.offset(), end, request.mtimeNanos());
    } else {
      appends.abandoned(
          file, request.dataGeneration(), request.offset(), end, !request.uncertain());
      exchange.reply(new Reply.Attributes(cuts.visible(namespace.existingFile(request.inode()))));
    }
    return null;
  }

  private void changeRange(Exchange exchange, Session session, FileRequest.ChangeRange request)
      throws FsException {
    namespace.onceAfterCut(
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
    FileAttributes before = namespace.existingFile(inode);
    long end = request.offset() + request.lengthBytes();
    long size = request.extend() ? Math.max(before.sizeBytes(), end) : before.sizeBytes();
    if (request.behindEnd() && (before.layout().inline() || end <= before.sizeBytes())) {
      ticket.reply(new Reply.Attributes(cuts.visible(before)));
      return null;
    }
    if (before.layout().inline()) {
      if (size > policies.of(before).inlineBytesMax()) {
        departure.leave(
            before,
            (batch, after) -> {},
            after -> namespace.run(ticket::fail, () -> changeRange(ticket, request)),
            ticket::fail);
      } else {
        changeInline(ticket, request, before, (int) size);
      }
      return null;
    }
    // Behind the end lies what others have written and not told: of that, too, the range is
    // cleared.
    boolean toItsEnd = request.behindEnd() || namespace.othersHaveOpen(ticket, inode);
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
    namespace.change(ticket, edit.done());
    return null;
  }

  /** Keeps further appends away until those under way are over, then clears. */
  private void afterAppends(Ticket ticket, FileRequest.ChangeRange request, LockKey underWay) {
    var owner = new Object();
    locks.acquire(
        owner, List.of(new LockKey.Wanted(new LockKey.OfRange(request.inode()), false)), false);
    namespace.await(
        underWay,
        () -> {
          // Released first: what follows looks at all locks anew, and nothing comes in between.
          locks.release(owner);
          namespace.run(ticket::fail, () -> changeRange(ticket, request));
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
    try (Batch batch = store.batch()) {
      batch.putInode(after);
      batch.putCut(cut);
      ticket.store(batch, reply);
      batch.commit();
    }
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
    try (Batch batch = store.batch()) {
      if (size > 0) {
        batch.putInlineData(before.id(), data);
      }
      batch.putInode(after);
      ticket.store(batch, reply);
      batch.commit();
    }
    crashPoints.reached(CrashPoint.LOCAL_AFTER_COMMIT);
    ticket.reply(reply);
  }
}
