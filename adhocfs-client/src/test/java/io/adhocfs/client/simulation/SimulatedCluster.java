package io.adhocfs.client.simulation;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.FileRequest;
import io.adhocfs.protocol.wire.LockRequest;
import io.adhocfs.protocol.wire.MigrationRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.NamespaceRequest.SetAttributes;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.RecallRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.TransactionRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The daemons of an instance. What is stored is kept once for all nodes, so slots move at once;
 * each node still answers only for the slots that its own map gives it. Not thread-safe: belongs to
 * the simulation's thread.
 */
public final class SimulatedCluster {
  /** An answer and its payload. */
  record Answer(Reply reply, byte[] payload) {
    Answer(Reply reply) {
      this(reply, new byte[0]);
    }
  }

  private record ChunkKey(InodeId inode, long index) {}

  private record Stored(byte[] request, Answer answer) {}

  private static final byte[] NOTHING = {};

  final Simulation simulation;
  private final int chunkSizeBytes;
  private final long inlineMaxBytes;
  private final Map<Integer, ClusterMap> mapByNode = new HashMap<>();
  private final Map<InodeId, SimulatedInode> inodes = new HashMap<>();
  private final Map<ChunkKey, byte[]> chunks = new HashMap<>();

  /** By node and inode: older generations are refused. */
  private final Map<Integer, Map<InodeId, Long>> generations = new HashMap<>();

  private final Map<Long, Map<Long, Stored>> replies = new HashMap<>();
  private final Map<Long, Long> answeredBelow = new HashMap<>();
  private final Map<Integer, Long> counters = new HashMap<>();
  private final Set<Long> expired = new HashSet<>();
  private final Set<String> expiredAt = new HashSet<>();
  private final Set<String> renewed = new HashSet<>();
  private final Set<String> closed = new HashSet<>();

  /** Steps that wait until a cut is done. */
  private final List<Runnable> heldByCuts = new ArrayList<>();

  private ClusterMap map;

  /** How many more chunk bytes there is room for. */
  public long roomBytes = Long.MAX_VALUE;

  public SimulatedCluster(
      Simulation simulation, int nodes, int chunkSizeBytes, long inlineMaxBytes) {
    this.simulation = simulation;
    this.chunkSizeBytes = chunkSizeBytes;
    this.inlineMaxBytes = inlineMaxBytes;
    List<Node> list = new ArrayList<>();
    for (int i = 0; i < nodes; i++) {
      list.add(new Node(new NodeId(i), "host" + i, 7000 + i, "", 1, NodeState.ACTIVE));
    }
    map = ClusterMap.initial(list);
    list.forEach(node -> mapByNode.put(node.id().value(), map));
    var root =
        new SimulatedInode(
            InodeId.ROOT, FileType.DIRECTORY, new FileLayout(chunkSizeBytes, 0, 1, 0, false));
    root.parent = InodeId.ROOT;
    root.links = 2;
    root.mode = 0755;
    inodes.put(InodeId.ROOT, root);
    counters.put(0, 1L);
  }

  public ClusterMap map() {
    return map;
  }

  ClusterMap mapOf(NodeId node) {
    ClusterMap known = mapByNode.get(node.value());
    if (known == null) {
      throw new IllegalStateException("no node " + node);
    }
    return known;
  }

  /**
   * Gives slots to other owners, all nodes knowing it.
   *
   * @param owner the new owner of a slot
   */
  public void moveSlots(ToIntFunction<Integer> owner) {
    var owners = new short[SlotId.COUNT];
    for (int slot = 0; slot < owners.length; slot++) {
      owners[slot] = (short) owner.applyAsInt(slot);
    }
    map = new ClusterMap(new Epoch(map.epoch().value() + 1), map.nodes(), owners);
    mapByNode.replaceAll((_, _) -> map);
    // What a chunk owner knows of cuts moves with its slots.
    Map<InodeId, Long> all = new HashMap<>();
    generations
        .values()
        .forEach(
            known -> known.forEach((inode, generation) -> all.merge(inode, generation, Math::max)));
    map.nodes().forEach(node -> generations.put(node.id().value(), new HashMap<>(all)));
  }

  /** A daemon starts anew at another address; the others know its new address if told. */
  public void moveNode(NodeId id, int port, boolean tellOthers) {
    Node old = map.node(id);
    if (old == null) {
      throw new IllegalArgumentException("no node " + id);
    }
    var moved = new Node(id, old.host(), port, "", old.incarnation() + 1, old.state());
    map = map.withNode(moved);
    mapByNode.replaceAll(
        (node, known) -> tellOthers || node == id.value() ? known.withNode(moved) : known);
  }

