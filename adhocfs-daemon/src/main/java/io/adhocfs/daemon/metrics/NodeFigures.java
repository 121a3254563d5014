package io.adhocfs.daemon.metrics;

import io.adhocfs.daemon.chunk.FileChunkStore;
import io.adhocfs.daemon.chunk.StoreCapacity;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metrics.MetricsEndpoint.Figure;
import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.RpcServer;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What a daemon tells of itself: its status, its room, and the figures that it exports. */
public final class NodeFigures {
  private final NodeId node;
  private final Path directory;
  private final ProcessFacts facts;
  private final Clock clock;
  private final RocksSlotStore database;
  private final FileChunkStore chunks;
  private final MetadataStore metadata;
  private final RpcServer server;
  private final Supplier<@Nullable Serving> serving;

  /** What a daemon has under way that serves. */
  public interface Serving {
    /** Sessions that are known here. Any thread. */
    int sessions();

    /** Operations that a restart would have to go on with. Metadata thread only. */
    int pending();

    /** Requests that wait for a data thread. Any thread. */
    int queuedForData();
  }

  /** The slots of the map they were counted in. */
  private record OwnedSlots(ClusterMap map, int count) {}

  private volatile @Nullable OwnedSlots ownedSlots;

  /**
   * @param serving answers null until the daemon serves
   */
  public NodeFigures(
      NodeId node,
      Path directory,
      ProcessFacts facts,
      Clock clock,
      RocksSlotStore database,
      FileChunkStore chunks,
      MetadataStore metadata,
      RpcServer server,
      Supplier<@Nullable Serving> serving) {
    this.node = node;
    this.directory = directory;
    this.facts = facts;
    this.clock = clock;
    this.database = database;
    this.chunks = chunks;
    this.metadata = metadata;
    this.server = server;
    this.serving = serving;
  }

  /**
   * Its status. On the metadata thread.
   *
   * @param map null = it knows none yet
   * @param metricsPort 0 = it exports no figures
   */
  public NodeStatus status(@Nullable ClusterMap map, int metricsPort) {
    Serving now = serving.get();
    ClusterMap.Node own = map == null ? null : map.node(node);
    StoreCapacity space = chunks.capacity();
    return new NodeStatus(
        node,
        facts.version(),
        facts.hostName(),
        facts.processId(),
        directory.toString(),
        own == null ? NodeState.JOINING : own.state(),
        map == null ? 0 : map.epoch().value(),
        map == null ? 0 : ownedSlots(map),
        space.space(),
        space.usedBytes() + metadataBytes(),
        metadata.counts().files(),
        metadata.counts().directories(),
        now == null ? 0 : now.sessions(),
        now == null ? 0 : now.pending(),
        facts.residentBytes(),
        facts.uptimeMillis(),
        WallClock.nanos(clock),
        metricsPort);
  }

  /** Its room, and how many inodes lie here. Any thread. */
  public Reply.Capacity capacity() {
    return new Reply.Capacity(
        chunks.capacity().space(), metadata.counts().files() + metadata.counts().directories());
  }

  /** How many slots of a map are this node's. Any thread. */
  public int ownedSlots(ClusterMap map) {
    OwnedSlots counted = ownedSlots;
    if (counted == null || !counted.map().equals(map)) {
      int count = 0;
      for (short owner : map.owners()) {
        if (Short.toUnsignedInt(owner) == node.value()) {
          count++;
        }
      }
      counted = new OwnedSlots(map, count);
      ownedSlots = counted;
    }
    return counted.count();
  }

  private long metadataBytes() {
    return Math.max(0, database.figure(RocksSlotStore.Figure.FILE_BYTES))
        + Math.max(0, database.figure(RocksSlotStore.Figure.MEMORY_TABLE_BYTES));
  }

  /** The figures that it exports; each may be asked for by any thread. */
  List<Figure> figures() {
    List<Figure> figures = new ArrayList<>();
    figures.add(
        new Figure(
            "chunks.available",
            "bytes",
            "What file data may still take on this node",
            () -> chunks.capacity().space().availableBytes()));
    figures.add(
        new Figure(
            "chunks.used",
            "bytes",
            "What the chunk files take",
            () -> chunks.capacity().usedBytes()));
    figures.add(
        new Figure(
            "chunks.inodes",
            "inodes",
            "How many chunk files may still be made on this node",
            () -> chunks.capacity().space().diskInodesAvailable()));
    figures.add(new Figure("chunks.files", "files", "Chunk files", chunks::fileCount));
    figures.add(new Figure("chunks.open", "files", "Chunk files held open", chunks::openFileCount));
    figures.add(
        new Figure(
            "data.queue",
            "requests",
            "Requests that wait for a data thread",
            () -> {
              Serving now = serving.get();
              return now == null ? 0 : now.queuedForData();
            }));
    figures.add(new Figure("connections", "connections", "Connections", server::connectionCount));
    figures.add(
        new Figure(
            "payload.inflight",
            "bytes",
            "Payload of requests under way",
            server::payloadBytesInFlight));
    figures.add(
        new Figure("files", "inodes", "Inodes that are no directories", metadata.counts()::files));
    figures.add(new Figure("directories", "inodes", "Directories", metadata.counts()::directories));
    figures.add(
        new Figure("process.resident", "bytes", "Memory of the process", facts::residentBytes));
    for (RocksSlotStore.Figure figure : RocksSlotStore.Figure.values()) {
      String name = figure.name().toLowerCase(Locale.ROOT).replace('_', '.');
      figures.add(
          new Figure(
              "rocksdb." + name,
              "",
              "RocksDB's " + name.replace('.', ' '),
              () -> database.figure(figure)));
    }
    return List.copyOf(figures);
  }
}
