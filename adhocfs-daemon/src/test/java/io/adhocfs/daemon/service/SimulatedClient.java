package io.adhocfs.daemon.service;

import io.adhocfs.daemon.simulation.SimulatedTime;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.FileRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * A client as the client library will be: sends requests to the owners, again with the same number
 * until there is an answer. The blocking calls let simulated time pass.
 */
final class SimulatedClient {
  final SimulatedCluster cluster;
  final SessionId session;
  final SimulatedTime.Life life = new SimulatedTime.Life();
  private final TreeSet<Long> unanswered = new TreeSet<>();
  private long sequence;

  /** How directories are spread, as far as it has learnt. */
  private final Map<InodeId, Integer> exponents = new HashMap<>();

  /** Its clock, which the tests move. */
  long nowNanos = 1_000;

  SimulatedClient(SimulatedCluster cluster, long session) {
    this.cluster = cluster;
    this.session = new SessionId(session);
  }

  OperationStamp stamp() {
    sequence++;
    unanswered.add(sequence);
    return new OperationStamp(sequence, unanswered.first());
  }

  private static long sequenceOf(Request request) {
    return switch (request) {
      case NamespaceRequest.SetAttributes r -> r.stamp().sequence();
      case NamespaceRequest.Truncate r -> r.stamp().sequence();
      case NamespaceRequest.Create r -> r.stamp().sequence();
      case NamespaceRequest.MakeDirectory r -> r.stamp().sequence();
      case NamespaceRequest.Unlink r -> r.stamp().sequence();
      case NamespaceRequest.RemoveDirectory r -> r.stamp().sequence();
      case NamespaceRequest.Link r -> r.stamp().sequence();
      case NamespaceRequest.Rename r -> r.stamp().sequence();
      case NamespaceRequest.WriteInline r -> r.stamp().sequence();
      case NamespaceRequest.LeaveInline r -> r.stamp().sequence();
      case FileRequest.ReserveAppend r -> r.stamp().sequence();
      case FileRequest.ChangeRange r -> r.stamp().sequence();
      case ExtendedAttributeRequest.SetExtendedAttribute r -> r.stamp().sequence();
      case ExtendedAttributeRequest.RemoveExtendedAttribute r -> r.stamp().sequence();
      default -> 0; // carries no number
    };
  }

  /** One try, at a node. */
  CompletableFuture<Response> once(NodeId node, Request request, ByteBuf payload) {
    return cluster.send(
        session.toString(),
        life,
        session,
        PeerRole.CLIENT,
        node,
        request,
        payload,
        Deadline.after(Duration.ofSeconds(30)));
  }

  /** Tries until there is an answer that trying again can't better. */
  CompletableFuture<Response> start(Request request, byte[] payload) {
    var result = new CompletableFuture<Response>();
    attempt(spread(request, false), payload, result);
    return result;
  }

  private EntryKey spread(EntryKey key) {
    return new EntryKey(key.directory(), exponents.getOrDefault(key.directory(), 0), key.name());
  }

  /** The request as this client believes the directories to be spread. */
  private Request spread(Request request, boolean anew) {
    return switch (request) {
      case NamespaceRequest.Lookup r -> new NamespaceRequest.Lookup(spread(r.entry()));
      case NamespaceRequest.Create r ->
          new NamespaceRequest.Create(
              anew ? stamp() : r.stamp(),
              spread(r.entry()),
              r.fileType(),
              r.mode(),
              r.uid(),
              r.gid(),
              r.deviceNumber(),
              r.symlinkTarget(),
              r.exclusive(),
              r.pin(),
              r.nowNanos());
      case NamespaceRequest.MakeDirectory r ->
          new NamespaceRequest.MakeDirectory(
              anew ? stamp() : r.stamp(),
              spread(r.entry()),
              r.mode(),
              r.uid(),
              r.gid(),
              r.directorySlot(),
              r.nowNanos());
      case NamespaceRequest.Unlink r ->
          new NamespaceRequest.Unlink(anew ? stamp() : r.stamp(), spread(r.entry()), r.nowNanos());
      case NamespaceRequest.RemoveDirectory r ->
          new NamespaceRequest.RemoveDirectory(
              anew ? stamp() : r.stamp(), spread(r.entry()), r.nowNanos());
      case NamespaceRequest.Link r ->
          new NamespaceRequest.Link(
              anew ? stamp() : r.stamp(), r.inode(), spread(r.entry()), r.nowNanos());
      case NamespaceRequest.Rename r ->
          new NamespaceRequest.Rename(
              anew ? stamp() : r.stamp(),
              spread(r.from()),
              spread(r.to()),
              r.flags(),
              r.nowNanos());
      default -> request;
    };
  }

