package io.adhocfs.daemon.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.daemon.service.NamespaceInvariants;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Looks at all that is stored of an instance while nothing is under way. */
public final class Inspection {
  private static final Set<Byte> UNDER_WAY =
      Set.of(
          RecordKind.PREPARED.code(),
          RecordKind.DECISION.code(),
          RecordKind.PENDING_CUT.code(),
          RecordKind.RECLAIM.code());

  private final SimulatedInstance instance;
  private final RpcClient client;

  /** An inspector of its own session. */
  public Inspection(SimulatedInstance instance) {
    this.instance = instance;
    this.client =
        instance
            .network()
            .client(
                "inspector",
                new SimulatedTime.Life(),
                new SessionId(instance.newSession()),
                PeerRole.ADMIN,
                instance.map());
  }

  /** Lets everything come to its end, and fails with what does not fit together. */
  public void requireSoundInTheEnd() {
    instance.settle();
    requireSound(instance);
  }

  /** Fails with what does not fit together. */
  public static void requireSound(SimulatedInstance instance) {
    // What was never synced may be left in parts, which belong to no file.
    boolean whole = instance.powerFailures() == 0;
    try {
      for (SimulatedDaemon daemon : instance.daemons()) {
        requireSound(daemon, whole);
      }
      var scan = new Inspection(instance);
      List<ScannedInode> inodes = scan.inodes();
      assertThat(NamespaceInvariants.findings(inodes, scan.entries(), scan.shares())).isEmpty();
      requireCounted(instance, inodes);
      Set<Long> known = new HashSet<>();
      inodes.forEach(inode -> known.add(inode.attributes().id().value()));
      for (SimulatedDaemon daemon : instance.daemons()) {
        forEachKey(
            daemon,
            key -> {
              if (whole && Keys.kindCode(key) == RecordKind.CHUNK.code()) {
                assertThat(known)
                    .as("inodes of chunks at " + daemon.id())
                    .contains(Keys.number(key, 0));
              }
            });
      }
    } catch (FsException e) {
      throw new AssertionError(e);
    }
  }

  /** What daemons tell of how many inodes they have. */
  private static void requireCounted(SimulatedInstance instance, List<ScannedInode> inodes) {
    long directories = inodes.stream().filter(one -> one.attributes().isDirectory()).count();
    assertThat(
            instance.daemons().stream().mapToLong(d -> d.metadata().counts().directories()).sum())
        .as("directories that are counted")
        .isEqualTo(directories);
    assertThat(instance.daemons().stream().mapToLong(d -> d.metadata().counts().files()).sum())
        .as("files that are counted")
        .isEqualTo(inodes.size() - directories);
  }

  private static void requireSound(SimulatedDaemon daemon, boolean whole) throws FsException {
    if (whole) {
      assertThat(daemon.chunks().findings()).as("chunks at " + daemon.id()).isEmpty();
    }
    byte[] cursor = {};
    while (whole) {
      ChunkStore.VerifiedPage page = daemon.chunks().verify(cursor, 1 << 20);
      assertThat(page.findings()).as("checksums at " + daemon.id()).isEmpty();
      cursor = page.cursor();
      whole = cursor.length > 0;
    }
    forEachKey(
        daemon,
        key -> {
          if (Keys.isOfNode(key)) {
            return;
          }
          assertThat(daemon.cluster().owns(Keys.slot(key)))
              .as("a record of slot " + Keys.slot(key) + " at " + daemon.id())
              .isTrue();
          assertThat(UNDER_WAY).as("left at " + daemon.id()).doesNotContain(Keys.kindCode(key));
        });
  }

  private static void forEachKey(SimulatedDaemon daemon, Consumer<byte[]> visitor)
      throws FsException {
    try (SlotStore.Cursor records = daemon.records().cursor()) {
      for (boolean found = records.seek(new byte[0]); found; found = records.next()) {
        visitor.accept(records.key());
      }
    }
  }

  /** How many records of a kind there are. */
  public int records(RecordKind kind) throws FsException {
    var count = new AtomicInteger();
    for (SimulatedDaemon daemon : instance.daemons()) {
      forEachKey(
          daemon,
          key -> {
            if (Keys.kindCode(key) == kind.code()) {
              count.incrementAndGet();
            }
          });
    }
    return count.get();
  }

  private Reply ask(SimulatedDaemon daemon, ControlRequest request) {
    // A daemon may have been started anew since.
    client.useMap(ClusterMap.initial(instance.contacts()));
    CompletableFuture<Response> answer =
        client.call(
            daemon.id(), request, Unpooled.EMPTY_BUFFER, TrafficClass.CONTROL, Deadline.NEVER);
    instance.time().until(answer::isDone, request + " at " + daemon.id());
    return answer.join().reply();
  }

  /** The inodes that all daemons tell of. */
  public List<ScannedInode> inodes() {
    List<ScannedInode> inodes = new ArrayList<>();
    for (SimulatedDaemon daemon : instance.daemons()) {
      byte[] cursor = {};
      do {
        var page = (Reply.InodePage) ask(daemon, new ControlRequest.ScanInodes(cursor, 100));
        inodes.addAll(page.inodes());
        cursor = page.cursor();
      } while (cursor.length > 0);
    }
    return inodes;
  }

  /** The names that all daemons tell of. */
  public List<ScannedEntry> entries() {
    List<ScannedEntry> entries = new ArrayList<>();
    for (SimulatedDaemon daemon : instance.daemons()) {
      byte[] cursor = {};
      do {
        var page = (Reply.EntryPage) ask(daemon, new ControlRequest.ScanEntries(cursor, 100));
        entries.addAll(page.entries());
        cursor = page.cursor();
      } while (cursor.length > 0);
    }
    return entries;
  }

  private List<ScannedShare> shares() {
    List<ScannedShare> shares = new ArrayList<>();
    for (SimulatedDaemon daemon : instance.daemons()) {
      byte[] cursor = {};
      do {
        var page = (Reply.SharePage) ask(daemon, new ControlRequest.ScanShares(cursor, 100));
        shares.addAll(page.shares());
        cursor = page.cursor();
      } while (cursor.length > 0);
    }
    return shares;
  }
}
