package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.metadata.InodeCounts;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.NumberLimit;
import io.adhocfs.daemon.simulation.SimulatedExecutor;
import io.adhocfs.daemon.simulation.SimulatedTime;
import io.adhocfs.daemon.slot.MemorySlotStore;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.daemon.transaction.TransactionTiming;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The metadata part of one daemon, which can die and start again. */
final class SimulatedNode {
  final NodeId id;
  final FakeChunks chunks = new FakeChunks();
  final MemorySlotStore records = new MemorySlotStore();

  /** Where it dies: at the n-th time the point is reached. */
  final Map<CrashPoint, Integer> deaths = new EnumMap<>(CrashPoint.class);

  /** Whether checks of its storage take for ever. */
  boolean checksHang;

  private final SimulatedCluster cluster;
  private final Path directory;
  private final Settings settings;
  SimulatedTime.Life life = new SimulatedTime.Life();
  int starts;
  private @Nullable MetadataServices services;
  private @Nullable ClusterState state;
  private @Nullable InodeCounts counts;

  SimulatedNode(SimulatedCluster cluster, NodeId id, Path directory, Settings settings) {
    this.cluster = cluster;
    this.id = id;
    this.directory = directory;
    this.settings = settings;
    life.ended = true;
  }

  boolean isAlive() {
    return !life.ended;
  }

  MetadataServices services() {
    return Objects.requireNonNull(services);
  }

  /** How many inodes lie here. */
  InodeCounts counts() {
    return Objects.requireNonNull(counts);
  }

  ClusterState state() {
    return Objects.requireNonNull(state);
  }

  void start(ClusterMap map) throws FsException {
    life = new SimulatedTime.Life();
    starts++;
    SimulatedTime time = cluster.time;
    SimulatedTime.Life mine = life;
    var thread = new MetadataThread(new SimulatedExecutor(time, mine), () -> false, time::nanoTime);
    ClusterState clusterState =
        ClusterState.open(SmallFile.at(directory.resolve(ClusterState.FILE_NAME)), id, map);
    state = clusterState;
    var peers =
        new Peers(
            clusterState,
            cluster.clientOf(this),
            new SessionId(0x0DAE_0000_0000L + id.value() * 1000L + starts));
    var metadata =
        new MetadataStore(
            records, NumberLimit.open(SmallFile.at(directory.resolve(NumberLimit.FILE_NAME))));
    counts = metadata.counts();
    try {
      services =
          MetadataServices.start(
              new MetadataServices.Surroundings(
                  thread,
                  time::nanoTime,
                  metadata,
                  clusterState,
                  peers,
                  settings,
                  new Policies(settings),
                  action -> {
                    if (!checksHang) {
                      time.after(10_000, mine, action);
                    }
                  },
                  action -> time.after(10_000, mine, action),
                  chunks,
                  new SlotPart() {},
                  new FakeStorageCheck(List.of("checked n" + id.value())),
                  new Control(),
                  OperationMetrics.NONE,
                  new Accounts(time::nanoTime),
                  point -> reached(point, mine),
                  TransactionTiming.DEFAULT,
                  epoch ->
                      CompletableFuture.failedFuture(new IllegalStateException("epoch " + epoch)),
                  MetadataServices.randomOf(cluster.random.nextLong())),
              new MetadataServices.RootOwner(1000, 100, 1));
    } catch (SimulatedTime.Death death) {
      cluster.buried(this);
    }
  }

  private void reached(CrashPoint point, SimulatedTime.Life mine) {
    cluster.reached.merge(point, 1, Integer::sum);
    Integer left = deaths.get(point);
    if (left == null) {
      return;
    }
    if (left > 1) {
      deaths.put(point, left - 1);
    } else {
      deaths.remove(point);
      mine.ended = true;
      throw new SimulatedTime.Death(mine, "n" + id.value() + " at " + point);
    }
  }

  /** Ends the process; its disk stays. */
  void stop() {
    life.ended = true;
    records.close();
  }

  private final class Control implements NodeControl {
    @Override
    public NodeStatus status() {
      return new NodeStatus(
          id,
          "1",
          "host",
          1,
          directory.toString(),
          NodeState.ACTIVE,
          state().epoch().value(),
          0,
          StorageSpace.NONE,
          0,
          counts().files(),
          counts().directories(),
          services().sessions(),
          services().slots().pending(),
          0,
          0,
          0,
          0);
    }

    @Override
    public Reply.Capacity capacity() {
      return new Reply.Capacity(new StorageSpace("", 100, 50, 10, 100, 50), counts().files());
    }

    @Override
    public void shutdown(boolean removeData) {
      throw new SimulatedTime.Death(life, "shutdown");
    }
  }
}
