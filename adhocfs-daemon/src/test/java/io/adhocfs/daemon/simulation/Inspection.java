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
import java.util.function.Consumer;

/** Looks at all that is stored of an instance while nothing is under way. */
public final class Inspection {
  private static final Set<Byte> UNDER_WAY =
      Set.of(
          RecordKind.PREPARED.code(),
          RecordKind.DECISION.code(),
          RecordKind.PENDING_CUT.code(),
          RecordKind.RECLAIM.code());

  private Inspection() {}

  /** Fails with what does not fit together. */
  public static void requireSound(SimulatedInstance instance) {
    // What was never synced may be left in parts, which belong to no file.
    boolean whole = instance.powerFailures() == 0;
    try {
      for (SimulatedDaemon daemon : instance.daemons()) {
        requireSound(daemon, whole);
      }
      var scan = new Scan(instance);
      List<ScannedInode> inodes = scan.inodes();
      assertThat(NamespaceInvariants.findings(inodes, scan.entries(), scan.shares())).isEmpty();
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

  /** Asks all daemons for what they have, by the scans that they offer. */
  private static final class Scan {
    private final SimulatedInstance instance;
    private final RpcClient client;

    Scan(SimulatedInstance instance) {
      this.instance = instance;
      this.client =
          instance
              .network()
              .client(
                  "inspector",
                  new SimulatedTime.Life(),
                  new SessionId(instance.newSession()),
                  PeerRole.ADMIN,
                  instance.log().state().map());
    }

    private Reply ask(SimulatedDaemon daemon, ControlRequest request) {
      CompletableFuture<Response> answer =
          client.call(
              daemon.id(), request, Unpooled.EMPTY_BUFFER, TrafficClass.CONTROL, Deadline.NEVER);
      instance.time().until(answer::isDone, request + " at " + daemon.id());
      return answer.join().reply();
    }

    List<ScannedInode> inodes() {
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

    List<ScannedEntry> entries() {
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

    List<ScannedShare> shares() {
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
}
