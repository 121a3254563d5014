package io.adhocfs.daemon.service;

import io.adhocfs.client.namespace.Found;
import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.OwnNode;
import io.adhocfs.client.routing.Parties;
import io.adhocfs.client.routing.Router;
import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.daemon.simulation.SimulatedExecutor;
import io.adhocfs.daemon.simulation.SimulatedInstance;
import io.adhocfs.daemon.simulation.SimulatedTime;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests as tests make them, from a session of its own, by the routing of the real client:
 * to the owners of slots, again until they are answered, with its numbers. What goes by names is
 * the real client's too. Does not renew its session. Calls that block let simulated time pass.
 */
final class RequestClient {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** Later than anything that daemons have made by themselves. */
  private static final long START_NANOS = 1_800_000_000_000_000_000L;

  private static final NewInode FILE = NewInode.regularFile(0644, new Owner(1, 2));
  private static final NewInode DIRECTORY = NewInode.directory(0755, new Owner(1, 2));

  private final SimulatedInstance instance;
  private final SimulatedTime.Life life = new SimulatedTime.Life();
  private final OperationSource operations;
  private final Router router;
  private final Namespace namespace;
  private @Nullable SessionId session;
  private @Nullable RpcClient connections;
  private @Nullable Request lastNumbered;

  private long slotsOffered;

  /** Its clock, which the tests move. */
  long nowNanos = START_NANOS;

  /** A client that knows who owns what. */
  RequestClient(SimulatedInstance instance) throws FsException {
    this.instance = instance;
    SimulatedTime time = instance.time();
    var timers =
        new Timers() {
          @Override
          public long nanoTime() {
            return time.nanoTime();
          }

          @Override
          public Timer after(long delayNanos, Runnable action) {
            return time.after(delayNanos, life, action)::cancel;
          }
        };
    long number = instance.newSession();
    var random = new SplittableRandom(number);
    var parties = new Parties("", "", 0);
    operations = new OperationSource(TrafficClass.FOREGROUND, parties, timers, 0, true);
    router =
        new Router(
            this::connect,
            () -> new SessionId(session == null ? number : instance.newSession()),
            instance.settings().duration(Setting.CLIENT_LEASE),
            instance.contacts(),
            SwitchTable.initial(instance.settings()),
            instance::contacts,
            new SimulatedExecutor(time, life),
            timers,
            random,
            parties);
    namespace = new Namespace(router, new OwnNode(router, random), () -> nowNanos);
    await(router.learnMap(operation("the map")), "the map");
  }

  private RpcClient connect(SessionId id) {
    session = id;
    connections =
        instance
            .network()
            .client("r" + id, life, id, PeerRole.CLIENT, ClusterMap.initial(instance.contacts()));
    return connections;
  }

  /** The session that it has now. */
  SessionId session() {
    return Objects.requireNonNull(session);
  }

  private Operation operation(Object what) {
    return operations.begin(what::toString);
  }

  // Requests ------------------------------------------------------------------------------------

  /** One try, at a node. */
  CompletableFuture<Response> once(SimulatedDaemon node, Request request, ByteBuf payload) {
    RpcClient now = Objects.requireNonNull(connections);
    now.useMap(ClusterMap.initial(instance.contacts()));
    return now.call(node.id(), request, payload, TrafficClass.FOREGROUND, Deadline.after(PATIENCE));
  }

  Reply at(SimulatedDaemon node, Request request) throws FsException {
    return Answers.reply(await(once(node, request, Unpooled.EMPTY_BUFFER), request));
  }

  /** Tries at the owner until there is an answer that trying again cannot better. */
  CompletableFuture<Response> start(Request request) {
    return start(request, new byte[0]);
  }

  CompletableFuture<Response> start(Request request, byte[] payload) {
    return router.send(operation(request), request, Unpooled.wrappedBuffer(payload));
  }

  /** As the other, with a number that is good until there is an answer. */
  CompletableFuture<Response> start(Function<OperationStamp, ? extends Request> request) {
    return start(request, new byte[0]);
  }