  /** Spreads a directory over 2^k partitions. */
  public void spread(InodeId directory, int exponent) {
    inode(directory).exponent = exponent;
  }

  /** All daemons forget a session. */
  public void expire(long session) {
    expired.add(session);
  }

  /** A node ends a session: what it had there is gone, and what it sends there is refused. */
  public void expireAt(NodeId node, long session) {
    expiredAt.add(session + "@" + node);
    inodes.forEach((id, inode) -> {
      if (owns(node, id.slot())) {
        inode.pins.remove(session);
      }
    });
  }

  public boolean wasRenewed(NodeId node) {
    return renewed.contains("n" + node.value());
  }

  public boolean wasClosed(NodeId node) {
    return closed.contains("n" + node.value());
  }

  /** Whether a session's pin holds an inode. */
  public boolean isPinned(InodeId id) {
    SimulatedInode inode = inodes.get(id);
    return inode != null && !inode.pins.isEmpty();
  }

  public boolean exists(InodeId id) {
    return inodes.containsKey(id);
  }

  public long sizeOf(InodeId id) {
    return inode(id).size;
  }

  /** The size when a truncation or change of a range was decided last. */
  public long sizeBeforeChange(InodeId id) {
    return inode(id).sizeBeforeChange;
  }

  public long mtimeOf(InodeId id) {
    return inode(id).mtime;
  }

  public long versionOf(InodeId id) {
    return inode(id).version;
  }

  /** How many replies are kept for a session. */
  public int repliesKept(long session) {
    return replies.getOrDefault(session, Map.of()).size();
  }

  private SimulatedInode inode(InodeId id) {
    SimulatedInode inode = inodes.get(id);
    if (inode == null) {
      throw new IllegalStateException("no inode " + id);
    }
    return inode;
  }

  private SimulatedInode existing(InodeId id) throws FsException {
    SimulatedInode inode = inodes.get(id);
    if (inode == null) {
      throw new FsException(FsError.NOT_FOUND, "inode " + id + " is not there");
    }
    return inode;
  }

  private boolean owns(NodeId node, SlotId slot) {
    return mapOf(node).owner(slot).equals(node);
  }

  /** Carries out a request at a node; the answer may come later. */
  void handle(
      NodeId node,
      long session,
      Request request,
      byte[] payload,
      BiConsumer<@Nullable Answer, @Nullable FsException> answer) {
    try {
      if (expired.contains(session) || expiredAt.contains(session + "@" + node)) {
        throw new FsException(FsError.SESSION_EXPIRED, "session " + session + " has expired");
      }
      int slot = request.slotValue();
      if (slot != Request.NO_SLOT && !owns(node, new SlotId(slot))) {
        throw new FsException(FsError.WRONG_OWNER, node + " does not own slot " + slot);
      }
      OperationStamp stamp = stamp(request);
      if (stamp == null) {
        Answer now = run(node, session, request, payload, answer);
        if (now != null) {
          answer.accept(now, null);
        }
        return;
      }
      runOnce(node, session, stamp, request, payload, answer);
    } catch (FsException e) {
      answer.accept(null, e);
    }
  }

  private void runOnce(
      NodeId node,
      long session,
      OperationStamp stamp,
      Request request,
      byte[] payload,
      BiConsumer<@Nullable Answer, @Nullable FsException> answer)
      throws FsException {
    long below = answeredBelow.merge(session, stamp.acknowledgedBelow(), Math::max);
    Map<Long, Stored> kept = replies.computeIfAbsent(session, _ -> new HashMap<>());
    kept.keySet().removeIf(sequence -> sequence < below);
    if (stamp.sequence() < below) {
      throw new AssertionError(
          request.type()
              + " came with number "
              + stamp.sequence()
              + ", all below "
              + below
              + " were said to be over");
    }
    byte[] encoded = SimulatedRpc.encoded(request);
    Stored before = kept.get(stamp.sequence());
    if (before != null) {
      if (!Arrays.equals(encoded, before.request)) {
        throw new AssertionError("number " + stamp.sequence() + " came with two requests");
      }
      answer.accept(before.answer, null);
      return;
    }
    BiConsumer<@Nullable Answer, @Nullable FsException> storing =
        (result, failure) -> {
          if (result != null) {
            kept.put(stamp.sequence(), new Stored(encoded, result));
          }
          answer.accept(result, failure);
        };
    Answer now = run(node, session, request, payload, storing);
    if (now != null) {
      storing.accept(now, null);
    }
  }

