package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What must hold for the inodes and entries of a whole instance while nothing is under way. */
final class NamespaceInvariants {
  private NamespaceInvariants() {}

  /** What does not hold, one sentence each. */
  static List<String> findings(List<ScannedInode> scannedInodes, List<ScannedEntry> entries) {
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
      check(inode, names, entryCounts, subdirectories, parents, findings);
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

  private static void check(
      ScannedInode inode,
      Map<InodeId, Integer> names,
      Map<InodeId, Integer> entryCounts,
      Map<InodeId, Integer> subdirectories,
      Map<InodeId, InodeId> parents,
      List<String> findings) {
    FileAttributes attributes = inode.attributes();
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
