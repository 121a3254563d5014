package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Looks at everything a simulated cluster has stored, by the scans that daemons offer. */
final class ClusterInspection {
  private final SimulatedCluster cluster;
  private final SimulatedClient client;

  ClusterInspection(SimulatedCluster cluster) {
    this.cluster = cluster;
    this.client = new SimulatedClient(cluster, 0x1735);
  }

  List<ScannedInode> inodes() throws FsException {
    List<ScannedInode> inodes = new ArrayList<>();
    for (SimulatedNode node : cluster.nodes) {
      byte[] cursor = {};
      do {
        var page = (Reply.InodePage) client.at(node, new ControlRequest.ScanInodes(cursor, 100));
        inodes.addAll(page.inodes());
        cursor = page.cursor();
      } while (cursor.length > 0);
    }
    return inodes;
  }

  List<ScannedEntry> entries() throws FsException {
    List<ScannedEntry> entries = new ArrayList<>();
    for (SimulatedNode node : cluster.nodes) {
      byte[] cursor = {};
      do {
        var page = (Reply.EntryPage) client.at(node, new ControlRequest.ScanEntries(cursor, 100));
        entries.addAll(page.entries());
        cursor = page.cursor();
      } while (cursor.length > 0);
    }
    return entries;
  }

  List<ScannedShare> shares() throws FsException {
    List<ScannedShare> shares = new ArrayList<>();
    for (SimulatedNode node : cluster.nodes) {
      byte[] cursor = {};
      do {
        var page = (Reply.SharePage) client.at(node, new ControlRequest.ScanShares(cursor, 100));
        shares.addAll(page.shares());
        cursor = page.cursor();
      } while (cursor.length > 0);
    }
    return shares;
  }

  private int records(SimulatedNode node, RecordKind kind) throws FsException {
    int count = 0;
    try (SlotStore.Cursor cursor = node.records.cursor()) {
      for (boolean found = cursor.seek(new byte[0]); found; found = cursor.next()) {
        if (Keys.kindCode(cursor.key()) == kind.code()) {
          count++;
        }
      }
    }
    return count;
  }

  int records(RecordKind kind) throws FsException {
    int sum = 0;
    for (SimulatedNode node : cluster.nodes) {
      sum += records(node, kind);
    }
    return sum;
  }

  /** Lets everything come to its end and checks that it fits together. */
  void requireSound() throws FsException {
    cluster.settle();
    List<ScannedInode> inodes = inodes();
    assertThat(NamespaceInvariants.findings(inodes, entries(), shares())).isEmpty();
    for (RecordKind kind :
        List.of(
            RecordKind.PREPARED, RecordKind.DECISION, RecordKind.PENDING_CUT, RecordKind.RECLAIM)) {
      assertThat(records(kind)).as("records of " + kind).isZero();
    }
    Set<InodeId> known = new HashSet<>();
    long directories = 0;
    for (ScannedInode inode : inodes) {
      known.add(inode.attributes().id());
      directories += inode.attributes().isDirectory() ? 1 : 0;
    }
    for (SimulatedNode node : cluster.nodes) {
      assertThat(known).as("chunks at " + node.id).containsAll(node.chunks.inodes());
    }
    assertThat(cluster.nodes.stream().mapToLong(n -> n.counts().directories()).sum())
        .isEqualTo(directories);
    assertThat(cluster.nodes.stream().mapToLong(n -> n.counts().files()).sum())
        .isEqualTo(inodes.size() - directories);
  }
}