  private static List<InodeId> directoriesOf(Request request) {
    return switch (request) {
      case NamespaceRequest.Lookup r -> List.of(r.entry().directory());
      case NamespaceRequest.Create r -> List.of(r.entry().directory());
      case NamespaceRequest.MakeDirectory r -> List.of(r.entry().directory());
      case NamespaceRequest.Unlink r -> List.of(r.entry().directory());
      case NamespaceRequest.RemoveDirectory r -> List.of(r.entry().directory());
      case NamespaceRequest.Link r -> List.of(r.entry().directory());
      case NamespaceRequest.Rename r -> List.of(r.from().directory(), r.to().directory());
      default -> List.of();
    };
  }

  /** Asks the homes of directories how they are spread, one after the other. */
  private void learn(List<InodeId> directories, CompletableFuture<Response> result, Runnable then) {
    if (directories.isEmpty()) {
      then.run();
      return;
    }
    InodeId directory = directories.getFirst();
    var _ =
        start(new NamespaceRequest.GetShares(directory, List.of(0)), new byte[0])
            .whenComplete((response, error) -> {
              if (error != null) {
                result.completeExceptionally(FsException.of(error));
                return;
              }
              exponents.put(
                  directory,
                  ((Reply.Attributes) response.reply()).attributes().partitionExponent());
              learn(directories.subList(1, directories.size()), result, then);
            });
  }

  /** A whole directory, in the order of hashes. */
  List<DirectoryEntry> list(InodeId directory, int pageBytes) throws FsException {
    List<DirectoryEntry> entries = new ArrayList<>();
    long cookie = 0;
    while (true) {
      int exponent = exponents.getOrDefault(directory, 0);
      int last = (1 << exponent) - 1;
      int partition = (int) Math.min((cookie + 1) >>> (63 - exponent), last);
      Reply.DirectoryPage page;
      try {
        page =
            (Reply.DirectoryPage)
                call(
                    new NamespaceRequest.ReadDirectory(
                        directory, exponent, partition, cookie, pageBytes, false));
      } catch (FsException e) {
        if (e.error() != FsError.SPREAD_CHANGED) {
          throw e;
        }
        exponents.put(
            directory,
            ((Reply.Attributes) call(new NamespaceRequest.GetShares(directory, List.of(0))))
                .attributes()
                .partitionExponent());
        continue;
      }
      entries.addAll(page.entries());
      if (page.last() && partition == last) {
        return entries;
      }
      cookie =
          page.last()
              ? Placement.lastHash(partition, exponent)
              : page.entries().getLast().name().hash();
    }
  }

  private void attempt(Request request, byte[] payload, CompletableFuture<Response> result) {
    NodeId node = cluster.map.owner(new SlotId(request.slotValue()));
    var _ =
        once(node, request, Unpooled.wrappedBuffer(payload))
            .whenComplete((response, error) -> {
              if (error != null) {
                FsException failure = FsException.of(error);
                switch (failure.error()) {
                  case OVERLOADED, UNREACHABLE, CONNECTION_LOST, TIMED_OUT, WRONG_OWNER ->
                      cluster.time.after(10_000_000, life, () -> attempt(request, payload, result));
                  case SPREAD_CHANGED -> {
                    unanswered.remove(sequenceOf(request));
                    List<InodeId> directories = directoriesOf(request);
                    if (directories.isEmpty()) {
                      result.completeExceptionally(failure);
                    } else {
                      learn(
                          directories,
                          result,
                          () -> attempt(spread(request, true), payload, result));
                    }
                  }
                  default -> {
                    unanswered.remove(sequenceOf(request));
                    result.completeExceptionally(failure);
                  }
                }
              } else {
                unanswered.remove(sequenceOf(request));
                result.complete(response);
              }
            });
  }

  Response await(CompletableFuture<Response> future, Object what) throws FsException {
    cluster.time.until(future::isDone, what.toString());
    try {
      return future.join();
    } catch (CompletionException e) {
      throw FsException.of(e);
    }
  }

  Reply call(Request request) throws FsException {
    return await(start(request, new byte[0]), request).reply();
  }

  Reply at(SimulatedNode node, Request request) throws FsException {
    return await(once(node.id, request, Unpooled.EMPTY_BUFFER), request).reply();
  }

  static EntryKey key(InodeId directory, String name) {
    try {
      return new EntryKey(directory, 0, EntryName.ofText(name));
    } catch (FsException e) {
      throw new AssertionError(e);
    }
  }

  NamespaceRequest.Create createRequest(InodeId directory, String name, long pin) {
    return new NamespaceRequest.Create(
        stamp(),
        key(directory, name),
        FileType.REGULAR,
        0644,
        1,
        2,
        0,
        new byte[0],
        true,
        pin,
        nowNanos);
  }

  InodeId create(InodeId directory, String name) throws FsException {
    return ((Reply.Created) call(createRequest(directory, name, 0))).inode();
  }

