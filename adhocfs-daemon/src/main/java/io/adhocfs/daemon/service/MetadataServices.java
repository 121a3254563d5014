package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.AgreedSwitches;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.data.DataRequestHandler;
import io.adhocfs.daemon.data.StorageCheck;
import io.adhocfs.daemon.directory.DirectorySpreading;
import io.adhocfs.daemon.directory.NamespacePlans;
import io.adhocfs.daemon.directory.SpreadAttributes;
import io.adhocfs.daemon.file.Discards;
import io.adhocfs.daemon.file.FileAppends;
import io.adhocfs.daemon.file.FileCuts;
import io.adhocfs.daemon.file.InlineDeparture;
import io.adhocfs.daemon.file.Pins;
import io.adhocfs.daemon.file.Reclaimer;
import io.adhocfs.daemon.locking.LockService;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.Workers;
import io.adhocfs.daemon.metrics.OperationMetrics;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.slot.SlotParts;
import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.daemon.transaction.ChangeRules;
import io.adhocfs.daemon.transaction.Coordinator;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.Participant;
import io.adhocfs.daemon.transaction.TransactionTiming;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Backoff;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All of a daemon that works on metadata, put together: what was stored is taken up again, then
 * requests can be served.
 */
public final class MetadataServices {
  private static final Logger LOG = LoggerFactory.getLogger(MetadataServices.class);

  /**
   * The nodes, this one among them.
   *
   * @param catchUp for requests of senders that know a newer map
   */
  public record Nodes(ClusterState cluster, Peers peers, CatchUp catchUp) {}

  /**
   * Chunks at this node.
   *
   * @param requests answers requests for chunks
   * @param slots remembers the chunks of each slot
   */
  public record Chunks(DataRequestHandler requests, SlotPart slots, StorageCheck check) {}

  /**
   * The counters of a daemon.
   *
   * @param operations counts requests by type
   * @param accounts counts for those on whose behalf requests come
   */
  public record Observers(OperationMetrics operations, Accounts accounts) {}

  /** What the parts are built on. */
  public record Surroundings(
      Workers workers,
      MetadataStore store,
      Nodes nodes,
      Settings settings,
      AgreedSwitches switches,
      Chunks chunks,
      NodeControl control,
      Observers observers,
      CrashPoints crashPoints,
      TransactionTiming timing) {}

  /** Who the root directory belongs to, should this start make it. */
  public record RootOwner(int uid, int gid, long nowNanos) {}

  private static final int ROOT_MODE = 0755;

  private final Surroundings surroundings;
  private final RootOwner rootOwner;
  private final MetadataThread thread;
  private final RandomGenerator random;
  private final ClusterState cluster;
  private final Peers peers;
  private final MetadataStore store;
  private final DiskOrder diskOrder;
  private final Sessions sessions;
  private final LockService advisoryLocks;
  private final KeyLocks locks;
  private final ChangeRules rules;
  private final Coordinator coordinator;
  private final Participant participant;
  private final FileWork file;
  private final DirectoryWork directory;
  private final SlotParts slots;
  private final RequestRouter router;

  /** What is done to files over several nodes. */
  private record FileWork(
      FileCuts cuts, FileAppends appends, InlineDeparture departure, Reclaimer reclaimer) {}

  /** What is done to directories over several nodes. */
  private record DirectoryWork(
      NamespacePlans plans, DirectorySpreading spreading, SpreadAttributes attributes) {}

  private MetadataServices(Surroundings s, RootOwner rootOwner) {
    surroundings = s;
    this.rootOwner = rootOwner;
    thread = s.workers().metadataThread();
    random = new SplittableRandom(s.workers().random().nextLong());
    cluster = s.nodes().cluster();
    peers = s.nodes().peers();
    store = s.store();
    diskOrder = new DiskOrder(thread, store, s.workers().syncing(), s.switches()::anyOnDisk);
    sessions = new Sessions(store, thread, s.settings().duration(Setting.CLIENT_LEASE));
    advisoryLocks = new LockService(thread, store);
    sessions.alsoHeld(advisoryLocks);
    locks = new KeyLocks(thread);
    rules = new ChangeRules(store, sessions, dataset -> s.switches().of(dataset).chunkSizeBytes());
    coordinator =
        new Coordinator(
            thread,
            store,
            diskOrder,
            cluster,
            peers,
            locks,
            rules,
            s.crashPoints(),
            s.timing(),
            random);
    participant =
        new Participant(
            thread,
            store,
            diskOrder,
            cluster,
            peers,
            locks,
            rules,
            s.crashPoints(),
            s.timing(),
            random);
    file = fileWork(s);
    directory = directoryWork(s);
    slots = slotParts(s);
    router = router(s);
  }

  private Backoff.Pauses pauses() {
    return surroundings.timing().backoff().pauses(random);
  }

  private FileWork fileWork(Surroundings s) {
    var discards = new Discards(thread, cluster, peers, this::pauses);
    var cuts =
        new FileCuts(thread, store, diskOrder, discards, locks, s.crashPoints(), this::pauses);
    return new FileWork(
        cuts,
        new FileAppends(thread, store, locks, cuts),
        new InlineDeparture(thread, store, diskOrder, cluster, peers, locks, cuts, s.crashPoints()),
        new Reclaimer(thread, store, diskOrder, cluster, discards, s.crashPoints(), this::pauses));
  }