  private static @Nullable OperationStamp stamp(Request request) {
    return switch (request) {
      case NamespaceRequest.SetAttributes r -> r.stamp();
      case NamespaceRequest.Truncate r -> r.stamp();
      case NamespaceRequest.Create r -> r.stamp();
      case NamespaceRequest.MakeDirectory r -> r.stamp();
      case NamespaceRequest.Unlink r -> r.stamp();
      case NamespaceRequest.RemoveDirectory r -> r.stamp();
      case NamespaceRequest.Link r -> r.stamp();
      case NamespaceRequest.Rename r -> r.stamp();
      case NamespaceRequest.WriteInline r -> r.stamp();
      case NamespaceRequest.LeaveInline r -> r.stamp();
      case FileRequest.ReserveAppend r -> r.stamp();
      case FileRequest.ChangeRange r -> r.stamp();
      default -> null;
    };
  }

  private @Nullable Answer run(
      NodeId node,
      long session,
      Request request,
      byte[] payload,
      BiConsumer<@Nullable Answer, @Nullable FsException> later)
      throws FsException {
    return switch (request) {
      case NamespaceRequest r -> namespace(node, session, r, payload, later);
      case FileRequest r -> file(session, r, payload, later);
      case DataRequest r -> data(node, r, payload);
      case ControlRequest.GetMap _ ->
          new Answer(new Reply.Map(mapOf(node), mapOf(node).epoch(), List.of()));
      case ControlRequest.GetCapacity _ ->
          new Answer(
              new Reply.Capacity(
                  new StorageSpace("", 4_096_000, 2_457_600, 93, 4_096_000, 2_457_600), 7));
      case ControlRequest.RenewSession _ -> {
        renewed.add("n" + node.value());
        yield new Answer(new Reply.Done());
      }
      case ControlRequest.CloseSession _ -> {
        closed.add("n" + node.value());
        inodes.values().forEach(inode -> inode.pins.remove(session));
        yield new Answer(new Reply.Done());
      }
      case ExtendedAttributeRequest r -> throw new AssertionError("not simulated: " + r);
      case ControlRequest r -> throw new AssertionError("a client sent " + r);
      case TransactionRequest r -> throw new AssertionError("a client sent " + r);
      case MigrationRequest r -> throw new AssertionError("a client sent " + r);
      case RecallRequest r -> throw new AssertionError("nothing here is recalled: " + r);
      case LockRequest r -> throw new AssertionError("nothing here locks: " + r);
    };
  }

