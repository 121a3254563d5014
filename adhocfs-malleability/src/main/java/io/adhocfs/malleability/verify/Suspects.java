package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** Items that looked wrong at first and must be read again. Bounded. */
final class Suspects {
  /**
   * The most suspects of each kind: a busy instance has fewer, and with more the instance is known
   * to be broken.
   */
  static final int MAX = 100_000;

  /** A name in a directory, and the slot where it was found. */
  record EntryPlace(InodeId directory, EntryName name, int slot) {}

  /** A chunk on a node. */
  record ChunkPlace(NodeId node, InodeId inode, long chunkIndex) {}

  private final Set<InodeId> inodes = new LinkedHashSet<>();
  private final Set<EntryPlace> entries = new LinkedHashSet<>();
  private final Set<ShareTable.Partition> shares = new LinkedHashSet<>();
  private final Map<ChunkPlace, Integer> chunks = new LinkedHashMap<>();
  private boolean overflowed;

  void add(InodeId inode) {
    if (inodes.size() < MAX) {
      inodes.add(inode);
    } else {
      overflowed = true;
    }
  }

  void add(EntryPlace entry) {
    if (entries.size() < MAX) {
      entries.add(entry);
    } else {
      overflowed = true;
    }
  }

  void add(ShareTable.Partition share) {
    if (shares.size() < MAX) {
      shares.add(share);
    } else {
      overflowed = true;
    }
  }

  /** A chunk in this slot. */
  void add(ChunkPlace chunk, int slot) {
    if (chunks.size() < MAX) {
      chunks.put(chunk, slot);
    } else {
      overflowed = true;
    }
  }

  Set<InodeId> inodes() {
    return inodes;
  }

  Set<EntryPlace> entries() {
    return entries;
  }

  Set<ShareTable.Partition> shares() {
    return shares;
  }

  Map<ChunkPlace, Integer> chunks() {
    return chunks;
  }

  /** Whether there were more suspects of a kind than {@link #MAX}. */
  boolean overflowed() {
    return overflowed;
  }

  boolean isEmpty() {
    return inodes.isEmpty() && entries.isEmpty() && shares.isEmpty() && chunks.isEmpty();
  }

  int count() {
    return inodes.size() + entries.size() + shares.size() + chunks.size();
  }
}
