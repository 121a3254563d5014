package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.Gate;
import io.adhocfs.daemon.ServingNode;
import io.adhocfs.daemon.chunk.FileChunkStore;
import io.adhocfs.daemon.chunk.MemoryDisk;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.control.ControlFiles;
import io.adhocfs.daemon.control.ControlMessages;
import io.adhocfs.daemon.control.InstanceLink;
import io.adhocfs.daemon.control.ReplicatedControlPlane;
import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.NumberLimit;
import io.adhocfs.daemon.metadata.Workers;
import io.adhocfs.daemon.migration.Departure;
import io.adhocfs.daemon.service.MetadataServices;
import io.adhocfs.daemon.service.NodeControl;
import io.adhocfs.daemon.simulation.SimulatedTime.Death;
import io.adhocfs.daemon.simulation.SimulatedTime.Life;
import io.adhocfs.daemon.slot.MemorySlotStore;
import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.EnumMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** One daemon with its disk: its process can die and start again. */
public final class SimulatedDaemon {
  private static final int OPEN_FILES_MAX = 16;
  private static final long RESERVE_BYTES = 1 << 16;

  private final SimulatedInstance instance;
  private final SplittableRandom random;
  private final NodeId id;
  private final MemorySlotStore records = new MemorySlotStore();
  private final MemoryDisk disk;
  private final MemoryFile mapFile = new MemoryFile("map");
  private final MemoryFile numbersFile = new MemoryFile("numbers");
  private final MemoryFile stateFile = new MemoryFile("state");
  private final MemoryFile movesFile = new MemoryFile("moves");

  /** At so many chances from now its process dies; 0 = it does not. */
  private int diesIn;

  /** When a point has been reached so often its process dies, this one or a later one. */
  private final Map<CrashPoint, Integer> deaths = new EnumMap<>(CrashPoint.class);

  private final Map<MessageType, Integer> answered = new EnumMap<>(MessageType.class);
  private boolean checksHang;

  private Life life = new Life();
  private int starts;
  private long storageTerm;
  private long recoveredTerm;
  private boolean gone;
  private boolean buried;
  private @Nullable SimulatedThreads threads;
  private @Nullable MetadataThread metadataThread;
  private @Nullable ServingNode serving;
  private @Nullable MetadataStore metadata;
  private @Nullable FileChunkStore chunks;
  private @Nullable ClusterState cluster;
  private @Nullable ReplicatedControlPlane control;
  private ClusterMap.@Nullable Node address;

  SimulatedDaemon(
      SimulatedInstance instance, NodeId id, SplittableRandom random, long capacityBytes) {
    this.instance = instance;
    this.id = id;
    this.random = random;
    this.disk = new MemoryDisk("disk of " + id, capacityBytes);
    life.ended = true;
  }

  public NodeId id() {
    return id;
  }

  public boolean isAlive() {
    return !life.ended;
  }

  /** Whether it answers requests. */
  public boolean isServing() {
    return isAlive() && serving != null;
  }

  /** Whether it has left the instance. */
  public boolean isGone() {
    return gone;
  }

  Life life() {
    return life;
  }

  /** Where it is, or was last. */
  ClusterMap.Node address() {
    if (address == null) {
      throw new IllegalStateException(id + " has not started");
    }
    return address;
  }

  /** Its process dies at the n-th next chance that it has. */
  public void dieAt(int chances) {
    diesIn = chances;
  }

  /** A process of it dies where a point is reached for the n-th time from now. */
  public void dieAt(CrashPoint point, int times) {
    deaths.put(point, times);
  }

  /** Its process does not die, whatever was said before. */
  void dieNoMore() {
    diesIn = 0;
    deaths.clear();
  }

  /** Whether what checks its storage never ends. */
  public void checksHang(boolean hang) {
    checksHang = hang;
  }

  /** What its processes keep chunks on. */
  public MemoryDisk disk() {
    return disk;
  }

  /** How many requests of a type its processes have answered, its own among them. */
  public int answered(MessageType type) {
    return answered.getOrDefault(type, 0);
  }

  /** Gives the address of its next process, so that a map can name it. */
  ClusterMap.Node prepare() {
    starts++;
    var next =
        new ClusterMap.Node(
            id,
            "host" + id.value(),
            instance.network().newPort(),
            "",
            ClusterMap.Node.incarnation(storageTerm, starts),
            NodeState.ACTIVE);
    address = next;
    return next;
  }

  /** Starts a process at the prepared address. */
  void start(ClusterMap given) {
    life = new Life();
    buried = false;
    serving = null;
    diesIn = 0;
    Life mine = life;
    try {
      start(given, mine);
    } catch (Death e) {
      instance.buried(this);
    } catch (FsException e) {
      throw new AssertionError(id + " does not start", e);
    }
  }

