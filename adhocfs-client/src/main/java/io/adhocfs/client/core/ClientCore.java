package io.adhocfs.client.core;

import io.adhocfs.client.data.FileData;
import io.adhocfs.client.data.FileExtents;
import io.adhocfs.client.locking.FileLocks;
import io.adhocfs.client.namespace.ExtendedAttributes;
import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.namespace.Pins;
import io.adhocfs.client.namespace.Recalls;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.ContactSource;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.OwnNode;
import io.adhocfs.client.routing.Parties;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.client.size.KnownFile;
import io.adhocfs.client.size.KnownFiles;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.settings.Switches;
import java.time.Duration;
import java.util.BitSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The parts of one client, made once and shared by what is public; its beginning and its end. */
public final class ClientCore {
  private static final Logger log = LoggerFactory.getLogger(ClientCore.class);
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

  public final OperationSource operations;
  public final Parties parties;
  public final Router router;
  public final Namespace namespace;
  public final ExtendedAttributes extendedAttributes;
  public final KnownFiles files;
  public final FileData data;
  public final FileExtents extents;
  public final Pins pins;
  public final Recalls recalls;
  public final FileLocks locks;
  public final InstanceSpace space;
  public final InodeAttributes attributes;
  public final DirectoryPages pages;
  public final Creation creation;
  public final Truncation truncation;
  public final FileOpening opening;

  private final Surroundings surroundings;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * A client that sends nothing yet; {@link #learnMap} and {@link #start} come first.
   *
   * @param contacts where the daemons of the instance were last known to be
   * @param deadline how long an operation may take; empty = as the instance's setting says, and the
   *     time that limits hold it back does not count
   */
  public ClientCore(
      Instance instance,
      ContactSource contacts,
      Parties parties,
      TrafficClass trafficClass,
      Optional<Duration> deadline,
      Surroundings surroundings) {
    this.parties = parties;
    this.surroundings = surroundings;
    Settings settings = instance.settings();
    long limitNanos = deadline.orElse(settings.duration(Setting.CLIENT_DEADLINE)).toNanos();
    operations =
        new OperationSource(
            trafficClass, parties, surroundings.timers(), limitNanos, deadline.isEmpty());
    router =
        new Router(
            surroundings.connections(),
            surroundings.sessionIds(),
            settings.duration(Setting.CLIENT_LEASE),
            instance.nodes(),
            SwitchTable.initial(settings),
            contacts,
            surroundings.waiting(),
            surroundings.timers(),
            surroundings.random(),
            parties);
    LongSupplier clock = () -> WallClock.nanos(surroundings.wallClock());
    namespace = new Namespace(router, new OwnNode(router, surroundings.random()), clock);
    extendedAttributes = new ExtendedAttributes(router, clock, namespace);
    files = new KnownFiles(router, operations);
    data = new FileData(router, operations, clock);
    extents = new FileExtents(router);
    pins = new Pins(router, surroundings.timers(), operations);
    recalls = new Recalls(router, surroundings.timers(), operations, pins);
    locks = new FileLocks(router, operations, clock);
    space = new InstanceSpace(router, operations);
    attributes = new InodeAttributes(namespace, files);
    pages = new DirectoryPages(namespace, files);
    creation = new Creation(namespace);
    truncation = new Truncation(this);
    opening = new FileOpening(this);
    router
        .sessions()
        .onLoss((session, node, slots) ->
            // Whoever finds it out may hold locks.
            surroundings.timers().after(0, () -> lost(session, node, slots)));
  }

  /** Asks the contacts for the map. REFUSED by each of them, or TIMED_OUT when none answers. */
  public CompletableFuture<Void> learnMap(Instance instance) {
    Operation operation = begin(() -> "opening " + instance);
    return operation.answer(router.learnMap(operation));
  }

  /** Renews the lease from now on. Once, when the map is known. */
  public void start() {
    router.sessions().start();
  }

  /** Releases pins, ends the sessions at the daemons, and ends. Idempotent; waits, some seconds. */
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    try {
      Object _ = tellDaemons().get(CLOSE_LIMIT.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException | TimeoutException e) {
      log.debug("the daemons were not told the end of a session: it ends with its lease", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    end(closure());
  }

  /** As {@link #close}, but does not wait: completes when the client is closed. */
  public CompletableFuture<Void> closeAsync() {
    if (!closed.compareAndSet(false, true)) {
      return Completion.done();
    }
    var over = new CompletableFuture<Boolean>();
    Timers.Timer limit =
        surroundings.timers().after(CLOSE_LIMIT.toNanos(), () -> over.complete(false));
    Completion.then(
        tellDaemons(),
        (_, _) -> {
          limit.cancel();
          over.complete(true);
        });
    // It may wait for the threads that all this runs on.
    return over.thenAcceptAsync(_ -> end(closure()), surroundings.waiting());
  }

  private CompletableFuture<?> tellDaemons() {
    return pins.sendAll()
        .handle((_, _) -> true)
        .thenCompose(_ -> router.closeSessions(CLOSE_LIMIT));
  }

  private static FsException closure() {
    return new FsException(FsError.CLOSED, "the client has been closed");
  }

  /** Drops the connections; operations under way and later ones fail for this reason. */
  public void end(FsException reason) {
    router.end(reason);
    router.disconnect();
    surroundings.closing().run();
  }

  private void lost(Session session, @Nullable NodeId node, BitSet slots) {
    Set<InodeId> open = pins.openIn(session, slots);
    int locked = locks.countIn(session, slots);
    if (node == null) {
      log.warn(
          "this process was stopped for longer than its lease: what session {} had open or locked"
              + " is lost (open files: {}, locks: {}); programs have to open these files again,"
              + " everything else goes on",
          session,
          open.size(),
          locked);
    } else {
      log.warn(
          "session {} has ended at node {}, which did not hear of it for longer than its lease:"
              + " what was open or locked there is lost (open files: {}, locks: {}); programs have"
              + " to open these files again, everything else goes on",
          session,
          node,
          open.size(),
          locked);
    }
    recalls.lost(open);
    router.hurry();
  }

  /** What the switches say for an inode. */
  public Switches switchesOf(FileAttributes inode) {
    return router.switches().of(inode.layout().dataset());
  }

  public Operation begin(Supplier<String> description) {
    return operations.begin(description);
  }

  /** An operation through a handle. */
  public Operation begin(KnownFile file, Supplier<String> description) {
    router.sessions().checkClock(file.session());
    return operations.begin(file.session(), file.inode(), description);
  }

  /**
   * An operation on an inode, not through a handle: in the session that has it open, if one has, so
   * that the owner does not take this client for two.
   */
  public Operation beginOn(InodeId inode, Supplier<String> description) {
    return operations.beginNear(pins.sessionOf(inode), description);
  }
}
