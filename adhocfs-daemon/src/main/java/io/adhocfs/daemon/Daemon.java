package io.adhocfs.daemon;

import io.adhocfs.daemon.chunk.FileChunkStore;
import io.adhocfs.daemon.chunk.LocalDisk;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.control.ControlFiles;
import io.adhocfs.daemon.control.ControlMessages;
import io.adhocfs.daemon.control.InstanceLink;
import io.adhocfs.daemon.control.ReplicatedControlPlane;
import io.adhocfs.daemon.control.raft.RaftLogs;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.NumberLimit;
import io.adhocfs.daemon.metadata.Workers;
import io.adhocfs.daemon.metrics.MetricsEndpoint;
import io.adhocfs.daemon.metrics.NodeFigures;
import io.adhocfs.daemon.metrics.OperationFigures;
import io.adhocfs.daemon.metrics.ProcessFacts;
import io.adhocfs.daemon.migration.Departure;
import io.adhocfs.daemon.service.MetadataServices;
import io.adhocfs.daemon.service.NodeControl;
import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.daemon.storage.Ballast;
import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.transport.DescriptorLimit;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.RpcServer;
import io.adhocfs.protocol.transport.RpcServerConfiguration;
import io.adhocfs.protocol.transport.RpcServerConfiguration.Limits;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running daemon: one node of an instance. Builds its parts in order and stops them in reverse.
 *
 * <p>A daemon that was never given a cluster map answers only what concerns itself; with its first
 * map it begins to serve. One that comes back serves at once, by the map that it stored, with its
 * own new address merged in.
 */
public final class Daemon {
  private static final Logger LOG = LoggerFactory.getLogger(Daemon.class);

  /** How often the disk is asked for its room. */
  private static final long LOOK_MILLIS = 200;

  private static final int BLOCKING_THREADS = 2;
  private static final int BLOCKING_QUEUE_MAX = 1024;
  private static final int PEER_DATA_CONNECTIONS = 1;

  /** Closes one part. */
  private interface Closing {
    void close() throws IOException;
  }

  private final DaemonConfiguration configuration;
  private final ProcessFacts facts = new ProcessFacts();
  private final Clock clock = Clock.systemUTC();
  private final SecureRandom random = new SecureRandom();

  /**
   * What to close, last started first. Used by the thread that starts, then by the one that stops.
   */
  private final Deque<Closing> parts = new ArrayDeque<>();

  private final AtomicBoolean stopping = new AtomicBoolean();

  /** Set by the thread that stops, before {@link #stopped}. */
  private volatile boolean dataRemoved;

  private final CountDownLatch stopped = new CountDownLatch(1);
  private final AtomicBoolean givenUp = new AtomicBoolean();

  private final DescriptorShares descriptors;
  private final StorageDirectory directory;
  private final RocksSlotStore database;
  private final FileChunkStore chunks;
  private final MetadataStore metadata;
  private final RpcServer server;
  private final Gate gate;
  private final NodeFigures nodeFigures;

  /** Whether this node was part of the instance before this process began. */
  private final boolean returns;

  private final MetadataThread thread;
  private final ThreadPoolExecutor blocking;

  /** One thread of its own: transactions wait for what it does, and checks take long. */
  private final ThreadPoolExecutor syncing;

  private final OperationFigures operations = new OperationFigures();
  private final Accounts accounts = new Accounts(System::nanoTime);
  private final CrashPoints crashPoints =
      CrashPoints.ofProperty(System.getProperty(CrashPoints.PROPERTY));

  /** Made on the metadata thread. */
  private volatile @Nullable ServingNode serving;

  private volatile ClusterMap.@Nullable Node self;
  private volatile int metricsPort;

  /** What there is once there is a map. */
  private record Knowing(
      ClusterState cluster,
      SessionId session,
      NettyRpcClient client,
      ReplicatedControlPlane control) {}

  /** Made with the first map, on the metadata thread. */
  private volatile @Nullable Knowing knowing;