  private @Nullable Answer namespace(
      NodeId node,
      long session,
      NamespaceRequest request,
      byte[] payload,
      BiConsumer<@Nullable Answer, @Nullable FsException> later)
      throws FsException {
    return switch (request) {
      case NamespaceRequest.Lookup r -> {
        SimulatedInode found = existing(entry(r.entry()));
        yield new Answer(
            new Reply.Entry(
                found.id, found.type, owns(node, found.id.slot()) ? found.attributes() : null));
      }
      case NamespaceRequest.GetAttributes r -> attributes(existing(r.inode()));
      case NamespaceRequest.GetShares r -> attributes(existing(r.directory()));
      case NamespaceRequest.SetAttributes r -> {
        SimulatedInode inode = existing(r.inode());
        set(inode, r);
        yield attributes(inode);
      }
      case NamespaceRequest.Truncate r -> truncate(session, r, later);
      case NamespaceRequest.Create r -> {
        InodeId there = directory(r.entry()).entries.get(r.entry().name());
        yield there == null || r.exclusive()
            ? create(node, session, r)
            : whenNotCut(existing(there), later, () -> create(node, session, r));
      }
      case NamespaceRequest.MakeDirectory r -> makeDirectory(r);
      case NamespaceRequest.Unlink r -> {
        SimulatedInode directory = directory(r.entry());
        SimulatedInode inode = existing(entry(r.entry()));
        if (inode.type == FileType.DIRECTORY) {
          throw new FsException(FsError.IS_DIRECTORY, "unlink of a directory");
        }
        directory.entries.remove(r.entry().name());
        inode.links--;
        inode.ctime = r.nowNanos();
        reclaim(inode);
        yield new Answer(new Reply.Done());
      }
      case NamespaceRequest.RemoveDirectory r -> {
        SimulatedInode directory = directory(r.entry());
        SimulatedInode inode = existing(entry(r.entry()));
        if (inode.type != FileType.DIRECTORY) {
          throw new FsException(FsError.NOT_DIRECTORY, "rmdir of a " + inode.type);
        }
        if (!inode.entries.isEmpty()) {
          throw new FsException(FsError.NOT_EMPTY, inode.entries.size() + " entries");
        }
        directory.entries.remove(r.entry().name());
        inodes.remove(inode.id);
        yield new Answer(new Reply.Done());
      }
      case NamespaceRequest.Link r -> {
        SimulatedInode directory = directory(r.entry());
        SimulatedInode inode = existing(r.inode());
        if (directory.entries.putIfAbsent(r.entry().name(), inode.id) != null) {
          throw new FsException(FsError.EXISTS, "the name is taken");
        }
        inode.links++;
        yield new Answer(new Reply.Done());
      }
      case NamespaceRequest.Rename r -> rename(r);
      case NamespaceRequest.ReadSymlink r -> {
        SimulatedInode inode = existing(r.inode());
        if (inode.type != FileType.SYMLINK) {
          throw new FsException(FsError.INVALID, "a " + inode.type);
        }
        yield new Answer(new Reply.Bytes(inode.target));
      }
      case NamespaceRequest.ReadDirectory r -> list(node, r);
      case NamespaceRequest.Open r -> {
        SimulatedInode inode = existing(r.inode());
        yield whenNotCut(
            inode,
            later,
            () -> {
              pin(inode, session, r.pin());
              return attributes(inode);
            });
      }
      case NamespaceRequest.ReleasePins r -> {
        for (PinRelease release : r.releases()) {
          SimulatedInode inode = inodes.get(release.inode());
          if (inode != null && inode.pins.getOrDefault(session, 0L) <= release.pin()) {
            inode.pins.remove(session);
            reclaim(inode);
          }
        }
        yield new Answer(new Reply.Done());
      }
      case NamespaceRequest.ReadInline r -> readInline(r);
      case NamespaceRequest.WriteInline r -> writeInline(r, payload);
      case NamespaceRequest.LeaveInline r -> {
        SimulatedInode inode = existing(r.inode());
        leaveInline(inode);
        yield attributes(inode);
      }
      case NamespaceRequest.ReportWrite r -> {
        SimulatedInode inode = existing(r.inode());
        yield whenNotCut(
            inode,
            later,
            () -> {
              report(inode, r);
              return attributes(inode);
            });
      }
      case NamespaceRequest.SyncInode r -> {
        SimulatedInode _ = existing(r.inode());
        yield new Answer(new Reply.Done());
      }
    };
  }

  private void leaveInline(SimulatedInode inode) {
    if (inode.layout.inline()) {
      if (inode.inline.length > 0) {
        byte[] chunk = new byte[chunkSizeBytes];
        System.arraycopy(inode.inline, 0, chunk, 0, inode.inline.length);
        chunks.put(new ChunkKey(inode.id, 0), chunk);
      }
      inode.layout = inode.layout.chunked();
      inode.inline = NOTHING;
    }
  }

  /** What happens at an owner. */
  private interface Step {
    @Nullable Answer run() throws FsException;
  }

  /** Takes a step when no cut of the file is under way, and answers it now or later. */
  private @Nullable Answer whenNotCut(
      SimulatedInode inode, BiConsumer<@Nullable Answer, @Nullable FsException> later, Step step)
      throws FsException {
    if (!inode.cutUnderWay) {
      return step.run();
    }
    heldByCuts.add(() -> {
      try {
        Answer now = whenNotCut(inode, later, step);
        if (now != null) {
          later.accept(now, null);
        }
      } catch (FsException e) {
        later.accept(null, e);
      }
    });
    return null;
  }

  private @Nullable Answer file(
      long session,
      FileRequest request,
      byte[] payload,
      BiConsumer<@Nullable Answer, @Nullable FsException> later)
      throws FsException {
    SimulatedInode inode = existing(request.inode());
    return switch (request) {
      case FileRequest.ReserveAppend r ->
          whenNotCut(inode, later, () -> reserve(inode, r, payload));
      case FileRequest.FinishAppend r -> {
        // In the order in which they come: to publish them in order is the owner's art, not ours.
        if (r.stored() && DataGeneration.isSameCut(r.dataGeneration(), inode.generation)) {
          inode.size = Math.max(inode.size, r.offset() + r.lengthBytes());
          inode.mtime = Math.max(inode.mtime, r.mtimeNanos());
          inode.version++;
        }
        yield attributes(inode);
      }
      case FileRequest.ChangeRange r ->
          whenNotCut(inode, later, () -> changeRange(session, inode, r, later));
    };
  }

