package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.locking.LockService;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.DiskOrder;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.PendingCut;
import io.adhocfs.daemon.metadata.Recovery;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.daemon.transaction.Backoff;
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
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import java.util.BitSet;
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
  private static final int COUNTING_SLICE = 4000;

  /**
   * What the parts are built on.
   *
   * @param thread the metadata thread
   * @param nanoClock of the metadata thread
   * @param blocking runs what waits for a disk: a few at a time, never on the metadata thread
   * @param syncing runs what transactions wait for, so nothing that takes long
   * @param data answers requests for chunks
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
  private final Coordinator coordinator;
  private final Participant participant;
  private final DirectorySpreading spreading;
  private final FileCuts cuts;
  private final FileAppends appends;
  private final Reclaimer reclaimer;
  private final KeyLocks keyLocks;
  private final LockService advisoryLocks;
  private final RequestRouter router;
  private final Surroundings surroundings;
  private final RootOwner rootOwner;
  private boolean counting;

  /** Slots whose state is in memory: those that are served. */
  private final BitSet takenUp = new BitSet(SlotId.COUNT);

  private MetadataServices(Surroundings s, RootOwner rootOwner) {
    surroundings = s;
    this.rootOwner = rootOwner;
    store = s.store();
    thread = s.thread();
    Policies policies = s.policies();
    TransactionTiming timing = s.timing();
    Supplier<Backoff> backoffs =
        () -> new Backoff(timing.backoffMin(), timing.backoffMax(), s.random());
    diskOrder = new DiskOrder(thread, store, s.syncing(), policies::anyOnDisk);
    sessions = new Sessions(store, thread, s.settings().duration(Setting.CLIENT_LEASE));
    advisoryLocks = new LockService(thread, store);
    sessions.alsoHeld(advisoryLocks);
    var locks = new KeyLocks(thread);
    keyLocks = locks;
    var rules = new ChangeRules(store, sessions, dataset -> policies.of(dataset).chunkSizeBytes());
    coordinator =
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
    participant =
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
    cuts =
        new FileCuts(
            thread, store, diskOrder, s.cluster(), discards, locks, s.crashPoints(), backoffs);
    appends = new FileAppends(thread, store, locks, cuts);
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
    spreading =
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
    var namespace =
        new NamespaceService(
            thread,
            store,
            s.cluster(),
            sessions,
            locks,
            rules,
            coordinator,
            plans,
            cuts,
            appends,
            departure,
            spreadAttributes,
            diskOrder,
            s.crashPoints(),
            timing.requestWait().toNanos(),
            policies);
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
            new FileService(
                store, locks, namespace, cuts, appends, departure, s.crashPoints(), policies),
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
    services.takeUp(surroundings.cluster().ownedSlots());
    services.sessions.start();
    return services;
  }

  /**
   * Takes up what is stored of slots that are this node's now, and goes on with what was under way
   * in them. The root directory is made where it has none. Metadata thread only, before requests
   * for the slots are served.
   */
  public void takeUp(BitSet slots) throws FsException {
    takenUp.or(slots);
    store.recover(
        slots,
        new Recovery() {
          @Override
          public void pin(InodeId inode, SessionId session, long number) {
            sessions.recoverPin(inode, session, number);
          }

          @Override
          public void reply(int slot, SessionId session, long sequence) {
            sessions.recoverReply(slot, session, sequence);
          }

          @Override
          public void prepared(int slot, TransactionId transaction, byte[] value)
              throws FsException {
            participant.recoverPrepared(slot, transaction, value);
          }

          @Override
          public void decision(TransactionId transaction, byte[] value) throws FsException {
            coordinator.recoverDecision(transaction, value);
          }

          @Override
          public void cut(PendingCut cut) {
            cuts.recover(cut);
          }

          @Override
          public void reclaim(InodeId inode) {
            reclaimer.add(inode);
          }

          @Override
          public void appendEnd(InodeId inode) {
            appends.recover(inode);
          }

          @Override
          public void staging(Share share) {
            participant.stagings().recover(share);
          }

          @Override
          public void lock(InodeId inode, SessionId session, long owner, byte kind, byte[] value)
              throws FsException {
            sessions.recoverSession(session);
            advisoryLocks.recover(inode, session, owner, kind, value);
          }
        });
    cuts.start();
    appends.start();
    coordinator.start();
    participant.start();
    if (slots.get(SlotId.ROOT.value())) {
      makeRoot(surroundings, rootOwner);
    }
    countOn();
  }

  /**
   * Forgets slots that are no longer this node's; whoever waits for something in them is told to
   * ask the new owner. Metadata thread only, when the map says so.
   */
  public void forget(BitSet slots) {
    takenUp.andNot(slots);
    spreading.forget(slots);
    sessions.forget(slots);
    advisoryLocks.forget(slots);
    coordinator.forget(slots);
    participant.forget(slots);
    appends.forget(slots);
    store.forget(slots);
    keyLocks.refuseWaiting();
  }

  private void makeRoot(Surroundings s, RootOwner owner) throws FsException {
    if (!s.cluster().owns(SlotId.ROOT.value()) || store.inode(InodeId.ROOT) != null) {
      return;
    }
    long now = owner.nowNanos();
    int chunkSizeBytes = Math.toIntExact(s.settings().size(Setting.CHUNK_SIZE));
    try (Batch batch = store.batch()) {
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
  }

  private void countOn() {
    if (!counting) {
      counting = true;
      thread.execute(this::countSome);
    }
  }

  private void countSome() {
    counting = false;
    try {
      if (store.countSome(COUNTING_SLICE)) {
        countOn();
      }
    } catch (FsException e) {
      LOG.warn("files and directories are not all counted: {}", e.getMessage());
    }
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

  /** The slots that have been taken up and not been forgotten; a copy. Metadata thread only. */
  public BitSet takenUp() {
    return (BitSet) takenUp.clone();
  }

  /** What answers requests. */
  public RequestRouter router() {
    return router;
  }

  /** Inodes here that are no directories. Any thread; grows while they are counted. */
  public long files() {
    return store.files();
  }

  /** Directories here. Any thread; grows while they are counted. */
  public long directories() {
    return store.directories();
  }

  /** Sessions that are known here. Any thread. */
  public int sessions() {
    return sessions.count();
  }

  /**
   * Transactions that are undecided or not fully applied, truncations and reclaims under way.
   * Metadata thread only.
   */
  public int pendingOperations() {
    return spreading.pending()
        + coordinator.pending()
        + participant.pending()
        + cuts.pending()
        + reclaimer.pending();
  }

  /** Source of pauses for a daemon; tests bring their own. */
  public static RandomGenerator randomOf(long seed) {
    return new SplittableRandom(seed);
  }
}