  private void start(ClusterMap given, Life mine) throws FsException {
    SimulatedTime time = instance.time();
    var processThreads = new SimulatedThreads(time, mine);
    threads = processThreads;
    ClusterMap.Node self = address();
    ClusterMap map = given.withAddress(self);
    Runnable mayDie = () -> mayDie(mine);
    var store = new MortalStore(records, mayDie, text -> time.trace(() -> id + " " + text));
    var executor = new SimulatedExecutor(time, mine);
    // The control thread waits for the metadata thread, which no event can: so what it waits for is
    // done in its place, and nothing comes between.
    var thread =
        new MetadataThread(
            executor,
            () -> executor.isRunning() || processThreads.isRunning("adhocfs-control"),
            time::nanoTime);
    metadataThread = thread;
    ClusterState state = ClusterState.open(mapFile, id, map);
    cluster = state;
    var session = new SessionId(0x0DAE_0000_0000L + id.value() * 1000L + starts);
    var client =
        instance.network().client(id.toString(), mine, session, PeerRole.DAEMON, state.map());
    state.onChange(client::useMap);
    var chunkStore =
        new FileChunkStore(
            processThreads,
            new MortalDisk(disk, mayDie),
            store,
            new FileChunkStore.Limits(RESERVE_BYTES, 0, OPEN_FILES_MAX),
            FileChunkStore.Sealing.AT_REST,
            UnpooledByteBufAllocator.DEFAULT);
    chunks = chunkStore;
    if (recoveredTerm < storageTerm) {
      chunkStore.dropUnsynced();
      recoveredTerm = storageTerm;
    }
    var metadataStore = new MetadataStore(store, NumberLimit.open(numbersFile));
    metadata = metadataStore;
    ReplicatedControlPlane plane =
        ReplicatedControlPlane.open(
            processThreads,
            ControlFiles.open(new MortalFile(stateFile, mayDie), new MortalFile(movesFile, mayDie)),
            instance.logs().of(id, mine, mayDie),
            state,
            client,
            starts > 1,
            point -> reached(point, mine));
    control = plane;
    plane.onChange(agreed -> instance.states().known(id, agreed));
    var gate = new Gate(new Control(), opening(plane, state));
    gate.learn(map);
    instance.network().listen(self.port(), id, mine, thread, gate, storageTerm);
    thread.whenDone(
        plane.settled(),
        (_, error) -> {
          if (error != null) {
            throw new AssertionError("not settled", error);
          }
          if (plane.isGivenUp()) {
            throw new AssertionError(id + " was given up");
          }
          try {
            var node =
                new ServingNode(
                    surroundings(
                        mine,
                        processThreads,
                        thread,
                        new InstanceLink(state, plane, client, session),
                        new ServingNode.Stores(metadataStore, chunkStore)));
            serving = node;
            gate.open(node.handler());
            node.startMoving();
            time.trace(() -> id + " serves at " + self.port() + ", " + state.map());
          } catch (FsException e) {
            throw new AssertionError(id + " does not serve", e);
          }
        });
  }

  private ServingNode.Surroundings surroundings(
      Life mine,
      SimulatedThreads processThreads,
      MetadataThread thread,
      InstanceLink link,
      ServingNode.Stores stores) {
    return new ServingNode.Surroundings(
        processThreads,
        new Workers(
            thread,
            action -> {
              if (!checksHang) {
                instance.time().after(10_000, mine, action);
              }
            },
            action -> instance.time().after(10_000, mine, action),
            random),
        instance.settings(),
        link,
        stores,
        new Control(),
        new MetadataServices.Observers(
            (type, _, _, _) -> answered.merge(type, 1, Integer::sum),
            new Accounts(processThreads::nanoTime)),
        point -> reached(point, mine),
        new MetadataServices.RootOwner(1000, 100, processThreads.wallNanos()),
        new Departure() {
          @Override
          public void gone() {
            leave();
          }

          @Override
          public void givenUp() {
            throw new AssertionError(id + " was given up");
          }
        });
  }

  private void reached(CrashPoint point, Life mine) {
    instance.reached(point);
    Integer left = deaths.get(point);
    if (left != null && left > 1) {
      deaths.put(point, left - 1);
    } else if (left != null) {
      deaths.remove(point);
      dies(mine);
      throw new Death(mine, id + " at " + point);
    }
    mayDie(mine);
  }

  private void mayDie(Life mine) {
    if (mine.ended) {
      throw new Death(mine, id + " has died before");
    }
    if (diesIn > 0 && --diesIn == 0) {
      dies(mine);
      throw new Death(mine, id.toString());
    }
  }