  private static boolean othersHaveOpen(SimulatedInode inode, long session) {
    return inode.pins.keySet().stream().anyMatch(each -> each != session);
  }

  private @Nullable Answer changeRange(
      long session,
      SimulatedInode inode,
      FileRequest.ChangeRange r,
      BiConsumer<@Nullable Answer, @Nullable FsException> later) {
    long end = r.offset() + r.lengthBytes();
    long size = r.extend() ? Math.max(inode.size, end) : inode.size;
    inode.sizeBeforeChange = inode.size;
    if (inode.layout.inline() && (r.behindEnd() || size <= inlineMaxBytes)) {
      inode.inline = Arrays.copyOf(inode.inline, (int) size);
      if (r.clears() && r.offset() < size) {
        Arrays.fill(inode.inline, (int) r.offset(), (int) Math.min(end, size), (byte) 0);
      }
      inode.size = size;
      inode.version++;
      return attributes(inode);
    }
    if (r.behindEnd() && end <= inode.size) {
      return attributes(inode);
    }
    leaveInline(inode);
    boolean toItsEnd = r.behindEnd() || othersHaveOpen(inode, session);
    long from = r.behindEnd() ? Math.max(r.offset(), inode.size) : r.offset();
    inode.size = size;
    inode.version++;
    if (!r.clears() || (!toItsEnd && from >= size)) {
      return attributes(inode);
    }
    inode.generation = DataGeneration.afterClearing(inode.generation);
    tellOwners(inode, from, toItsEnd ? end : Math.min(end, size), later);
    return null;
  }

  private Answer reserve(SimulatedInode inode, FileRequest.ReserveAppend r, byte[] payload)
      throws FsException {
    SimulatedInode _ = existing(inode.id);
    int length = Math.toIntExact(r.lengthBytes());
    if (inode.layout.inline() && payload.length > 0 && inode.size + length <= inlineMaxBytes) {
      long offset = inode.size;
      inode.inline = Arrays.copyOf(inode.inline, (int) offset + length);
      System.arraycopy(payload, 0, inode.inline, (int) offset, length);
      inode.size = offset + length;
      inode.mtime = Math.max(inode.mtime, r.nowNanos());
      inode.version++;
      return new Answer(new Reply.Appended(inode.attributes(), offset, true));
    }
    leaveInline(inode);
    if (!DataGeneration.isSameCut(inode.appendGeneration, inode.generation)) {
      inode.appendGeneration = inode.generation;
      inode.appendEnd = 0;
    }
    long offset = Math.max(inode.size, inode.appendEnd);
    inode.appendEnd = offset + length;
    return new Answer(new Reply.Appended(inode.attributes(), offset, false));
  }

  private static Answer attributes(SimulatedInode inode) {
    return new Answer(new Reply.Attributes(inode.attributes()));
  }

  private SimulatedInode directory(EntryKey key) throws FsException {
    SimulatedInode directory = existing(key.directory());
    if (directory.type != FileType.DIRECTORY) {
      throw new FsException(FsError.NOT_DIRECTORY, "a " + directory.type);
    }
    if (directory.exponent != key.partitionExponent()) {
      throw new FsException(FsError.SPREAD_CHANGED, "spread with exponent " + directory.exponent);
    }
    return directory;
  }

  private InodeId entry(EntryKey key) throws FsException {
    InodeId found = directory(key).entries.get(key.name());
    if (found == null) {
      throw new FsException(FsError.NOT_FOUND, "there is no '" + key.name() + "'");
    }
    return found;
  }

  private InodeId newId(SlotId slot) {
    return InodeId.of(slot, counters.merge(slot.value(), 1L, Long::sum));
  }

  private static void set(SimulatedInode inode, SetAttributes r) {
    if ((r.mask() & SetAttributes.MASK_MODE) != 0) {
      inode.mode = r.mode();
    }
    if ((r.mask() & SetAttributes.MASK_UID) != 0) {
      inode.uid = r.uid();
    }
    if ((r.mask() & SetAttributes.MASK_GID) != 0) {
      inode.gid = r.gid();
    }
    if ((r.mask() & SetAttributes.MASK_ATIME) != 0) {
      inode.atime = r.atimeNanos();
    }
    if ((r.mask() & SetAttributes.MASK_MTIME) != 0) {
      inode.mtime = r.mtimeNanos();
    }
    inode.ctime = r.ctimeNanos();
  }

