package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.placement.LostSlots;
import java.util.ArrayList;
import java.util.List;

/** Codecs of values that several messages carry. Attributes have this form on disk too. */
public final class Values {
  private static final int ATTRIBUTES_VERSION = 1;
  private static final int SPAN_BYTES = 16;
  private static final int FLAG_MAY_HAVE_HOLES = 1;
  private static final int FLAG_EXTENDED_ATTRIBUTES = 2;

  private Values() {}

  public static void writeLayout(WireWriter out, FileLayout layout) {
    out.byteValue(Integer.numberOfTrailingZeros(layout.chunkSizeBytes()));
    out.intValue(layout.firstSlot());
    out.intValue(layout.slotStep());
    out.intValue(layout.dataset());
    out.flag(layout.inline());
  }

  public static FileLayout readLayout(WireReader in) throws FsException {
    int shift = in.byteValue();
    return new FileLayout(
        shift < 31 ? 1 << shift : 0, in.intValue(), in.intValue(), in.intValue(), in.flag());
  }

  public static void writeAttributes(WireWriter out, FileAttributes a) {
    out.byteValue(ATTRIBUTES_VERSION);
    out.inode(a.id());
    out.byteValue(a.type().code());
    out.intValue(a.mode());
    out.intValue(a.uid());
    out.intValue(a.gid());
    out.intValue(a.linkCount());
    out.longValue(a.sizeBytes());
    out.longValue(a.atimeNanos());
    out.longValue(a.mtimeNanos());
    out.longValue(a.ctimeNanos());
    out.longValue(a.deviceNumber());
    out.inode(a.parent());
    out.byteValue(a.partitionExponent());
    out.longValue(a.dataGeneration());
    out.longValue(a.dataVersion());
    out.byteValue(
        (a.mayHaveHoles() ? FLAG_MAY_HAVE_HOLES : 0)
            | (a.hasExtendedAttributes() ? FLAG_EXTENDED_ATTRIBUTES : 0));
    writeLayout(out, a.layout());
  }

  public static FileAttributes readAttributes(WireReader in) throws FsException {
    int version = in.byteValue();
    if (version != ATTRIBUTES_VERSION) {
      throw new IllegalArgumentException("attributes of version " + version);
    }
    InodeId id = in.inode();
    FileType type = FileType.ofCode(in.byteValue());
    int mode = in.intValue();
    int uid = in.intValue();
    int gid = in.intValue();
    int linkCount = in.intValue();
    long sizeBytes = in.longValue();
    long atimeNanos = in.longValue();
    long mtimeNanos = in.longValue();
    long ctimeNanos = in.longValue();
    long deviceNumber = in.longValue();
    InodeId parent = in.inode();
    int partitionExponent = in.byteValue();
    long dataGeneration = in.longValue();
    long dataVersion = in.longValue();
    int flags = in.byteValue();
    if ((flags & ~(FLAG_MAY_HAVE_HOLES | FLAG_EXTENDED_ATTRIBUTES)) != 0) {
      throw new IllegalArgumentException("attributes with flags " + flags);
    }
    return new FileAttributes(
        id,
        type,
        mode,
        uid,
        gid,
        linkCount,
        sizeBytes,
        atimeNanos,
        mtimeNanos,
        ctimeNanos,
        deviceNumber,
        parent,
        partitionExponent,
        dataGeneration,
        dataVersion,
        (flags & FLAG_MAY_HAVE_HOLES) != 0,
        (flags & FLAG_EXTENDED_ATTRIBUTES) != 0,
        readLayout(in));
  }

  static void writeNewInode(WireWriter out, NewInode made) {
    out.byteValue(made.type().code());
    out.intValue(made.mode());
    writeOwner(out, made.owner());
    out.longValue(made.deviceNumber());
    out.bytes(made.symlinkTarget());
  }

  static NewInode readNewInode(WireReader in) throws FsException {
    return new NewInode(
        FileType.ofCode(in.byteValue()), in.intValue(), readOwner(in), in.longValue(), in.bytes());
  }

  /** Writes what a new directory can differ in. */
  static void writeNewDirectory(WireWriter out, NewInode made) {
    out.intValue(made.mode());
    writeOwner(out, made.owner());
  }

  static NewInode readNewDirectory(WireReader in) throws FsException {
    return new NewInode(FileType.DIRECTORY, in.intValue(), readOwner(in), 0, new byte[0]);
  }

  private static void writeOwner(WireWriter out, Owner owner) {
    out.intValue(owner.uid());
    out.intValue(owner.gid());
  }

  private static Owner readOwner(WireReader in) throws FsException {
    return new Owner(in.intValue(), in.intValue());
  }

  static void writeAttributeChange(WireWriter out, AttributeChange change) {
    out.intValue(change.mask());
    out.intValue(change.mode());
    out.intValue(change.uid());
    out.intValue(change.gid());
    out.longValue(change.atimeNanos());
    out.longValue(change.mtimeNanos());
    out.longValue(change.ctimeNanos());
    out.intValue(change.dataset());
  }

  static AttributeChange readAttributeChange(WireReader in) throws FsException {
    return new AttributeChange(
        in.intValue(),
        in.intValue(),
        in.intValue(),
        in.intValue(),
        in.longValue(),
        in.longValue(),
        in.longValue(),
        in.intValue());
  }

  public static void writeSpans(WireWriter out, List<ChunkSpan> spans) {
    out.intValue(spans.size());
    for (ChunkSpan span : spans) {
      out.longValue(span.chunkIndex());
      out.intValue(span.offsetBytes());
      out.intValue(span.lengthBytes());
    }
  }

  public static List<ChunkSpan> readSpans(WireReader in) throws FsException {
    int count = in.count(SPAN_BYTES);
    if (count == 1) {
      return List.of(new ChunkSpan(in.longValue(), in.intValue(), in.intValue()));
    }
    List<ChunkSpan> spans = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      spans.add(new ChunkSpan(in.longValue(), in.intValue(), in.intValue()));
    }
    return spans;
  }

  public static void writeNode(WireWriter out, Node node) {
    out.intValue(node.id().value());
    out.text(node.host());
    out.intValue(node.port());
    out.text(node.socketPath());
    out.longValue(node.incarnation());
    out.byteValue(node.state().code());
  }

  public static Node readNode(WireReader in) throws FsException {
    return new Node(
        new NodeId(in.intValue()),
        in.text(),
        in.intValue(),
        in.text(),
        in.longValue(),
        NodeState.ofCode(in.byteValue()));
  }

  public static void writeMap(WireWriter out, ClusterMap map) {
    out.longValue(map.epoch().value());
    out.intValue(map.nodes().size());
    map.nodes().forEach(node -> writeNode(out, node));
    out.shorts(map.owners());
    LostSlots lost = map.lost();
    out.list(lost.nodes(), (to, node) -> to.intValue(node.value()));
    out.bytes(lost.table());
    out.intValue(lost.losses());
    out.intValue(lost.searched());
  }

  public static ClusterMap readMap(WireReader in) throws FsException {
    var epoch = new Epoch(in.longValue());
    List<Node> nodes = in.list(25, Values::readNode);
    return new ClusterMap(
        epoch,
        nodes,
        in.shorts(),
        new LostSlots(
            in.list(Integer.BYTES, from -> new NodeId(from.intValue())),
            in.bytes(),
            in.intValue(),
            in.intValue()));
  }
}