  /**
   * Starts a daemon and returns when it is ready to be asked.
   *
   * @throws FsException what kept it from starting: BUSY for a directory or address in use, REFUSED
   *     for another node's directory, INVALID for one on a mount of this program and for too few
   *     descriptors, CORRUPT, NOT_SUPPORTED for one of another version, NO_SPACE, STORAGE_FAILED;
   *     everything that was started is stopped again
   */
  public static Daemon start(DaemonConfiguration configuration) throws FsException {
    Deque<Closing> started = new ArrayDeque<>();
    try {
      return new Daemon(configuration, started);
    } catch (FsException | RuntimeException | Error e) {
      closeAll(started);
      throw e;
    }
  }

  private Daemon(DaemonConfiguration configuration, Deque<Closing> started) throws FsException {
    this.configuration = configuration;
    descriptors = DescriptorShares.of(DescriptorLimit.ofThisProcess());
    String tight = descriptors.warning();
    if (tight != null) {
      LOG.warn(tight);
    }
    directory =
        StorageDirectory.take(
            configuration.dataDirectory(),
            configuration.identity().instanceId(),
            configuration.node());
    started.push(directory::close);

    database =
        new RocksSlotStore(
            directory.metadata(), diskBytes(directory.path()), descriptors.databaseFiles());
    started.push(database::close);
    // The stores are closed before they are waited for: that ends what takes long.
    blocking = blockingThreads(BLOCKING_THREADS, "adhocfs-blocking");
    started.push(() -> end(blocking));
    syncing = blockingThreads(1, "adhocfs-sync");
    started.push(() -> end(syncing));
    chunks = openChunks();
    started.push(chunks::close);
    RecoveredTerm.once(
        directory.file(RecoveredTerm.FILE_NAME),
        ClusterMap.Node.storageTerm(directory.incarnation()),
        chunks::dropUnsynced);
    metadata = new MetadataStore(database, NumberLimit.open(directory.file(NumberLimit.FILE_NAME)));
    Ballast ballast = directory.ballast();
    metadata.growthRoom(beside(ballast));
    started.push(looking(ballast));

    Path socket = directory.socketPath(configuration.socketPath());
    server = newServer(socket);
    server.storageTerm(ClusterMap.Node.storageTerm(directory.incarnation()));
    started.push(server::close);
    thread =
        new MetadataThread(server.metadataThread(), server::isOnMetadataThread, System::nanoTime);
    // Its clients and data threads go before the stores, its requests before them.
    started.push(this::closeServing);

    nodeFigures =
        new NodeFigures(
            configuration.node(),
            directory.path(),
            facts,
            clock,
            database,
            chunks,
            metadata,
            server,
            () -> serving);
    gate = new Gate(control(), opening());
    ClusterMap stored = ClusterState.stored(directory.file(ClusterState.FILE_NAME));
    returns = stored != null;
    if (stored != null) {
      onMetadataThread(() -> gate.learn(stored));
    }
    if (configuration.settings().text(Setting.DAEMON_METRICS).equals("on")) {
      metricsPort = exportFigures(started);
    }
    server.start(gate);
    started.push(server::stop);
    started.push(this::stopAnswering);
    announce(socket);
    started.push(directory::removeReady);
    parts.addAll(started);
  }

  private FileChunkStore openChunks() throws FsException {
    var settings = configuration.settings();
    return new FileChunkStore(
        Threads.SYSTEM,
        new LocalDisk(directory.chunks()),
        database,
        new FileChunkStore.Limits(
            settings.size(Setting.DAEMON_RESERVE),
            settings.size(Setting.DAEMON_CAPACITY),
            descriptors.chunkFiles()),
        settings.text(Setting.CHECKSUMS).equals("rest")
            ? FileChunkStore.Sealing.AT_REST
            : FileChunkStore.Sealing.OFF,
        PooledByteBufAllocator.DEFAULT);
  }