  /** Sees to it that it is noticed also where a future keeps what was thrown. */
  private void dies(Life mine) {
    mine.ended = true;
    instance
        .time()
        .after(
            0,
            null,
            () -> {
              if (life == mine && !buried) {
                instance.buried(this);
              }
            });
  }

  private static Gate.Opening opening(ReplicatedControlPlane plane, ClusterState state) {
    return new Gate.Opening() {
      @Override
      public ControlMessages learn(ClusterMap map) {
        return plane;
      }

      @Override
      public void learnMore(ClusterMap map) {
        state.install(map);
      }
    };
  }

  /** It has left, and has nothing any more: its process ends, after what it is doing. */
  private void leave() {
    instance
        .time()
        .after(
            0,
            life,
            () -> {
              gone = true;
              kill();
            });
  }

  /** Ends its process as it is; its disk stays. */
  public void kill() {
    life.ended = true;
    instance.buried(this);
  }

  /** Starts a process, if none runs. */
  public void restart() {
    if (!isAlive()) {
      prepare();
      start(instance.addresses());
      instance.moved(this);
    }
  }

  /** Clears up after the process: nothing of it goes on. */
  void bury() {
    buried = true;
    serving = null;
    if (threads != null) {
      threads.bury();
    }
  }

  /** The power fails as well: what was not synced is lost, or not. */
  void losePower() {
    storageTerm++;
    records.losePower(random.nextInt(records.unsyncedCommits() + 1));
    disk.losePower(random);
  }

  /** Operations that are under way here. */
  public int pending() {
    ServingNode now = serving;
    return now == null ? 0 : now.services().slots().pending();
  }

  /** Tells it of a map, as whoever starts daemons does. */
  void install(ClusterMap map) {
    MetadataThread thread = metadataThread;
    if (thread != null) {
      thread.execute(() -> cluster().install(map));
    }
  }

  /** Its part in the control plane. */
  ReplicatedControlPlane control() {
    if (control == null) {
      throw new IllegalStateException(id + " has not started");
    }
    return control;
  }

  /** What answers requests here. */
  public MetadataServices services() {
    if (serving == null) {
      throw new IllegalStateException(id + " does not serve");
    }
    return serving.services();
  }

  /** Ends a session here as if its client had closed it, which does not hear of it. */
  public CompletableFuture<Void> endSession(SessionId session) {
    ServingNode now = serving;
    MetadataThread thread = metadataThread;
    if (now == null || thread == null) {
      throw new IllegalStateException(id + " does not serve");
    }
    var ending = new Ending(session, new CompletableFuture<>());
    thread.execute(() ->
        now.handler().handle(ending, new ControlRequest.CloseSession(), Unpooled.EMPTY_BUFFER));
    return ending.done();
  }

  /** Leaves so much space for chunks, beyond what is taken. */
  public void leaveRoom(long bytes) {
    disk.leaveRoom(RESERVE_BYTES + bytes);
  }

  public MetadataStore metadata() {
    if (metadata == null) {
      throw new IllegalStateException(id + " has not started");
    }
    return metadata;
  }

  public MemorySlotStore records() {
    return records;
  }

  FileChunkStore chunks() {
    if (chunks == null) {
      throw new IllegalStateException(id + " has not started");
    }
    return chunks;
  }

  /** What it knows of the instance. */
  public ClusterState cluster() {
    if (cluster == null) {
      throw new IllegalStateException(id + " has not started");
    }
    return cluster;
  }

  /** The request to end a session. */
  private record Ending(SessionId session, CompletableFuture<Void> done)
      implements RequestHandler.Exchange {
    @Override
    public PeerRole role() {
      return PeerRole.CLIENT;
    }

    @Override
    public Epoch epoch() {
      return Epoch.NONE;
    }

    @Override
    public TrafficClass trafficClass() {
      return TrafficClass.CONTROL;
    }

    @Override
    public void reply(Reply reply, ByteBuf payload) {
      payload.release();
      done.complete(null);
    }

    @Override
    public void fail(FsError error, String message) {
      done.completeExceptionally(new FsException(error, message));
    }
  }

  private final class Control implements NodeControl {
    @Override
    public NodeStatus status() {
      return new NodeStatus(
          id,
          "1",
          "host" + id.value(),
          1,
          "/",
          NodeState.ACTIVE,
          cluster().epoch().value(),
          0,
          StorageSpace.NONE,
          0,
          metadata().counts().files(),
          metadata().counts().directories(),
          0,
          pending(),
          0,
          0,
          0,
          0);
    }

    @Override
    public Reply.Capacity capacity() {
      return new Reply.Capacity(chunks().capacity().space(), metadata().counts().files());
    }

    @Override
    public void shutdown(boolean removeData) {
      throw new Death(life, "shutdown");
    }
  }
}
