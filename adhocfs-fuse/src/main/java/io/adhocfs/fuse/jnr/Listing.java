package io.adhocfs.fuse.jnr;

import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One page of a directory, gathered for libfuse, which wants all entries at once. */
final class Listing implements InodeFileSystem.DirectoryReply {
  /** The most entries of a page; only the number of requests to the file system depends on it. */
  private static final int ENTRIES_MAX = 4096;

  /** One entry. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Entry(byte[] name, long inode, FileType type, long nextCookie) {}

  private final Answer answer;
  private final List<Entry> entries = new ArrayList<>();

  Listing(Answer answer) {
    this.answer = answer;
  }

  @Override
  public synchronized boolean add(
      byte[] name,
      long inode,
      FileType type,
      long nextCookie,
      @Nullable FileAttributes attributes) {
    // Entries that share a cookie stay together, since the next page begins behind all of them.
    if (entries.size() >= ENTRIES_MAX && entries.getLast().nextCookie() != nextCookie) {
      return false;
    }
    entries.add(new Entry(name, inode, type, nextCookie));
    return true;
  }

  @Override
  public void done() {
    answer.done();
  }

  @Override
  public void error(FsError error) {
    answer.error(error);
  }

  synchronized List<Entry> entries() {
    return List.copyOf(entries);
  }
}