  /** Metadata may grow while the disk has room beside the ballast. */
  private static MetadataStore.GrowthRoom beside(Ballast ballast) {
    return new MetadataStore.GrowthRoom() {
      @Override
      public boolean mayGrow() {
        return !ballast.isScarce();
      }

      @Override
      public void makeRoom() throws FsException {
        ballast.giveUpIfScarce();
      }
    };
  }

  private RpcServer newServer(Path socket) {
    return new RpcServer(
        new RpcServerConfiguration(
            configuration.bindHost(),
            configuration.port(),
            Optional.of(socket),
            configuration.identity(),
            configuration.node(),
            Limits.usual().withConnections(descriptors.connections(), descriptors.unproved())));
  }

  /** Begins to serve figures; answers at which port. */
  private int exportFigures(Deque<Closing> started) throws FsException {
    var metrics = new MetricsEndpoint(operations, nodeFigures);
    started.push(metrics::close);
    return metrics.port();
  }

  private static long diskBytes(Path path) throws FsException {
    try {
      return Files.getFileStore(path).getTotalSpace();
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot ask for the size of the disk of " + path + ": " + e, e);
    }
  }

  /** Looks at the room on the disk from now on, until it is closed. */
  private static Closing looking(Ballast ballast) {
    ScheduledExecutorService watch =
        Executors.newSingleThreadScheduledExecutor(work -> {
          var made = new Thread(work, "adhocfs-space");
          made.setDaemon(true);
          return made;
        });
    var _ =
        watch.scheduleWithFixedDelay(
            () -> {
              try {
                ballast.look();
              } catch (FsException e) {
                LOG.debug("{}", e.getMessage());
              } catch (RuntimeException e) {
                // Nobody would look any more.
                LOG.error("the room on the disk is not known", e);
              }
            },
            0,
            LOOK_MILLIS,
            TimeUnit.MILLISECONDS);
    // Waits for the look that runs: it may make files in a directory that is removed next.
    return watch::close;
  }