  CompletableFuture<Response> start(
      Function<OperationStamp, ? extends Request> request, byte[] payload) {
    return router.sendStamped(
        operation("a numbered request"),
        stamp -> {
          Request numbered = request.apply(stamp);
          lastNumbered = numbered;
          return numbered;
        },
        Unpooled.wrappedBuffer(payload));
  }

  /** What was numbered last, to be sent again as it was. */
  Request lastNumbered() {
    return Objects.requireNonNull(lastNumbered);
  }

  <T extends @Nullable Object> T await(CompletableFuture<T> future, Object what)
      throws FsException {
    instance.time().until(future::isDone, what.toString());
    try {
      return future.join();
    } catch (CompletionException e) {
      throw FsException.of(e);
    }
  }

  Reply call(Request request) throws FsException {
    return Answers.reply(await(start(request), request));
  }

  Reply call(Function<OperationStamp, ? extends Request> request) throws FsException {
    return Answers.reply(await(start(request), "a numbered request"));
  }

  static EntryName name(String text) {
    try {
      return EntryName.ofText(text);
    } catch (FsException e) {
      throw new AssertionError(e);
    }
  }

  /** A name in a directory that is not spread. */
  static EntryKey key(InodeId directory, String name) {
    return new EntryKey(directory, 0, name(name));
  }

  Function<OperationStamp, NamespaceRequest.Create> createRequest(
      InodeId directory, String name, long pin) {
    return stamp ->
        new NamespaceRequest.Create(
            stamp, key(directory, name), FILE, true, pin, Request.NO_SLOT, nowNanos);
  }

  Function<OperationStamp, NamespaceRequest.MakeDirectory> makeDirectoryRequest(
      InodeId directory, String name, int slot) {
    return stamp ->
        new NamespaceRequest.MakeDirectory(stamp, key(directory, name), DIRECTORY, slot, nowNanos);
  }

  Function<OperationStamp, NamespaceRequest.Unlink> unlinkRequest(InodeId directory, String name) {
    return stamp -> new NamespaceRequest.Unlink(stamp, key(directory, name), nowNanos);
  }

  Function<OperationStamp, NamespaceRequest.Rename> renameRequest(
      InodeId directory, String name, InodeId newDirectory, String newName, int flags) {
    return stamp ->
        new NamespaceRequest.Rename(
            stamp, key(directory, name), key(newDirectory, newName), flags, nowNanos);
  }

  // Names ---------------------------------------------------------------------------------------

  CompletableFuture<InodeId> createLater(InodeId directory, String name) {
    return namespace
        .create(operation("create " + name), directory, name(name), FILE, true, 0)
        .thenApply(made -> made.found().inode());
  }

  InodeId create(InodeId directory, String name) throws FsException {
    return await(createLater(directory, name), "create " + name);
  }

  /** In a slot that follows from its name, or, of a local dataset, in any one. */
  CompletableFuture<InodeId> makeDirectoryLater(InodeId directory, String name) {
    if (router.switches().anyLocal()) {
      int slot = SlotId.ofHash(++slotsOffered * 40_503).value();
      return start(makeDirectoryRequest(directory, name, slot))
          .thenApply(response -> ((Reply.Created) Answers.reply(response)).inode());
    }
    return namespace
        .makeDirectory(operation("mkdir " + name), directory, name(name), DIRECTORY)
        .thenApply(FileAttributes::id);
  }

  InodeId makeDirectory(InodeId directory, String name) throws FsException {
    return await(makeDirectoryLater(directory, name), "mkdir " + name);
  }

  CompletableFuture<Void> unlinkLater(InodeId directory, String name) {
    return namespace.unlink(operation("unlink " + name), directory, name(name));
  }

  void unlink(InodeId directory, String name) throws FsException {
    await(unlinkLater(directory, name), "unlink " + name);
  }

  CompletableFuture<Void> removeDirectoryLater(InodeId directory, String name) {
    return namespace.removeDirectory(operation("rmdir " + name), directory, name(name));
  }

  void removeDirectory(InodeId directory, String name) throws FsException {
    await(removeDirectoryLater(directory, name), "rmdir " + name);
  }

