package io.adhocfs.daemon.service;

import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What must hold for the inodes and entries of a whole instance while nothing is under way. */
public final class NamespaceInvariants {
  private NamespaceInvariants() {}

  /** What does not hold, one sentence each. */
  public static List<String> findings(
      List<ScannedInode> scannedInodes, List<ScannedEntry> entries, List<ScannedShare> shares) {
    List<String> findings = new ArrayList<>();
    Map<InodeId, ScannedInode> inodes = new HashMap<>();
    for (ScannedInode inode : scannedInodes) {
      if (inodes.put(inode.attributes().id(), inode) != null) {
        findings.add("inode " + inode.attributes().id() + " is there twice");
      }
      if (inode.inTransaction()) {
        findings.add("inode " + inode.attributes().id() + " is held");
      }
    }
    checkShares(inodes, entries, shares, findings);
    Map<InodeId, FileAttributes> wholes = new HashMap<>();
    for (ScannedInode inode : scannedInodes) {
      wholes.put(inode.attributes().id(), inode.attributes());
    }
    for (ScannedShare share : shares) {
      wholes.computeIfPresent(share.share().id(), (id, sum) -> Share.together(sum, share.share()));
    }
    Map<InodeId, Integer> names = new HashMap<>();
    Map<InodeId, Integer> entryCounts = new HashMap<>();
    Map<InodeId, Integer> subdirectories = new HashMap<>();
    Map<InodeId, InodeId> parents = new HashMap<>();
    for (ScannedEntry entry : entries) {
      String name = "'" + entry.name() + "' in " + entry.directory();
      if (entry.inTransaction()) {
        findings.add(name + " is held");
      }
      ScannedInode directory = inodes.get(entry.directory());
      if (directory == null || !directory.attributes().isDirectory()) {
        findings.add(name + " is in no directory");
      }
      ScannedInode inode = inodes.get(entry.inode());
      if (inode == null) {
        findings.add(name + " names inode " + entry.inode() + ", which is not there");
      } else if (inode.attributes().type() != entry.fileType()) {
        findings.add(name + " says " + entry.fileType());
      }
      names.merge(entry.inode(), 1, Integer::sum);
      entryCounts.merge(entry.directory(), 1, Integer::sum);
      if (entry.fileType() == FileType.DIRECTORY) {
        subdirectories.merge(entry.directory(), 1, Integer::sum);
        parents.put(entry.inode(), entry.directory());
      }
    }
    for (ScannedInode inode : scannedInodes) {
      FileAttributes whole = wholes.getOrDefault(inode.attributes().id(), inode.attributes());
      check(inode, whole, names, entryCounts, subdirectories, parents, findings);
    }
    for (InodeId directory : parents.keySet()) {
      Set<InodeId> seen = new HashSet<>();
      InodeId current = directory;
      while (!current.equals(InodeId.ROOT)) {
        if (!seen.add(current)) {
          findings.add("directory " + directory + " is in a circle");
          break;
        }
        InodeId parent = parents.get(current);
        if (parent == null) {
          findings.add("directory " + directory + " does not hang on the root");
          break;
        }
        current = parent;
      }
    }
    return findings;
  }

  /** Partitions are those of their directories, and count their own entries. */
  private static void checkShares(
      Map<InodeId, ScannedInode> inodes,
      List<ScannedEntry> entries,
      List<ScannedShare> shares,
      List<String> findings) {
    Map<String, Integer> counts = new HashMap<>();
    for (ScannedEntry entry : entries) {
      ScannedInode directory = inodes.get(entry.directory());
      int exponent = directory == null ? 0 : directory.attributes().partitionExponent();
      int partition = Placement.partition(entry.name(), exponent);
      if (entry.slot() != Placement.partitionSlot(entry.directory(), partition).value()) {
        findings.add("'" + entry.name() + "' of " + entry.directory() + " is in another slot");
      }
      counts.merge(entry.directory() + "/" + partition, 1, Integer::sum);
    }
    Map<InodeId, Integer> partitions = new HashMap<>();
    for (ScannedShare share : shares) {
      InodeId id = share.share().id();
      String name = id + "/" + share.partition();
      if (!share.active()) {
        findings.add("partition " + name + " is only staged");
      }
      if (share.inTransaction()) {
        findings.add("partition " + name + " is held");
      }
      if (share.share().sizeBytes() != counts.getOrDefault(name, 0)) {
        findings.add("partition " + name + " counts " + share.share().sizeBytes() + " entries");
      }
      ScannedInode directory = inodes.get(id);
      if (directory == null
          || directory.attributes().partitionExponent() != share.share().partitionExponent()) {
        findings.add("partition " + name + " is of no directory that is spread so");
      } else {
        FileAttributes home = directory.attributes();
        if (home.mode() != share.share().mode()
            || home.uid() != share.share().uid()
            || home.gid() != share.share().gid()) {
          findings.add("partition " + name + " inherits something else");
        }
      }
      partitions.merge(id, 1, Integer::sum);
    }
    inodes.forEach((id, inode) -> {
      int wanted = (1 << inode.attributes().partitionExponent()) - 1;
      if (partitions.getOrDefault(id, 0) != wanted) {
        findings.add("directory " + id + " has not " + wanted + " shares");
      }
    });
  }

  private static void check(
      ScannedInode inode,
      FileAttributes attributes,
      Map<InodeId, Integer> names,
      Map<InodeId, Integer> entryCounts,
      Map<InodeId, Integer> subdirectories,
      Map<InodeId, InodeId> parents,
      List<String> findings) {
    InodeId id = attributes.id();
    int nameCount = names.getOrDefault(id, 0);
    if (attributes.isDirectory()) {
      int links = 2 + subdirectories.getOrDefault(id, 0);
      if (attributes.linkCount() != links) {
        findings.add(
            "directory " + id + " has link count " + attributes.linkCount() + ", not " + links);
      }
      int size = entryCounts.getOrDefault(id, 0);
      if (attributes.sizeBytes() != size) {
        findings.add(
            "directory " + id + " counts " + attributes.sizeBytes() + " entries, has " + size);
      }
      InodeId parent = id.equals(InodeId.ROOT) ? InodeId.ROOT : parents.get(id);
      if (!attributes.parent().equals(parent)) {
        findings.add("directory " + id + " has parent " + attributes.parent() + ", not " + parent);
      }
      int wanted = id.equals(InodeId.ROOT) ? 0 : 1;
      if (nameCount != wanted) {
        findings.add("directory " + id + " has " + nameCount + " names");
      }
      return;
    }
    if (attributes.linkCount() != nameCount) {
      findings.add(
          "inode " + id + " has link count " + attributes.linkCount() + ", not " + nameCount);
    }
    if (nameCount == 0 && inode.pins() == 0) {
      findings.add("inode " + id + " has neither names nor pins");
    }
    if (attributes.isRegular()
        && attributes.layout().inline()
        && attributes.sizeBytes() != inode.inlineBytes()) {
      findings.add(
          "inode "
              + id
              + " has "
              + inode.inlineBytes()
              + " inline bytes, says "
              + attributes.sizeBytes());
    }
  }
}
