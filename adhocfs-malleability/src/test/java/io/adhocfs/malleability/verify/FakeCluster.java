package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.ScannedChunk;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Nodes that keep what a test puts there, right or wrong, in pages of two items. */
final class FakeCluster implements RpcClient {
  private static final int PAGE_ITEMS = 2;
  private static final FileLayout LAYOUT = new FileLayout(4096, 5, 1, 0, false);

  final Map<InodeId, ScannedInode> inodes = new TreeMap<>();
  final List<ScannedEntry> entries = new ArrayList<>();
  final List<ScannedShare> shares = new ArrayList<>();
  final Map<NodeId, List<ScannedChunk>> chunks = new TreeMap<>();
  final Set<NodeId> dead = new HashSet<>();
  final Map<InodeId, NodeId> misplaced = new TreeMap<>();
  final List<String> storageFindings = new ArrayList<>();

  /** What the first node finds in its data, on the second of two pages. */
  final List<String> dataFindings = new ArrayList<>();

  int pendingOperations;

  /** Sees every request before it is answered; changes what it likes. */
  Consumer<Request> onRequest = request -> {};

  private final ClusterMap map;
  private long counter = 1;

  FakeCluster(int nodes) {
    List<Node> list = new ArrayList<>();
    for (int i = 0; i < nodes; i++) {
      list.add(new Node(new NodeId(i), "h", 1 + i, "", 1, NodeState.ACTIVE));
      chunks.put(new NodeId(i), new ArrayList<>());
    }
    map = ClusterMap.initial(list);
    put(attributes(InodeId.ROOT, FileType.DIRECTORY, 2, 0, InodeId.ROOT), 0);
  }

  ClusterMap map() {
    return map;
  }

  static FileAttributes attributes(
      InodeId id, FileType type, int links, long size, InodeId parent) {
    return new FileAttributes(
        id, type, 0644, 0, 0, links, size, 1, 1, 1, 0, parent, 0, 0, 0, false, LAYOUT);
  }

  void put(FileAttributes attributes, int pins) {
    inodes.put(attributes.id(), new ScannedInode(attributes, pins, 0, false));
  }

  FileAttributes get(InodeId inode) {
    return scanned(inode).attributes();
  }

  ScannedInode scanned(InodeId inode) {
    return Objects.requireNonNull(inodes.get(inode));
  }

  List<ScannedChunk> chunksOn(NodeId node) {
    return Objects.requireNonNull(chunks.get(node));
  }

  /** Changes link count and size of an inode by these. */
  void change(InodeId inode, int links, long size) {
    FileAttributes old = get(inode);
    put(
        attributes(
            inode, old.type(), old.linkCount() + links, old.sizeBytes() + size, old.parent()),
        scanned(inode).pins());
  }

  InodeId addFile(InodeId directory, String name, long size) throws FsException {
    EntryName entryName = EntryName.ofText(name);
    InodeId id = InodeId.of(Placement.entrySlot(directory, 0, entryName), ++counter);
    put(attributes(id, FileType.REGULAR, 1, size, InodeId.NONE), 0);
    addEntry(directory, name, id, FileType.REGULAR);
    for (long chunk = 0; chunk * 4096 < size; chunk++) {
      addChunk(id, chunk);
    }
    return id;
  }

  InodeId addDirectory(InodeId parent, String name) throws FsException {
    InodeId id = InodeId.of(new SlotId((int) (++counter * 37 % SlotId.COUNT)), counter);
    put(attributes(id, FileType.DIRECTORY, 2, 0, parent), 0);
    addEntry(parent, name, id, FileType.DIRECTORY);
    return id;
  }

  void addEntry(InodeId directory, String name, InodeId inode, FileType type) throws FsException {
    entries.add(
        new ScannedEntry(
            directory, EntryName.ofText(name), inode, type, directory.slotValue(), false));
    change(directory, type == FileType.DIRECTORY ? 1 : 0, 1);
  }

  /** Has a directory spread, with all that is in it. */
  void spread(InodeId directory, int exponent) {
    FileAttributes old = get(directory);
    var sizes = new long[1 << exponent];
    var links = new int[1 << exponent];
    for (ScannedEntry entry : List.copyOf(entries)) {
      if (entry.directory().equals(directory)) {
        int partition = Placement.partition(entry.name(), exponent);
        sizes[partition]++;
        links[partition] += entry.fileType() == FileType.DIRECTORY ? 1 : 0;
        entries.remove(entry);
        entries.add(
            new ScannedEntry(
                directory,
                entry.name(),
                entry.inode(),
                entry.fileType(),
                Placement.partitionSlot(directory, partition).value(),
                false));
      }
    }
    put(part(directory, 2 + links[0], sizes[0], old.parent(), exponent), 0);
    for (int partition = 1; partition < sizes.length; partition++) {
      addShare(directory, partition, exponent, links[partition], sizes[partition], true);
    }
  }

  void addShare(
      InodeId directory, int partition, int exponent, int links, long size, boolean active) {
    shares.add(
        new ScannedShare(
            part(directory, links, size, InodeId.ROOT, exponent),
            partition,
            Placement.partitionSlot(directory, partition).value(),
            active,
            false));
  }