  CompletableFuture<FileAttributes> linkLater(InodeId inode, InodeId directory, String name) {
    return namespace.link(operation("link " + name), inode, directory, name(name));
  }

  void link(InodeId inode, InodeId directory, String name) throws FsException {
    var _ = await(linkLater(inode, directory, name), "link " + name);
  }

  CompletableFuture<Void> renameLater(
      InodeId directory, String name, InodeId newDirectory, String newName, int flags) {
    return namespace.rename(
        operation("rename " + name),
        directory,
        name(name),
        newDirectory,
        name(newName),
        (flags & NamespaceRequest.Rename.FLAG_NO_REPLACE) == 0,
        (flags & NamespaceRequest.Rename.FLAG_EXCHANGE) != 0);
  }

  void rename(InodeId directory, String name, InodeId newDirectory, String newName, int flags)
      throws FsException {
    await(renameLater(directory, name, newDirectory, newName, flags), "rename " + name);
  }

  CompletableFuture<InodeId> lookupLater(InodeId directory, String name) {
    return namespace
        .find(operation("lookup " + name), directory, name(name))
        .thenApply(Found::inode);
  }

  InodeId lookup(InodeId directory, String name) throws FsException {
    return await(lookupLater(directory, name), "lookup " + name);
  }

  boolean has(InodeId directory, String name) throws FsException {
    try {
      var _ = lookup(directory, name);
      return true;
    } catch (FsException e) {
      if (e.error() == FsError.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** The names of a whole directory, in the order of hashes. */
  List<EntryName> list(InodeId directory, int pageBytes) throws FsException {
    List<EntryName> names = new ArrayList<>();
    long cookie = 0;
    while (true) {
      String what = "list " + directory;
      Namespace.Page<EntryName> page =
          await(
              namespace.readDirectory(
                  operation(what), directory, cookie, pageBytes, false, (name, _, _, _) -> name),
              what);
      names.addAll(page.items());
      if (page.last()) {
        return names;
      }
      cookie = page.nextCookie();
    }
  }

  // Inodes --------------------------------------------------------------------------------------

  FileAttributes attributes(InodeId inode) throws FsException {
    return attributesOf(call(new NamespaceRequest.GetAttributes(inode)));
  }

  private static FileAttributes attributesOf(Reply reply) {
    return ((Reply.Attributes) reply).attributes();
  }

  FileAttributes setAttributes(InodeId inode, AttributeChange change) throws FsException {
    return attributesOf(
        call(stamp -> new NamespaceRequest.SetAttributes(stamp, inode, change.at(nowNanos))));
  }

  FileAttributes truncate(InodeId inode, long size) throws FsException {
    return attributesOf(call(stamp -> new NamespaceRequest.Truncate(stamp, inode, size, nowNanos)));
  }

  FileAttributes writeInline(InodeId inode, long offset, byte[] data) throws FsException {
    return attributesOf(
        Answers.reply(
            await(
                start(
                    stamp -> new NamespaceRequest.WriteInline(stamp, inode, offset, nowNanos),
                    data),
                "a write")));
  }

  byte[] readInline(InodeId inode) throws FsException {
    var request = new NamespaceRequest.ReadInline(inode, 0, 1 << 20);
    ByteBuf payload = await(start(request), request).payload();
    byte[] data = ByteBufUtil.getBytes(payload);
    payload.release();
    return data;
  }

  FileAttributes leaveInline(InodeId inode) throws FsException {
    return attributesOf(call(stamp -> new NamespaceRequest.LeaveInline(stamp, inode)));
  }

  FileAttributes reportWrite(InodeId inode, long generation, long size) throws FsException {
    return reportWrite(inode, generation, 0, size);
  }

  FileAttributes reportWrite(InodeId inode, long generation, long solidFrom, long size)
      throws FsException {
    return attributesOf(
        call(new NamespaceRequest.ReportWrite(inode, generation, solidFrom, size, nowNanos)));
  }

  CompletableFuture<Response> reportWriteLater(InodeId inode, long generation, long size) {
    return start(new NamespaceRequest.ReportWrite(inode, generation, 0, size, nowNanos));
  }
}