  private Answer create(NodeId node, long session, NamespaceRequest.Create r) throws FsException {
    SimulatedInode directory = directory(r.entry());
    InodeId there = directory.entries.get(r.entry().name());
    if (there != null) {
      if (r.exclusive()) {
        throw new FsException(FsError.EXISTS, "the name is taken");
      }
      SimulatedInode inode = existing(there);
      boolean here = owns(node, inode.id.slot());
      if (here) {
        pin(inode, session, r.pin());
      }
      return new Answer(new Reply.Created(there, true, here ? inode.attributes() : null));
    }
    InodeId id = newId(r.entry().slot());
    var inode =
        new SimulatedInode(
            id,
            r.fileType(),
            new FileLayout(chunkSizeBytes, Placement.wideFirstSlot(id), 1, 0, inlineMaxBytes > 0));
    inode.mode = r.mode();
    inode.uid = r.uid();
    inode.gid = r.gid();
    inode.device = r.deviceNumber();
    inode.links = 1;
    inode.target = r.symlinkTarget();
    inode.size = r.symlinkTarget().length;
    inode.mtime = r.nowNanos();
    inode.ctime = r.nowNanos();
    inodes.put(id, inode);
    directory.entries.put(r.entry().name(), id);
    pin(inode, session, r.pin());
    return new Answer(new Reply.Created(id, false, inode.attributes()));
  }

  private Answer makeDirectory(NamespaceRequest.MakeDirectory r) throws FsException {
    SimulatedInode directory = directory(r.entry());
    if (directory.entries.containsKey(r.entry().name())) {
      throw new FsException(FsError.EXISTS, "the name is taken");
    }
    InodeId id = newId(Placement.newDirectorySlot(directory.id, r.entry().name()));
    var inode =
        new SimulatedInode(id, FileType.DIRECTORY, new FileLayout(chunkSizeBytes, 0, 1, 0, false));
    inode.mode = r.mode();
    inode.uid = r.uid();
    inode.gid = r.gid();
    inode.links = 2;
    inode.parent = directory.id;
    inodes.put(id, inode);
    directory.entries.put(r.entry().name(), id);
    return new Answer(new Reply.Created(id, false, inode.attributes()));
  }

  private Answer rename(NamespaceRequest.Rename r) throws FsException {
    SimulatedInode from = directory(r.from());
    SimulatedInode to = directory(r.to());
    SimulatedInode moved = existing(entry(r.from()));
    InodeId replaced = to.entries.get(r.to().name());
    if (replaced != null && (r.flags() & NamespaceRequest.Rename.FLAG_NO_REPLACE) != 0) {
      throw new FsException(FsError.EXISTS, "the name is taken");
    }
    if ((r.flags() & NamespaceRequest.Rename.FLAG_EXCHANGE) != 0) {
      if (replaced == null) {
        throw new FsException(FsError.NOT_FOUND, "nothing to exchange with");
      }
      to.entries.put(r.to().name(), moved.id);
      from.entries.put(r.from().name(), replaced);
      return new Answer(new Reply.Done());
    }
    from.entries.remove(r.from().name());
    to.entries.put(r.to().name(), moved.id);
    if (moved.type == FileType.DIRECTORY) {
      moved.parent = to.id;
    }
    if (replaced != null && !replaced.equals(moved.id)) {
      SimulatedInode old = inode(replaced);
      old.links--;
      reclaim(old);
    }
    return new Answer(new Reply.Done());
  }

  private Answer list(NodeId node, NamespaceRequest.ReadDirectory r) throws FsException {
    SimulatedInode directory = existing(r.directory());
    if (directory.type != FileType.DIRECTORY) {
      throw new FsException(FsError.NOT_DIRECTORY, "a " + directory.type);
    }
    if (directory.exponent != r.partitionExponent()) {
      throw new FsException(FsError.SPREAD_CHANGED, "spread with exponent " + directory.exponent);
    }
    List<DirectoryEntry> page = new ArrayList<>();
    int bytes = 0;
    long lastHash = -1;
    boolean last = true;
    for (Map.Entry<EntryName, InodeId> entry : directory.entries.entrySet()) {
      EntryName name = entry.getKey();
      if (Placement.partition(name, directory.exponent) != r.partition()
          || name.hash() <= r.afterHash()) {
        continue;
      }
      if (bytes >= r.maxBytes() && name.hash() != lastHash) {
        last = false;
        break;
      }
      SimulatedInode inode = inode(entry.getValue());
      boolean with = r.withAttributes() && owns(node, inode.id.slot());
      page.add(new DirectoryEntry(name, inode.id, inode.type, with ? inode.attributes() : null));
      bytes += 20 + name.length() + (with ? 130 : 0);
      lastHash = name.hash();
    }
    return new Answer(new Reply.DirectoryPage(page, last));
  }