  private static FileAttributes part(
      InodeId id, int links, long size, InodeId parent, int exponent) {
    return new FileAttributes(
        id,
        FileType.DIRECTORY,
        0644,
        0,
        0,
        links,
        size,
        1,
        1,
        1,
        0,
        parent,
        exponent,
        0,
        0,
        false,
        LAYOUT);
  }

  void addChunk(InodeId file, long index) {
    SlotId slot = Placement.chunkSlot(LAYOUT, index);
    chunksOn(map.owner(slot)).add(new ScannedChunk(file, index, slot.value()));
  }

  @Override
  public synchronized CompletableFuture<Response> call(
      NodeId node,
      Request request,
      ByteBuf payload,
      TrafficClass trafficClass,
      int flags,
      Deadline deadline) {
    onRequest.accept(request);
    if (dead.contains(node)) {
      return failed(FsError.UNREACHABLE, "node " + node + " does not answer");
    }
    Reply reply =
        switch (request) {
          case ControlRequest.GetMap ignored -> new Reply.Map(map, map.epoch(), List.of());
          case ControlRequest.GetStatus ignored -> new Reply.Status(status(node));
          case ControlRequest.CheckStorage ignored ->
              new Reply.Findings(node.value() == 0 ? storageFindings : List.of());
          case ControlRequest.VerifyData verify -> {
            boolean first = verify.cursor().length == 0;
            yield new Reply.VerifiedData(
                node.value() == 0 && !first ? dataFindings : List.of(),
                1,
                1,
                1 << 20,
                first ? new byte[1] : new byte[0]);
          }
          case ControlRequest.ScanInodes scan -> {
            List<ScannedInode> all =
                inodes.values().stream()
                    .filter(inode -> holder(inode.attributes().id()).equals(node))
                    .toList();
            int from = from(scan.cursor());
            yield new Reply.InodePage(page(all, from), next(all, from));
          }
          case ControlRequest.ScanEntries scan -> {
            List<ScannedEntry> all =
                entries.stream()
                    .filter(entry -> map.ownerValue(entry.slot()) == node.value())
                    .toList();
            int from = from(scan.cursor());
            yield new Reply.EntryPage(page(all, from), next(all, from));
          }
          case ControlRequest.ScanShares scan -> {
            List<ScannedShare> all =
                shares.stream()
                    .filter(share -> map.ownerValue(share.slot()) == node.value())
                    .toList();
            int from = from(scan.cursor());
            yield new Reply.SharePage(page(all, from), next(all, from));
          }
          case ControlRequest.ScanChunks scan -> {
            List<ScannedChunk> all = chunksOn(node);
            int from = from(scan.cursor());
            yield new Reply.ChunkPage(page(all, from), next(all, from));
          }
          case NamespaceRequest.GetShares get ->
              inodes.containsKey(get.directory())
                  ? new Reply.Attributes(get(get.directory()))
                  : new Reply.Failed(FsError.NOT_FOUND, "inode " + get.directory());
          case NamespaceRequest.ReadDirectory read ->
              new Reply.DirectoryPage(
                  entries.stream()
                      .filter(entry ->
                          entry.directory().equals(read.directory())
                              && Placement.partition(entry.name(), read.partitionExponent())
                                  == read.partition())
                      .sorted(Comparator.comparingLong(entry -> entry.name().hash()))
                      .map(entry ->
                          new DirectoryEntry(entry.name(), entry.inode(), entry.fileType(), null))
                      .toList(),
                  true);
          default -> throw new IllegalArgumentException(request.toString());
        };
    return reply instanceof Reply.Failed failure
        ? failed(failure.error(), failure.message())
        : CompletableFuture.completedFuture(
            new Response(reply, Unpooled.EMPTY_BUFFER, map.epoch()));
  }

  private NodeId holder(InodeId inode) {
    return misplaced.getOrDefault(inode, map.owner(inode.slot()));
  }

  private static CompletableFuture<Response> failed(FsError error, String message) {
    return CompletableFuture.failedFuture(new FsException(error, message));
  }

  private static int from(byte[] cursor) {
    return cursor.length == 0 ? 0 : cursor[0] & 0xFF;
  }

  private static <T> List<T> page(List<T> all, int from) {
    return List.copyOf(
        all.subList(Math.min(from, all.size()), Math.min(from + PAGE_ITEMS, all.size())));
  }

  private static byte[] next(List<?> all, int from) {
    return from + PAGE_ITEMS >= all.size() ? new byte[0] : new byte[] {(byte) (from + PAGE_ITEMS)};
  }

  private NodeStatus status(NodeId node) {
    return new NodeStatus(
        node,
        "",
        "",
        1,
        "",
        NodeState.ACTIVE,
        1,
        1,
        StorageSpace.NONE,
        1,
        1,
        1,
        1,
        pendingOperations,
        1,
        1,
        1,
        0);
  }

  @Override
  public void useMap(ClusterMap newer) {}

  @Override
  public void close() {}
}
