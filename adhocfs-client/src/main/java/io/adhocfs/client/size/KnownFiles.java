package io.adhocfs.client.size;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The files that this client has open, by inode: at most one session that is alive has a file open
 * at a time. Thread-safe.
 */
public final class KnownFiles {
  private final Router router;
  private final OperationSource operations;

  @GuardedBy("this")
  private final Map<InodeId, KnownFile> files = new HashMap<>();

  /** How many cuts by this client are under way, of files open here or not. */
  @GuardedBy("this")
  private final Map<InodeId, Integer> cuts = new HashMap<>();

  public KnownFiles(Router router, OperationSource operations) {
    this.router = router;
    this.operations = operations;
  }

  /** The file for one more handle of a session, which must be released. */
  public KnownFile acquire(FileAttributes attributes, Session session) {
    InodeId inode = attributes.id();
    KnownFile file;
    synchronized (this) {
      file = files.get(inode);
      if (file == null || !file.session().equals(session)) {
        // Handles of an older session, which is over here, keep theirs.
        file = new KnownFile(attributes, session, router, operations, () -> isBeingCut(inode));
        files.put(inode, file);
      }
      file.handles++;
    }
    file.learn(attributes);
    return file;
  }

  /** A handle is gone. Times that the owner has not been told are lost with the last one. */
  public synchronized void release(KnownFile file) {
    file.handles--;
    if (file.handles == 0) {
      files.remove(file.inode(), file);
    }
  }

  /**
   * A cut by this client is about to begin: until {@link #endCut}, each write is told to the owner
   * before it returns, and so learns of the cut.
   */
  public synchronized void beginCut(InodeId inode) {
    cuts.merge(inode, 1, Integer::sum);
  }

  /**
   * A cut is over, and {@link KnownFile#learn} has taken in what came of it.
   *
   * @param isCertain whether it has happened or never will; else the file is taken for one that is
   *     being cut for as long as it is open
   */
  public synchronized void endCut(InodeId inode, boolean isCertain) {
    cuts.computeIfPresent(inode, (_, count) -> count == 1 ? null : count - 1);
    KnownFile file = files.get(inode);
    if (!isCertain && file != null) {
      file.mayBeCutLate = true;
    }
  }

  private synchronized boolean isBeingCut(InodeId inode) {
    KnownFile file = files.get(inode);
    return cuts.containsKey(inode) || (file != null && file.mayBeCutLate);
  }

  /** The file if it is open here; null if that is lost. */
  public synchronized @Nullable KnownFile get(InodeId inode) {
    KnownFile file = files.get(inode);
    return file != null && file.isAlive() ? file : null;
  }
}
