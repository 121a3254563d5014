package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.locking.LockService;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
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
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
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
   * What the parts are built on.
   *
   * @param thread the metadata thread
   * @param nanoClock of the metadata thread
   * @param blocking runs what waits for a disk: a few at a time, never on the metadata thread
   * @param syncing runs what transactions wait for, so nothing that takes long
   * @param data answers requests for chunks
   * @param chunks what remembers chunks of slots
   * @param accounts of those on whose behalf requests come
   * @param catchUp for requests of senders that know a newer map
   * @param random for pauses
   */
  public record Surroundings(
      MetadataThread thread,
      LongSupplier nanoClock,
      MetadataStore store,
      ClusterState cluster,
      Peers peers,
      Settings settings,
      Policies policies,
      Executor blocking,
      Executor syncing,
      DataRequestHandler data,
      SlotPart chunks,
      StorageCheck storageCheck,
      NodeControl control,
      OperationMetrics metrics,
      Accounts accounts,
      CrashPoints crashPoints,
      TransactionTiming timing,
      CatchUp catchUp,
      RandomGenerator random) {}

  /** Who the root directory belongs to, should this start make it. */
  public record RootOwner(int uid, int gid, long nowNanos) {}

  private static final int ROOT_MODE = 0755;

  private final MetadataStore store;
  private final MetadataThread thread;
  private final DiskOrder diskOrder;
  private final Sessions sessions;
  private final Reclaimer reclaimer;
  private final RequestRouter router;
  private final Surroundings surroundings;
  private final RootOwner rootOwner;
  private final SlotParts slots;

  private MetadataServices(Surroundings s, RootOwner rootOwner) {
    surroundings = s;
    this.rootOwner = rootOwner;
    store = s.store();
    thread = s.thread();
    Policies policies = s.policies();
    TransactionTiming timing = s.timing();
    Supplier<Backoff.Pauses> backoffs = () -> timing.backoff().pauses(s.random());
    diskOrder = new DiskOrder(thread, store, s.syncing(), policies::anyOnDisk);
    sessions = new Sessions(store, thread, s.settings().duration(Setting.CLIENT_LEASE));
    var advisoryLocks = new LockService(thread, store);
    sessions.alsoHeld(advisoryLocks);
    var locks = new KeyLocks(thread);
    var rules = new ChangeRules(store, sessions, dataset -> policies.of(dataset).chunkSizeBytes());
    var coordinator =
        new Coordinator(
            thread,
            store,
            diskOrder,
            s.cluster(),
            s.peers(),
            locks,
            rules,
            s.crashPoints(),
            timing,
            s.random());
    var participant =
        new Participant(
            thread,
            store,
            diskOrder,
            s.cluster(),
            s.peers(),
            locks,
            rules,
            s.crashPoints(),
            timing,
            s.random());
    var discards = new Discards(thread, s.cluster(), s.peers(), backoffs);
    var cuts = new FileCuts(thread, store, diskOrder, discards, locks, s.crashPoints(), backoffs);
    var appends = new FileAppends(thread, store, locks, cuts);
    reclaimer =
        new Reclaimer(thread, store, diskOrder, s.cluster(), discards, s.crashPoints(), backoffs);
    var departure =
        new InlineDeparture(
            thread, store, diskOrder, s.cluster(), s.peers(), locks, cuts, s.crashPoints());
    var walk = new AncestorWalk(thread, store, s.cluster(), s.peers(), locks, timing.prepareWait());
    var plans =
        new NamespacePlans(
            thread,
            store,
            s.cluster(),
            s.peers(),
            rules,
            walk,
            timing.prepareWait().multipliedBy(2),
            policies);
    var spreading =
        new DirectorySpreading(
            thread,
            store,
            s.cluster(),
            s.peers(),
            locks,
            coordinator,
            s.crashPoints(),
            timing.prepareWait(),
            s.settings().number(Setting.DIRECTORY_SPREAD_ENTRIES));
    rules.onGrown(spreading::grown);
    var spreadAttributes =
        new SpreadAttributes(
            thread,
            store,
            s.cluster(),
            s.peers(),
            locks,
            backoffs,
            timing.prepareWait().multipliedBy(2));
    var runner =
        new OperationRunner(
            thread,
            store,
            sessions,
            locks,
            coordinator,
            s.crashPoints(),
            timing.requestWait().toNanos());
    var inodes = new InodeAccess(store, sessions, locks, cuts, s.cluster(), runner);
    var files =
        new FileService(
            store,
            locks,
            runner,
            inodes,
            cuts,
            appends,
            departure,
            diskOrder,
            s.crashPoints(),
            policies);
    var namespace =
        new NamespaceService(
            store,
            locks,
            rules,
            plans,
            spreadAttributes,
            runner,
            inodes,
            new Pins(thread, store, sessions, locks),
            files,
            policies);
    slots = new SlotParts(store.slotStore());
    store.counts().countOn(thread);
    store.locks(locks);
    List.of(
            s.chunks(),
            spreading,
            sessions,
            advisoryLocks,
            cuts,
            departure,
            appends,
            coordinator,
            participant,
            participant.stagings(),
            reclaimer,
            store,
            // Before anything is made in slots that come.
            store.counts(),
            new Root(),
            // Last: who is sent away looks again.
            locks)
        .forEach(slots::add);
    var control =
        new ControlService(
            s.cluster(),
            s.policies(),
            store,
            sessions,
            locks,
            s.control(),
            s.storageCheck(),
            s.blocking());
    router =
        new RequestRouter(
            s.cluster(),
            sessions,
            namespace,
            files,
            new ExtendedAttributes(store, locks, inodes, runner),
            advisoryLocks,
            new TransactionService(coordinator, participant),
            control,
            s.data(),
            s.metrics(),
            s.accounts(),
            s.nanoClock(),
            s.catchUp(),
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
    surroundings.peers().serveLocally(services.router);
    services.store.onReclaim(services.reclaimer::add);
    services.store.slots(surroundings.cluster()::owns, surroundings.cluster()::serves);
    services.store.lostSlots(() -> surroundings.cluster().map().lost());
    services.slots.takeUp(surroundings.cluster().ownedSlots());
    services.sessions.start();
    return services;
  }

  /** The root directory is made where its slot has none. */
  private final class Root implements SlotPart {
    @Override
    public void takeUp(BitSet come) throws FsException {
      if (come.get(SlotId.ROOT.value())
          && surroundings.cluster().owns(SlotId.ROOT.value())
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

  /** Source of pauses for a daemon; tests bring their own. */
  public static RandomGenerator randomOf(long seed) {
    return new SplittableRandom(seed);
  }
}
