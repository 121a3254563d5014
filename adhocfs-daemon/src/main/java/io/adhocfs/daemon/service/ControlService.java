package io.adhocfs.daemon.service;

import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.daemon.cluster.AgreedSwitches;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.data.StorageCheck;
import io.adhocfs.daemon.metadata.ListedEntry;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.Page;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.ScannedChunk;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;

/**
 * What is asked about the daemon itself. A page of a scan may be empty although there are more: its
 * work is bounded, not its yield. Metadata thread only.
 */
final class ControlService {
  /** Some milliseconds of work. */
  private static final int SCAN_ITEMS_MAX = 1000;

  private static final long VERIFIED_BYTES_MAX = 1L << 30;

  private static final Reply DONE = new Reply.Done();

  private final ClusterState cluster;
  private final MetadataStore store;
  private final Sessions sessions;
  private final KeyLocks locks;
  private final NodeControl control;
  private final AgreedSwitches switches;
  private final StorageCheck storageCheck;
  private final Executor blocking;
  private final Repairs repairs;

  ControlService(
      ClusterState cluster,
      AgreedSwitches switches,
      MetadataStore store,
      Sessions sessions,
      KeyLocks locks,
      NodeControl control,
      StorageCheck storageCheck,
      Executor blocking) {
    this.cluster = cluster;
    this.switches = switches;
    this.store = store;
    this.sessions = sessions;
    this.locks = locks;
    this.control = control;
    this.storageCheck = storageCheck;
    this.blocking = blocking;
    this.repairs = new Repairs(store, locks, sessions);
  }

  /** Something that waits for a disk. */
  @FunctionalInterface
  private interface Blocking {
    Reply run() throws FsException;
  }

  private void offThread(Exchange exchange, Blocking action) {
    blocking.execute(() -> {
      try {
        exchange.reply(action.run());
      } catch (FsException e) {
        exchange.fail(e.error(), String.valueOf(e.getMessage()));
      } catch (RuntimeException e) {
        exchange.fail(FsError.INTERNAL, String.valueOf(e));
      }
    });
  }

  void handle(Exchange exchange, Session session, ControlRequest request) throws FsException {
    switch (request) {
      case ControlRequest.GetMap get -> exchange.reply(switches.told(cluster.map()));
      case ControlRequest.InstallMap install -> {
        cluster.install(install.map());
        offThread(
            exchange,
            () -> {
              cluster.persist();
              return DONE;
            });
      }
      case ControlRequest.GetStatus get -> exchange.reply(new Reply.Status(control.status()));
      case ControlRequest.GetCapacity get -> exchange.reply(control.capacity());
      case ControlRequest.RenewSession renew -> exchange.reply(DONE);
      case ControlRequest.CloseSession close -> sessions.end(session, () -> exchange.reply(DONE));
      case ControlRequest.Shutdown shutdown -> {
        exchange.reply(DONE);
        control.shutdown(shutdown.removeData());
      }
      case ControlRequest.ScanInodes scan -> exchange.reply(scanInodes(scan));
      case ControlRequest.ScanEntries scan -> exchange.reply(scanEntries(scan));
      case ControlRequest.ScanChunks scan -> {
        Page<ScannedChunk> page = store.scanChunks(scan.cursor(), limit(scan.maxItems()));
        exchange.reply(new Reply.ChunkPage(page.items(), page.cursor()));
      }
      case ControlRequest.ScanShares scan -> exchange.reply(scanShares(scan));
      case ControlRequest.CheckStorage check ->
          offThread(exchange, () -> new Reply.Findings(storageCheck.findings()));
      case ControlRequest.Repairing repair -> repair(exchange, repair);
      case ControlRequest.VerifyData verify -> offThread(exchange, () -> verifyData(verify));
      case ControlRequest.Agreement _, ControlRequest.Accounting _ ->
          throw new IllegalStateException("this is answered before it comes here");
    }
  }

  private void repair(Exchange exchange, ControlRequest.Repairing request) throws FsException {
    if (exchange.role() != PeerRole.ADMIN) {
      throw new FsException(FsError.NOT_PERMITTED, "only commands repair");
    }
    switch (request) {
      case ControlRequest.MarkLost mark ->
          offThread(
              exchange,
              () -> new Reply.ChunkPage(storageCheck.markLost(mark.ranges()), new byte[0]));
      case ControlRequest.DropChunks drop ->
          offThread(
              exchange,
              () -> {
                storageCheck.drop(drop.chunks());
                return DONE;
              });
      case ControlRequest.RemoveName remove -> {
        repairs.removeName(remove);
        exchange.reply(DONE);
      }
      case ControlRequest.PutName put -> {
        repairs.putName(put);
        exchange.reply(DONE);
      }
      case ControlRequest.CountEntries count -> {
        repairs.countEntries(count);
        exchange.reply(DONE);
      }
      case ControlRequest.SetNames set -> {
        repairs.setNames(set);
        exchange.reply(DONE);
      }
      case ControlRequest.RemovePartition remove -> {
        repairs.removePartition(remove);
        exchange.reply(DONE);
      }
    }
  }

  private Reply verifyData(ControlRequest.VerifyData verify) throws FsException {
    ChunkStore.VerifiedPage page =
        storageCheck.verify(verify.cursor(), Math.clamp(verify.maxBytes(), 1, VERIFIED_BYTES_MAX));
    return new Reply.VerifiedData(
        page.findings(), page.chunks(), page.openChunks(), page.bytes(), page.cursor());
  }

  private static int limit(int maxItems) {
    return Math.clamp(maxItems, 1, SCAN_ITEMS_MAX);
  }

  private Reply scanInodes(ControlRequest.ScanInodes scan) throws FsException {
    Page<FileAttributes> page = store.scanInodes(scan.cursor(), limit(scan.maxItems()));
    List<ScannedInode> inodes = new ArrayList<>(page.items().size());
    for (FileAttributes attributes : page.items()) {
      boolean inline = attributes.isRegular() && attributes.layout().inline();
      inodes.add(
          new ScannedInode(
              attributes,
              sessions.pinsOf(attributes.id()),
              inline ? store.inlineData(attributes.id()).length : 0,
              locks.heldInode(attributes.id()) != null || locks.heldCut(attributes.id()) != null));
    }
    return new Reply.InodePage(inodes, page.cursor());
  }

  private Reply scanShares(ControlRequest.ScanShares scan) throws FsException {
    Page<MetadataStore.PlacedShare> page = store.scanShares(scan.cursor(), limit(scan.maxItems()));
    List<ScannedShare> shares = new ArrayList<>(page.items().size());
    for (MetadataStore.PlacedShare placed : page.items()) {
      Share share = placed.share();
      shares.add(
          new ScannedShare(
              share.attributes(),
              share.partition(),
              placed.slot(),
              share.staging() == null,
              locks.heldPartition(share.attributes().id(), share.partition()) != null));
    }
    return new Reply.SharePage(shares, page.cursor());
  }

  private Reply scanEntries(ControlRequest.ScanEntries scan) throws FsException {
    Page<MetadataStore.PlacedEntry> page = store.scanEntries(scan.cursor(), limit(scan.maxItems()));
    List<ScannedEntry> entries = new ArrayList<>(page.items().size());
    for (MetadataStore.PlacedEntry placed : page.items()) {
      ListedEntry entry = placed.entry();
      entries.add(
          new ScannedEntry(
              entry.directory(),
              entry.name(),
              entry.inode(),
              entry.type(),
              placed.slot(),
              locks.heldEntry(new EntryKey(entry.directory(), 0, entry.name())) != null));
    }
    return new Reply.EntryPage(entries, page.cursor());
  }
}
