package io.adhocfs.daemon.file;

import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Sets and releases the pins of those who have files open. Metadata thread only. */
public final class Pins {
  private static final int RELEASES_SLICE = 256;
  private static final Reply DONE = new Reply.Done();

  private final MetadataThread thread;
  private final MetadataStore store;
  private final Sessions sessions;
  private final KeyLocks locks;

  public Pins(MetadataThread thread, MetadataStore store, Sessions sessions, KeyLocks locks) {
    this.thread = thread;
    this.store = store;
    this.sessions = sessions;
    this.locks = locks;
  }

  /**
   * What an open waits for, or null: also for a cut, which reaches only those nodes at which
   * somebody who had the file open when it began may write.
   */
  public @Nullable LockKey heldFromOpening(InodeId inode) {
    LockKey held = locks.promisedInode(inode);
    return held != null || locks.isEmpty() ? held : locks.heldCut(inode);
  }

  /** Puts the pin of a file that is being made into a batch; 0 = none is wanted. */
  public void pinMade(Session session, InodeId file, long number, Batch batch) throws FsException {
    if (number != 0) {
      sessions.pin(session, file, number, batch);
    }
  }

  /** Pins an inode for a session, unless it has no data or is pinned as well. */
  public void pin(Session session, FileAttributes attributes, long number) throws FsException {
    // A directory has no data that would have to outlive its name.
    if (attributes.isDirectory() || !sessions.needsPin(session, attributes.id(), number)) {
      return;
    }
    Batch batch = store.batch();
    sessions.pin(session, attributes.id(), number, batch);
    batch.commit();
  }

  /** Releases pins, a slice at a time, and answers. */
  public void release(Exchange exchange, Session session, List<PinRelease> releases, int from) {
    int to = Math.min(releases.size(), from + RELEASES_SLICE);
    try {
      Batch batch = store.batch();
      for (PinRelease release : releases.subList(from, to)) {
        sessions.release(session, release.inode(), release.pin(), batch);
      }
      batch.commit();
    } catch (FsException e) {
      exchange.fail(e.error(), String.valueOf(e.getMessage()));
      return;
    }
    if (to < releases.size()) {
      thread.execute(() -> release(exchange, session, releases, to));
    } else {
      exchange.reply(DONE);
    }
  }
}