  /** Offers a slot, any one, but the same in each run. */
  NamespaceRequest.MakeDirectory makeDirectoryRequest(InodeId directory, String name) {
    return makeDirectoryRequest(directory, name, SlotId.ofHash(sequence * 40_503).value());
  }

  NamespaceRequest.MakeDirectory makeDirectoryRequest(InodeId directory, String name, int slot) {
    return new NamespaceRequest.MakeDirectory(
        stamp(), key(directory, name), 0755, 1, 2, slot, nowNanos);
  }

  InodeId makeDirectory(InodeId directory, String name) throws FsException {
    return ((Reply.Created) call(makeDirectoryRequest(directory, name))).inode();
  }

  NamespaceRequest.Unlink unlinkRequest(InodeId directory, String name) {
    return new NamespaceRequest.Unlink(stamp(), key(directory, name), nowNanos);
  }

  void unlink(InodeId directory, String name) throws FsException {
    done(call(unlinkRequest(directory, name)));
  }

  NamespaceRequest.RemoveDirectory removeDirectoryRequest(InodeId directory, String name) {
    return new NamespaceRequest.RemoveDirectory(stamp(), key(directory, name), nowNanos);
  }

  void removeDirectory(InodeId directory, String name) throws FsException {
    done(call(removeDirectoryRequest(directory, name)));
  }

  NamespaceRequest.Link linkRequest(InodeId inode, InodeId directory, String name) {
    return new NamespaceRequest.Link(stamp(), inode, key(directory, name), nowNanos);
  }

  void link(InodeId inode, InodeId directory, String name) throws FsException {
    done(call(linkRequest(inode, directory, name)));
  }

  NamespaceRequest.Rename renameRequest(
      InodeId directory, String name, InodeId newDirectory, String newName, int flags) {
    return new NamespaceRequest.Rename(
        stamp(), key(directory, name), key(newDirectory, newName), flags, nowNanos);
  }

  void rename(InodeId directory, String name, InodeId newDirectory, String newName, int flags)
      throws FsException {
    done(call(renameRequest(directory, name, newDirectory, newName, flags)));
  }

  private static void done(Reply reply) {
    if (!(reply instanceof Reply.Done)) {
      throw new AssertionError(reply);
    }
  }

  InodeId lookup(InodeId directory, String name) throws FsException {
    return ((Reply.Entry) call(new NamespaceRequest.Lookup(key(directory, name)))).inode();
  }

  boolean has(InodeId directory, String name) throws FsException {
    try {
      lookup(directory, name);
      return true;
    } catch (FsException e) {
      if (e.error() == FsError.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  FileAttributes attributes(InodeId inode) throws FsException {
    return ((Reply.Attributes) call(new NamespaceRequest.GetAttributes(inode))).attributes();
  }

  /** Sets mode and mtime. */
  void setAttributes(InodeId inode, int mode, long mtimeNanos) throws FsException {
    call(
        new NamespaceRequest.SetAttributes(
            stamp(),
            inode,
            NamespaceRequest.SetAttributes.MASK_MODE | NamespaceRequest.SetAttributes.MASK_MTIME,
            mode,
            0,
            0,
            0,
            mtimeNanos,
            nowNanos,
            0));
  }

  FileAttributes truncate(InodeId inode, long size) throws FsException {
    return ((Reply.Attributes) call(new NamespaceRequest.Truncate(stamp(), inode, size, nowNanos)))
        .attributes();
  }

  FileAttributes writeInline(InodeId inode, long offset, byte[] data) throws FsException {
    var request = new NamespaceRequest.WriteInline(stamp(), inode, offset, nowNanos);
    return ((Reply.Attributes) await(start(request, data), request).reply()).attributes();
  }

  byte[] readInline(InodeId inode) throws FsException {
    var request = new NamespaceRequest.ReadInline(inode, 0, 1 << 20);
    ByteBuf payload = await(start(request, new byte[0]), request).payload();
    var data = new byte[payload.readableBytes()];
    payload.readBytes(data);
    return data;
  }

  FileAttributes leaveInline(InodeId inode) throws FsException {
    return ((Reply.Attributes) call(new NamespaceRequest.LeaveInline(stamp(), inode))).attributes();
  }

  FileAttributes reportWrite(InodeId inode, long generation, long size) throws FsException {
    return reportWrite(inode, generation, 0, size);
  }

  FileAttributes reportWrite(InodeId inode, long generation, long solidFrom, long size)
      throws FsException {
    return ((Reply.Attributes)
            call(new NamespaceRequest.ReportWrite(inode, generation, solidFrom, size, nowNanos)))
        .attributes();
  }

  CompletableFuture<Response> reportWriteLater(InodeId inode, long generation, long size) {
    return start(
        new NamespaceRequest.ReportWrite(inode, generation, 0, size, nowNanos), new byte[0]);
  }
}