  private static ThreadPoolExecutor blockingThreads(int count, String name) {
    var threads =
        new ThreadPoolExecutor(
            count,
            count,
            10,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(BLOCKING_QUEUE_MAX),
            work -> {
              var made = new Thread(work, name);
              made.setDaemon(true);
              return made;
            });
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  private static void end(ThreadPoolExecutor threads) {
    threads.shutdownNow();
    boolean interrupted = false;
    while (true) {
      try {
        // They may be in the database, which must not be closed under them.
        if (threads.awaitTermination(1, TimeUnit.MINUTES)) {
          break;
        }
        LOG.warn("waiting for threads that use the database");
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Something that works on metadata. */
  private interface MetadataWork {
    void run() throws FsException;
  }

  /** Runs something on the metadata thread and waits for it. */
  private void onMetadataThread(MetadataWork work) throws FsException {
    try {
      server
          .metadataThread()
          .submit(() -> {
            work.run();
            return null;
          })
          .get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "interrupted while starting", e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case FsException failure -> throw failure;
        case RuntimeException defect -> throw defect;
        case null, default -> throw new IllegalStateException(e);
      }
    }
  }

  private Gate.Opening opening() {
    return new Gate.Opening() {
      @Override
      public ControlMessages learn(ClusterMap map) throws FsException {
        return Daemon.this.learn(map);
      }

      @Override
      public void learnMore(ClusterMap map) {
        Knowing now = knowing;
        if (now != null) {
          now.cluster().install(map);
        }
      }
    };
  }

  /**
   * Takes part in the instance by its first map, and begins to serve as soon as it is known what
   * this node owns: at once, unless it ended in the middle of handing slots over. A slot leaves a
   * node only by a move that the node itself proposes, and remembers first, unless the others have
   * given the node up, for which it asks them; so whatever else others have agreed on meanwhile,
   * what it owned it owns. On the metadata thread, once.
   */
  private ControlMessages learn(ClusterMap map) throws FsException {
    if (map.node(configuration.node()) == null) {
      throw new FsException(
          FsError.INVALID, "the " + map + " does not have this node " + configuration.node());
    }
    ClusterMap.Node address = self;
    var cluster =
        ClusterState.open(
            directory.file(ClusterState.FILE_NAME),
            configuration.node(),
            address == null ? map : map.withAddress(address));
    var session = new SessionId(drawSession());
    var client =
        new NettyRpcClient(
            configuration.identity(),
            session,
            PeerRole.DAEMON,
            PEER_DATA_CONNECTIONS,
            cluster.map());
    cluster.onChange(client::useMap);
    Path controlDirectory = directory.path().resolve(ReplicatedControlPlane.DIRECTORY_NAME);
    ReplicatedControlPlane control;
    try {
      control =
          ReplicatedControlPlane.open(
              Threads.SYSTEM,
              ControlFiles.open(controlDirectory),
              new RaftLogs(
                  Threads.SYSTEM,
                  controlDirectory,
                  cluster.self(),
                  configuration.identity().instanceId()),
              cluster,
              client,
              returns,
              crashPoints);
    } catch (FsException | RuntimeException e) {
      client.close();
      throw e;
    }
    var now = new Knowing(cluster, session, client, control);
    knowing = now;
    CompletableFuture<Void> settled = control.settled();
    if (settled.isDone()) {
      serve(now);
    } else {
      LOG.info("asking what others have agreed on meanwhile");
      thread.whenDone(
          settled,
          (_, error) -> {
            try {
              if (error != null) {
                throw error;
              }
              serve(now);
            } catch (FsException e) {
              LOG.error("this daemon does not serve: {}", e.getMessage());
            }
          });
    }
    return control;
  }

  /** Begins to serve. On the metadata thread, once. */
  private void serve(Knowing now) throws FsException {
    ClusterState cluster = now.cluster();
    if (now.control().isGivenUp()) {
      giveUp();
      return;
    }
    var node =
        new ServingNode(
            new ServingNode.Surroundings(
                Threads.SYSTEM,
                new Workers(thread, blocking, syncing, random),
                configuration.settings(),
                new InstanceLink(cluster, now.control(), now.client(), now.session()),
                new ServingNode.Stores(metadata, chunks),
                control(),
                new MetadataServices.Observers(operations, accounts),
                crashPoints,
                new MetadataServices.RootOwner(
                    configuration.ownerUser(), configuration.ownerGroup(), WallClock.nanos(clock)),
                departure()));
    serving = node;
    gate.open(node.handler());
    node.startMoving();
    LOG.info(
        "serving epoch={} nodes={} slots={}",
        cluster.epoch().value(),
        cluster.map().nodes().size(),
        nodeFigures.ownedSlots(cluster.map()));
  }

  private Departure departure() {
    return new Departure() {
      @Override
      public void gone() {
        new Thread(() -> stop(true), "adhocfs-stop").start();
      }

      @Override
      public void givenUp() {
        giveUp();
      }
    };
  }

  /** Ends, and keeps the data: the others have gone on without this node. */
  private void giveUp() {
    if (givenUp.compareAndSet(false, true)) {
      LOG.error(
          "node {} was given up as lost (adhocfs shrink --lost): others own its slots now. It"
              + " stops; its data stays in {} and is no part of the instance any more",
          configuration.node(),
          directory.path());
      new Thread(() -> stop(false), "adhocfs-stop").start();
    }
  }

  /** Whether it has ended because the others have gone on without this node. */
  public boolean isGivenUp() {
    return givenUp.get();
  }

  private long drawSession() {
    long value = random.nextLong();
    while (value == 0) {
      value = random.nextLong();
    }
    return value;
  }

  /** Tells where the daemon is: in its map, in its directory and in the log. */
  private void announce(Path socket) throws FsException {
    var address =
        new ClusterMap.Node(
            configuration.node(),
            configuration.advertisedHost(),
            server.port(),
            socket.toString(),
            directory.incarnation(),
            NodeState.ACTIVE);
    self = address;
    Knowing now = knowing;
    if (now != null) {
      now.cluster().install(now.cluster().map().withAddress(address));
      now.cluster().persist();
    }
    var ready = new LinkedHashMap<String, Object>();
    ready.put("instance", configuration.identity().instanceId());
    ready.put("node", address.id().value());
    ready.put("pid", facts.processId());
    ready.put("host", address.host());
    ready.put("port", address.port());
    ready.put("address", address.address());
    ready.put("socket", address.socketPath());
    ready.put("incarnation", address.incarnation());
    ready.put("metricsPort", metricsPort);
    ready.put("version", facts.version());
    String tight = descriptors.warning();
    ready.put("warning", tight == null ? "" : tight);
    directory.writeReady(ready);
    LOG.info(
        "daemon ready instance={} node={} address={} data=\"{}\" version={} incarnation={}"
            + " metricsPort={} startMillis={}",
        configuration.identity().instanceId(),
        address.id(),
        address.address(),
        directory.path(),
        facts.version(),
        address.incarnation(),
        metricsPort,
        facts.uptimeMillis());
  }

  /** Where this daemon is reached. */
  public ClusterMap.Node address() {
    ClusterMap.Node address = self;
    if (address == null) {
      throw new IllegalStateException("a daemon that has not started");
    }
    return address;
  }

  private NodeControl control() {
    return new NodeControl() {
      @Override
      public NodeStatus status() {
        Knowing known = knowing;
        return nodeFigures.status(known == null ? null : known.cluster().map(), metricsPort);
      }

      @Override
      public Reply.Capacity capacity() {
        return nodeFigures.capacity();
      }

      @Override
      public void shutdown(boolean removeData) {
        // Stopping waits for the thread that calls this.
        new Thread(() -> stop(removeData), "adhocfs-stop").start();
      }
    };
  }

  private void stopAnswering() {
    Knowing now = knowing;
    if (now != null) {
      now.control().stopAnswering();
    }
  }

  private void closeServing() throws IOException {
    ServingNode served = serving;
    if (served != null) {
      served.close();
    }
    Knowing now = knowing;
    if (now != null) {
      try {
        now.control().close();
      } finally {
        now.client().close();
      }
    }
  }

  /**
   * Stops: no more requests are taken, those under way are answered, everything is closed. Waits
   * for the end; a second call only waits.
   *
   * @param removeData whether the data directory goes too
   */
  public void stop(boolean removeData) {
    if (stopping.compareAndSet(false, true)) {
      LOG.info("daemon stopping node={} removeData={}", configuration.node(), removeData);
      if (removeData) {
        chunks.goWithData();
      }
      try {
        if (removeData) {
          // While nobody else can have it.
          directory.markRemoved();
        }
        closeAll(parts);
        if (removeData) {
          directory.remove(crashPoints);
          dataRemoved = true;
        }
        LOG.info("daemon stopped node={}", configuration.node());
      } catch (IOException e) {
        closeAll(parts);
        LOG.error("data not removed data=\"{}\" reason=\"{}\"", directory.path(), e.toString());
      } finally {
        stopped.countDown();
      }
    }
    boolean interrupted = false;
    while (true) {
      try {
        stopped.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether the daemon has stopped and its data directory is gone. */
  public boolean hasRemovedData() {
    return dataRemoved;
  }

  /** Waits until the daemon has stopped, by whomever it was asked to. */
  public void awaitStopped() throws InterruptedException {
    stopped.await();
  }

  /** Closes what was started, in reverse; what cannot be closed does not keep the rest. */
  private static void closeAll(Deque<Closing> started) {
    while (!started.isEmpty()) {
      try {
        started.pop().close();
      } catch (IOException | RuntimeException e) {
        LOG.error("a part of the daemon was not closed well", e);
      }
    }
  }
}