  private static void pin(SimulatedInode inode, long session, long pin) {
    if (pin != 0) {
      inode.pins.merge(session, pin, Math::max);
    }
  }

  private void reclaim(SimulatedInode inode) {
    if (inode.links == 0 && inode.pins.isEmpty()) {
      inodes.remove(inode.id);
      chunks.keySet().removeIf(key -> key.inode.equals(inode.id));
    }
  }

  private Answer readInline(NamespaceRequest.ReadInline r) throws FsException {
    SimulatedInode inode = existing(r.inode());
    byte[] bytes = NOTHING;
    if (inode.layout.inline()) {
      int from = (int) Math.min(r.offset(), inode.inline.length);
      int to = (int) Math.min((long) from + r.lengthBytes(), inode.inline.length);
      bytes = Arrays.copyOfRange(inode.inline, from, to);
    }
    return new Answer(new Reply.Inline(inode.attributes()), bytes);
  }

  private Answer writeInline(NamespaceRequest.WriteInline r, byte[] payload) throws FsException {
    SimulatedInode inode = existing(r.inode());
    long end = r.offset() + payload.length;
    if (!inode.layout.inline() || end > inlineMaxBytes) {
      throw new FsException(FsError.NOT_INLINE, "inode " + inode.id);
    }
    inode.inline = Arrays.copyOf(inode.inline, Math.max(inode.inline.length, (int) end));
    System.arraycopy(payload, 0, inode.inline, (int) r.offset(), payload.length);
    inode.size = inode.inline.length;
    inode.mtime = Math.max(inode.mtime, r.nowNanos());
    inode.version++;
    return attributes(inode);
  }

  private void report(SimulatedInode inode, NamespaceRequest.ReportWrite r) throws FsException {
    if (!DataGeneration.isSameCut(r.dataGeneration(), inode.generation)) {
      throw new FsException(FsError.STALE_GENERATION, "generation " + inode.generation);
    }
    inode.size = Math.max(inode.size, r.sizeBytes());
    inode.mtime = Math.max(inode.mtime, r.mtimeNanos());
    inode.version++;
  }

  private @Nullable Answer truncate(
      long session,
      NamespaceRequest.Truncate r,
      BiConsumer<@Nullable Answer, @Nullable FsException> later)
      throws FsException {
    SimulatedInode inode = existing(r.inode());
    if (inode.type != FileType.REGULAR) {
      throw new FsException(FsError.INVALID, "a " + inode.type);
    }
    return whenNotCut(inode, later, () -> truncate(session, inode, r, later));
  }

  private @Nullable Answer truncate(
      long session,
      SimulatedInode inode,
      NamespaceRequest.Truncate r,
      BiConsumer<@Nullable Answer, @Nullable FsException> later) {
    long size = r.sizeBytes();
    inode.mtime = Math.max(inode.mtime, r.nowNanos());
    inode.version++;
    inode.sizeBeforeChange = inode.size;
    if (inode.layout.inline() && size <= inlineMaxBytes) {
      if (size < inode.size) {
        inode.generation = DataGeneration.afterCut(inode.generation);
      }
      inode.inline = Arrays.copyOf(inode.inline, (int) size);
      inode.size = size;
      return attributes(inode);
    }
    leaveInline(inode);
    boolean others = othersHaveOpen(inode, session);
    if (size > inode.size || (size == inode.size && !others)) {
      inode.size = size;
      return attributes(inode);
    }
    long end = Math.max(inode.size, inode.appendEnd);
    inode.generation = DataGeneration.afterCut(inode.generation);
    inode.size = size;
    tellOwners(inode, size, others ? Long.MAX_VALUE : end, later);
    return null;
  }

  /** The owners of a range drop it, one after the other, while clients go on. */
  private void tellOwners(
      SimulatedInode inode,
      long from,
      long to,
      BiConsumer<@Nullable Answer, @Nullable FsException> later) {
    inode.cutUnderWay = true;
    long generation = inode.generation;
    Set<NodeId> owners = new HashSet<>();
    long last = (to - 1) / chunkSizeBytes;
    for (long chunk = from / chunkSizeBytes;
        chunk <= last && owners.size() < map.nodes().size();
        chunk++) {
      owners.add(map.owner(Placement.chunkSlot(inode.layout, chunk)));
    }
    long delay = 0;
    for (Node node : map.nodes()) {
      if (owners.contains(node.id())) {
        delay += 1 + simulation.random.nextInt(2_000_000);
        Timers.Timer _ =
            simulation.after(delay, () -> cut(node.id(), inode.id, generation, from, to));
      }
    }
    Timers.Timer _ =
        simulation.after(
            delay + 1000,
            () -> {
              inode.cutUnderWay = false;
              later.accept(attributes(inode), null);
              List<Runnable> held = List.copyOf(heldByCuts);
              heldByCuts.clear();
              held.forEach(Runnable::run);
            });
  }

