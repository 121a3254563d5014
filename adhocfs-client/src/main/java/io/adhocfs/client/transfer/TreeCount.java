package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts what there is to copy, ahead of the copy, so that progress can be a share of the whole. A
 * walk of its own, in a thread of its own, which stops with the copy; what it cannot look at it
 * leaves out, for the copy will report it.
 */
final class TreeCount implements AutoCloseable {
  private static final int DEPTH_MAX = 4096;
  private static final long CLOSE_MILLIS_MAX = 1000;

  private final TreeCopy tree;
  private final CopyPlace place;
  private final List<TransferPath> sources;
  private final HardLinks hardLinks = new HardLinks();
  private final LongAdder files = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final Thread thread =
      new Thread(null, this::count, "transfer-counter", TreeCopy.WALKER_STACK_BYTES);

  private volatile boolean complete;
  private volatile boolean closed;

  TreeCount(TreeCopy tree, CopyPlace place, List<TransferPath> sources) {
    this.tree = tree;
    this.place = place;
    this.sources = List.copyOf(sources);
    thread.setDaemon(true);
  }

  /** Begins to count. */
  void start() {
    thread.start();
  }

  /** Files found so far, each name of a file for itself. */
  long files() {
    return files.sum();
  }

  /** The sizes of the files found so far, each file once. */
  long bytes() {
    return bytes.sum();
  }

  boolean complete() {
    return complete;
  }

  /** Ends the count, if it has not ended; a call that hangs is left to itself after a while. */
  @Override
  public void close() {
    closed = true;
    boolean interrupted = false;
    try {
      thread.join(CLOSE_MILLIS_MAX);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isToEnd() {
    return closed || tree.stopped();
  }

  private void count() {
    for (TransferPath source : sources) {
      try {
        countSource(source);
      } catch (FsException leftToTheCopy) {
        // It will come to the same place and say so.
      }
    }
    complete = !isToEnd();
  }

  private void countSource(TransferPath source) throws FsException {
    Facts facts = place.facts(source.path(), source.lastName() == null || source.endsWithSlash());
    if (facts == null) {
      return;
    }
    if (!facts.isDirectory()) {
      count(facts);
      return;
    }
    try (SourceDirectory directory = place.openSource(source.path())) {
      countDirectory(directory, 0);
    }
  }

  private void countDirectory(SourceDirectory directory, int depth) throws FsException {
    for (List<SourceDirectory.Entry> entries = directory.nextEntries();
        !entries.isEmpty() && !isToEnd();
        entries = directory.nextEntries()) {
      for (SourceDirectory.Entry entry : entries) {
        if (TemporaryName.is(entry.name())) {
          continue;
        }
        try {
          countEntry(directory, entry, depth);
        } catch (FsException leftToTheCopy) {
          // As above.
        }
      }
    }
  }

  private void countEntry(SourceDirectory directory, SourceDirectory.Entry entry, int depth)
      throws FsException {
    if (entry.type() == FileType.DIRECTORY) {
      if (depth < DEPTH_MAX && !isToEnd()) {
        try (SourceDirectory inner = directory.openDirectory(entry)) {
          if (!tree.isTopTarget(inner.facts())) {
            countDirectory(inner, depth + 1);
          }
        }
      }
    } else if (entry.type() == FileType.REGULAR) {
      count(directory.factsNow(entry));
    } else {
      files.increment();
    }
  }

  private void count(Facts facts) {
    files.increment();
    if (facts.type() == FileType.REGULAR && hardLinks.turnOf(facts).first() == null) {
      bytes.add(facts.sizeBytes());
    }
  }
}