  private DirectoryWork directoryWork(Surroundings s) {
    Duration wait = s.timing().prepareWait();
    var plans = new NamespacePlans(thread, store, cluster, peers, locks, rules, wait, s.switches());
    var spreading =
        new DirectorySpreading(
            thread,
            store,
            cluster,
            peers,
            locks,
            coordinator,
            s.crashPoints(),
            wait,
            s.settings().number(Setting.DIRECTORY_SPREAD_ENTRIES));
    rules.onGrown(spreading::grown);
    return new DirectoryWork(
        plans,
        spreading,
        new SpreadAttributes(
            thread, store, cluster, peers, locks, this::pauses, wait.multipliedBy(2)));
  }

  private SlotParts slotParts(Surroundings s) {
    var parts = new SlotParts(store.slotStore());
    store.counts().countOn(thread);
    store.locks(locks);
    List.of(
            s.chunks().slots(),
            directory.spreading(),
            sessions,
            advisoryLocks,
            file.cuts(),
            file.departure(),
            file.appends(),
            coordinator,
            participant,
            participant.stagings(),
            file.reclaimer(),
            store,
            // Before anything is made in slots that come.
            store.counts(),
            new Root(),
            // Last: who is sent away looks again.
            locks)
        .forEach(parts::add);
    return parts;
  }

  private RequestRouter router(Surroundings s) {
    long requestWaitNanos = s.timing().requestWait().toNanos();
    var runner =
        new OperationRunner(
            thread, store, sessions, locks, coordinator, s.crashPoints(), requestWaitNanos);
    var inodes = new InodeAccess(store, sessions, locks, file.cuts(), cluster, runner);
    var files =
        new FileService(
            store,
            locks,
            runner,
            inodes,
            file.cuts(),
            file.appends(),
            file.departure(),
            diskOrder,
            s.crashPoints(),
            s.switches());
    var namespace =
        new NamespaceService(
            store,
            locks,
            rules,
            directory.plans(),
            directory.attributes(),
            runner,
            inodes,
            new Pins(thread, store, sessions, locks),
            files,
            s.switches());
    var control =
        new ControlService(
            cluster,
            s.switches(),
            store,
            sessions,
            locks,
            s.control(),
            s.chunks().check(),
            s.workers().blocking());
    return new RequestRouter(
        cluster,
        sessions,
        new RequestRouter.Families(
            namespace,
            files,
            new ExtendedAttributes(store, locks, inodes, runner),
            advisoryLocks,
            new TransactionService(coordinator, participant),
            control),
        s.chunks().requests(),
        s.observers().operations(),
        s.observers().accounts(),
        s.nodes().catchUp(),
        thread);
  }

  /**
   * Builds the parts, makes the root directory where this node owns it and has none, and takes up
   * what was under way when the daemon ended. Called on the metadata thread, or before it does
   * anything else; requests may be served when it returns.
   *
   * @throws FsException when what is stored can't be read or written
   */
  public static MetadataServices start(Surroundings surroundings, RootOwner rootOwner)
      throws FsException {
    var services = new MetadataServices(surroundings, rootOwner);
    services.peers.serveLocally(services.router);
    services.store.onReclaim(services.file.reclaimer()::add);
    services.store.slots(services.cluster::owns, services.cluster::serves);
    services.store.lostSlots(() -> services.cluster.map().lost());
    services.slots.takeUp(services.cluster.ownedSlots());
    services.sessions.start();
    return services;
  }

  /** The root directory is made where its slot has none. */
  private final class Root implements SlotPart {
    @Override
    public void takeUp(BitSet come) throws FsException {
      if (come.get(SlotId.ROOT.value())
          && cluster.owns(SlotId.ROOT.value())
          && store.inode(InodeId.ROOT) == null) {
        makeRoot(surroundings, rootOwner);
      }
    }
  }

  private void makeRoot(Surroundings s, RootOwner owner) throws FsException {
    long now = owner.nowNanos();
    int chunkSizeBytes = Math.toIntExact(s.settings().size(Setting.CHUNK_SIZE));
    Batch batch = store.batch();
    batch.addInode(
        new FileAttributes(
            InodeId.ROOT,
            FileType.DIRECTORY,
            ROOT_MODE,
            owner.uid(),
            owner.gid(),
            2,
            0,
            now,
            now,
            now,
            0,
            InodeId.ROOT,
            0,
            0,
            0,
            false,
            new FileLayout(chunkSizeBytes, Placement.wideFirstSlot(InodeId.ROOT), 1, 0, false)));
    batch.commit();
  }

  /**
   * Has what was written while steps were not ordered reach the disk: fsync relies on it from now
   * on. Any thread.
   */
  public void syncEarlier() {
    thread.execute(() ->
        diskOrder.sync(error -> {
          if (error != null) {
            LOG.warn(
                "what was written before fsync=disk is not on the disk: {}", error.getMessage());
          }
        }));
  }

  /** What takes part in the life of this node's slots. Metadata thread only. */
  public SlotParts slots() {
    return slots;
  }

  /** What answers requests. */
  public RequestRouter router() {
    return router;
  }

  /** Sessions that are known here. Any thread. */
  public int sessions() {
    return sessions.count();
  }
}
