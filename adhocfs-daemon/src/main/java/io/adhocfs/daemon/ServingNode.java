package io.adhocfs.daemon;

import io.adhocfs.daemon.chunk.FileChunkStore;
import io.adhocfs.daemon.cluster.AgreedSwitches;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.control.ControlPlane;
import io.adhocfs.daemon.control.InstanceLink;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.data.DataService;
import io.adhocfs.daemon.data.StoredChunks;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.Workers;
import io.adhocfs.daemon.metrics.NodeFigures;
import io.adhocfs.daemon.migration.Departure;
import io.adhocfs.daemon.migration.Migrator;
import io.adhocfs.daemon.service.MetadataServices;
import io.adhocfs.daemon.service.NodeControl;
import io.adhocfs.daemon.service.RequestDatasets;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.daemon.throttle.Throttling;
import io.adhocfs.daemon.throttle.ThrottlingHandler;
import io.adhocfs.daemon.transaction.TransactionTiming;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler;
import java.time.Duration;

/**
 * What a daemon has once it knows which slots it owns: everything that answers requests and moves
 * slots, on the stores, the connections and the threads that it is given, the system's or those of
 * a simulation. Those stay their owner's.
 */
public final class ServingNode implements NodeFigures.Serving, AutoCloseable {
  /** How long a request that is ahead of this node waits for it to catch up. */
  private static final Duration CATCH_UP_PATIENCE = Duration.ofSeconds(3);

  /** What is stored at the node. */
  public record Stores(MetadataStore metadata, FileChunkStore chunks) {}

  /** What a node is built on. */
  public record Surroundings(
      Threads threads,
      Workers workers,
      Settings settings,
      InstanceLink link,
      Stores stores,
      NodeControl nodeControl,
      MetadataServices.Observers observers,
      CrashPoints crashPoints,
      MetadataServices.RootOwner rootOwner,
      Departure departure) {}

  private final MetadataServices services;
  private final DataService data;
  private final Migrator migrator;
  private final Throttling throttling;
  private final RequestHandler handler;

  /**
   * Takes up what is stored. On the metadata thread.
   *
   * @throws FsException as {@link MetadataServices#start}
   */
  public ServingNode(Surroundings s) throws FsException {
    ClusterState cluster = s.link().cluster();
    ControlPlane control = s.link().control();
    FileChunkStore chunks = s.stores().chunks();
    MetadataThread metadataThread = s.workers().metadataThread();
    chunks.lostSlots(() -> cluster.map().lost());
    data =
        new DataService(
            s.threads(), cluster, chunks, s.settings().number(Setting.DAEMON_DATA_THREADS));
    var switches = new AgreedSwitches(s.settings());
    ControlState agreed = control.state();
    switches.use(agreed.settingsEpoch(), agreed.inheritedChanges());
    try {
      services = MetadataServices.start(metadataSurroundings(s, switches), s.rootOwner());
    } catch (FsException | RuntimeException e) {
      data.close();
      throw e;
    }
    throttling =
        new Throttling(
            s.threads(),
            s.workers().random(),
            cluster.self(),
            cluster::map,
            s.link().client(),
            s.observers().accounts()::heldBack);
    migrator =
        new Migrator(
            s.threads(),
            metadataThread,
            s.link(),
            services.slots(),
            data,
            s.stores().metadata().slotStore(),
            chunks.transfer(),
            throttling,
            s.crashPoints(),
            s.departure());
    services.router().takesSlotsIn(migrator.receiver());
    handler =
        new ThrottlingHandler(
            services.router(),
            throttling,
            s.observers().accounts(),
            metadataThread,
            new RequestDatasets(s.stores().metadata()));
    follow(control, switches);
  }

  private MetadataServices.Surroundings metadataSurroundings(
      Surroundings s, AgreedSwitches switches) {
    InstanceLink link = s.link();
    FileChunkStore chunks = s.stores().chunks();
    return new MetadataServices.Surroundings(
        s.workers(),
        s.stores().metadata(),
        new MetadataServices.Nodes(
            link.cluster(),
            new Peers(link.cluster(), link.client(), link.session()),
            epoch -> link.control().caughtUp(epoch, Deadline.after(CATCH_UP_PATIENCE))),
        s.settings(),
        switches,
        new MetadataServices.Chunks(
            data, chunks.transfer(), new StoredChunks(link.cluster(), chunks)),
        s.nodeControl(),
        s.observers(),
        s.crashPoints(),
        TransactionTiming.DEFAULT);
  }

  /** Goes by switches and limits that are agreed on. */
  private void follow(ControlPlane control, AgreedSwitches switches) {
    control.onChange(state -> {
      boolean synced = switches.anyOnDisk();
      switches.use(state.settingsEpoch(), state.inheritedChanges());
      if (!synced && switches.anyOnDisk()) {
        services.syncEarlier();
      }
    });
    control.onChange(state -> throttling.useRules(state.throttles(), state.datasets()));
  }

  /** What answers requests. */
  public RequestHandler handler() {
    return handler;
  }

  /** Begins to move slots as agreed on. Once, when requests are answered. */
  public void startMoving() {
    migrator.start();
  }

  @Override
  public int sessions() {
    return services.sessions();
  }

  @Override
  public int pending() {
    return services.slots().pending();
  }

  @Override
  public int queuedForData() {
    return data.queued();
  }

  public MetadataServices services() {
    return services;
  }

  public DataService data() {
    return data;
  }

  /** Ends what runs here: moves first, then requests for chunks. */
  @Override
  public void close() {
    throttling.close();
    migrator.close();
    data.close();
  }
}
