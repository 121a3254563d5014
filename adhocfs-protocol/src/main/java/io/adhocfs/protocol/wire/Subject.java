package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.InodeId;

/** What a request is about, for rules of a directory: they are found by it. */
public sealed interface Subject {
  /** Nothing that a directory's rule could be about, or nothing that the request says. */
  Subject NONE = new OfDataset(0);

  /** A file or directory. */
  record OfInode(InodeId inode) implements Subject {}

  /** A name in a part of a directory, or the part itself. */
  record OfPart(InodeId directory, int partition) implements Subject {}

  /** The number of the rules, which the request brings along; 0 = none. */
  record OfDataset(int dataset) implements Subject {}

  /** The name that the request is about. */
  static Subject of(EntryKey entry) {
    return new OfPart(entry.directory(), entry.partition());
  }
}
