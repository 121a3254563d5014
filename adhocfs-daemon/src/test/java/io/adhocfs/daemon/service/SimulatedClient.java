package io.adhocfs.daemon.service;

import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
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
    attempt(cluster.map.owner(new SlotId(request.slotValue())), request, payload, result);
    return result;
  }

  private void attempt(
      NodeId node, Request request, byte[] payload, CompletableFuture<Response> result) {
    var _ =
        once(node, request, Unpooled.wrappedBuffer(payload))
            .whenComplete((response, error) -> {
              if (error != null) {
                FsException failure = MetadataThread.asFsException(error);
                switch (failure.error()) {
                  case OVERLOADED, UNREACHABLE, CONNECTION_LOST, TIMED_OUT, WRONG_OWNER ->
                      cluster.time.after(
                          10_000_000, life, () -> attempt(node, request, payload, result));
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
      throw MetadataThread.asFsException(e);
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

  NamespaceRequest.MakeDirectory makeDirectoryRequest(InodeId directory, String name) {
    return new NamespaceRequest.MakeDirectory(stamp(), key(directory, name), 0755, 1, 2, nowNanos);
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
