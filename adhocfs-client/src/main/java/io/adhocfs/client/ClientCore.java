package io.adhocfs.client;

import io.adhocfs.client.data.FileData;
import io.adhocfs.client.data.FileExtents;
import io.adhocfs.client.locking.FileLocks;
import io.adhocfs.client.namespace.ExtendedAttributes;
import io.adhocfs.client.namespace.Namespace;
import io.adhocfs.client.namespace.Pins;
import io.adhocfs.client.namespace.Recalls;
import io.adhocfs.client.namespace.Space;
import io.adhocfs.client.retry.Backoff;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.OwnNode;
import io.adhocfs.client.routing.Parties;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Sequences;
import io.adhocfs.client.routing.SessionKeeper;
import io.adhocfs.client.size.KnownFiles;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.WallClock;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.settings.Switches;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** The parts of one client, made once and shared by what is public. */
final class ClientCore {
  final OperationSource operations;
  final Parties parties;
  final Router router;
  final SessionKeeper session;
  final Namespace namespace;
  final ExtendedAttributes extendedAttributes;
  final KnownFiles files;
  final FileData data;
  final FileExtents extents;
  final Pins pins;
  final Recalls recalls;
  final FileLocks locks;
  final Space space;

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
            surroundings.rpc(),
            instance.nodes(),
            SwitchTable.initial(settings),
            () -> source.read().nodes(),
            surroundings.waiting(),
            surroundings.timers(),
            surroundings.random(),
            Backoff.STANDARD,
            parties);
    session =
        new SessionKeeper(router, surroundings.timers(), settings.duration(Setting.CLIENT_LEASE));
    LongSupplier clock = () -> WallClock.nanos(surroundings.wallClock());
    var sequences = new Sequences();
    namespace = new Namespace(router, sequences, new OwnNode(router, surroundings.random()), clock);
    extendedAttributes = new ExtendedAttributes(router, sequences, clock, namespace);
    files = new KnownFiles(router, operations);
    data = new FileData(router, sequences, operations, clock);
    extents = new FileExtents(router);
    pins = new Pins(router, surroundings.timers(), operations);
    recalls = new Recalls(router, surroundings.timers(), operations, pins);
    locks = new FileLocks(router, operations, surroundings.session(), clock);
    space = new Space(router);
  }

  /** What the switches say for an inode. */
  Switches switchesOf(FileAttributes inode) {
    return router.switches().of(inode.layout().policyId());
  }

  Operation begin(Supplier<String> description) {
    return operations.begin(description);
  }
}