  private void cut(NodeId node, InodeId inode, long generation, long from, long to) {
    generations
        .computeIfAbsent(node.value(), _ -> new HashMap<>())
        .merge(inode, generation, Math::max);
    SimulatedInode file = inodes.get(inode);
    if (file == null) {
      return;
    }
    chunks.forEach((key, bytes) -> {
      if (key.inode.equals(inode)
          && map.owner(Placement.chunkSlot(file.layout, key.index)).equals(node)) {
        long start = key.index * chunkSizeBytes;
        if (start + chunkSizeBytes > from && start < to) {
          Arrays.fill(
              bytes,
              (int) Math.max(0, from - start),
              (int) Math.min(chunkSizeBytes, to - start),
              (byte) 0);
        }
      }
    });
  }

  private Answer data(NodeId node, DataRequest request, byte[] payload) {
    return switch (request) {
      case DataRequest.WriteChunks r -> write(node, r, payload);
      case DataRequest.ReadChunks r -> read(node, r);
      case DataRequest.SyncChunks _, DataRequest.AcquireData _ -> new Answer(new Reply.Done());
      case DataRequest.SeekChunks _, DataRequest.MeasureChunks _ ->
          throw new AssertionError("the simulation has no holes");
      case DataRequest.DiscardChunks r -> throw new AssertionError("a client sent " + r);
    };
  }

  private byte outcome(NodeId node, InodeId inode, FileLayout layout, long used, ChunkSpan span) {
    if (layout.inline()) {
      throw new AssertionError("chunks of an inline file");
    }
    if (!owns(node, Placement.chunkSlot(layout, span.chunkIndex()))) {
      return Reply.Spans.OUTCOME_MOVED;
    }
    long known = generations.getOrDefault(node.value(), Map.of()).getOrDefault(inode, 0L);
    return used < known ? Reply.Spans.OUTCOME_STALE : Reply.Spans.OUTCOME_OK;
  }

  private Answer write(NodeId node, DataRequest.WriteChunks r, byte[] payload) {
    var outcomes = new byte[r.spans().size()];
    int position = 0;
    for (int i = 0; i < outcomes.length; i++) {
      ChunkSpan span = r.spans().get(i);
      outcomes[i] = outcome(node, r.inode(), r.layout(), r.dataGeneration(), span);
      if (outcomes[i] == Reply.Spans.OUTCOME_OK) {
        if (span.lengthBytes() > roomBytes) {
          outcomes[i] = Reply.Spans.OUTCOME_NO_SPACE;
        } else {
          roomBytes -= roomBytes == Long.MAX_VALUE ? 0 : span.lengthBytes();
          byte[] chunk =
              chunks.computeIfAbsent(
                  new ChunkKey(r.inode(), span.chunkIndex()), _ -> new byte[chunkSizeBytes]);
          System.arraycopy(payload, position, chunk, span.offsetBytes(), span.lengthBytes());
        }
      }
      position += span.lengthBytes();
    }
    if (position != payload.length) {
      throw new AssertionError(payload.length + " bytes came for spans of " + position);
    }
    return new Answer(new Reply.Spans(outcomes));
  }

  private Answer read(NodeId node, DataRequest.ReadChunks r) {
    var outcomes = new byte[r.spans().size()];
    ByteBuf bytes = Unpooled.buffer();
    for (int i = 0; i < outcomes.length; i++) {
      ChunkSpan span = r.spans().get(i);
      outcomes[i] = outcome(node, r.inode(), r.layout(), r.dataGeneration(), span);
      if (outcomes[i] == Reply.Spans.OUTCOME_OK) {
        byte[] chunk = chunks.get(new ChunkKey(r.inode(), span.chunkIndex()));
        if (chunk == null) {
          bytes.writeZero(span.lengthBytes());
        } else {
          bytes.writeBytes(chunk, span.offsetBytes(), span.lengthBytes());
        }
      }
    }
    byte[] payload = ByteBufUtil.getBytes(bytes);
    bytes.release();
    return new Answer(new Reply.Spans(outcomes), payload);
  }
}
