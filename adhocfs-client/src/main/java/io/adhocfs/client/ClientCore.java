package io.adhocfs.client;

import io.adhocfs.client.data.FileData;
import io.adhocfs.client.data.FileExtents;
import io.adhocfs.client.locking.FileLocks;
import io.adhocfs.client.namespace.ExtendedAttributes;
import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.namespace.Pins;
import io.adhocfs.client.namespace.Recalls;
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
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.settings.Switches;
import java.util.BitSet;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The parts of one client, made once and shared by what is public. */
final class ClientCore {
  private static final Logger log = LoggerFactory.getLogger(ClientCore.class);

  final OperationSource operations;
  final Parties parties;
  final Router router;
  final Namespace namespace;
  final ExtendedAttributes extendedAttributes;
  final KnownFiles files;
  final FileData data;
  final FileExtents extents;
  final Pins pins;
  final Recalls recalls;
  final FileLocks locks;
  final InstanceSpace space;
  final InodeAttributes attributes;
  final DirectoryPages pages;
  final Creation creation;
  final Truncation truncation;
  final FileOpening opening;

  ClientCore(
      Instance instance,
      InstanceSource source,
      ClientOptions options,
      Owner owner,
      Surroundings surroundings) {
    Job job = options.job().orElseGet(() -> Job.of(System.getenv()));
    parties = new Parties(job.id(), job.step(), owner.uid());
    Settings settings = instance.settings();
    long limitNanos =
        options.deadline().orElse(settings.duration(Setting.CLIENT_DEADLINE)).toNanos();
    operations =
        new OperationSource(
            options.trafficClass(),
            parties,
            surroundings.timers(),
            limitNanos,
            options.deadline().isEmpty());
    router =
        new Router(
            surroundings.connections(),
            surroundings.sessionIds(),
            settings.duration(Setting.CLIENT_LEASE),
            instance.nodes(),
            SwitchTable.initial(settings),
            () -> source.read().nodes(),
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

  private void lost(Session session, @Nullable NodeId node, BitSet slots) {
    Set<InodeId> open = pins.openIn(session, slots);
    int locked = locks.countIn(session, slots);
    if (node == null) {
      log.warn(
          "this process was stopped for longer than its lease: what session {} had open or locked is"
              + " lost (open files: {}, locks: {}); programs have to open these files again,"
              + " everything else goes on",
          session,
          open.size(),
          locked);
    } else {
      log.warn(
          "session {} has ended at node {}, which did not hear of it for longer than its lease: what"
              + " was open or locked there is lost (open files: {}, locks: {}); programs have to"
              + " open these files again, everything else goes on",
          session,
          node,
          open.size(),
          locked);
    }
    recalls.lost(open);
    router.hurry();
  }

  /** What the switches say for an inode. */
  Switches switchesOf(FileAttributes inode) {
    return router.switches().of(inode.layout().policyId());
  }

  Operation begin(Supplier<String> description) {
    return operations.begin(description);
  }

  /** An operation through a handle. */
  Operation begin(KnownFile file, Supplier<String> description) {
    router.sessions().checkClock(file.session());
    return operations.begin(file.session(), file.inode(), description);
  }

  /**
   * An operation on an inode, not through a handle: in the session that has it open, if one has, so
   * that the owner does not take this client for two.
   */
  Operation beginOn(InodeId inode, Supplier<String> description) {
    return operations.beginNear(pins.sessionOf(inode), description);
  }
}
