package io.adhocfs.client.size;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The files that this client has open, by inode. Thread-safe. */
public final class KnownFiles {
  private final Router router;
  private final OperationSource operations;

  @GuardedBy("this")
  private final Map<InodeId, KnownFile> files = new HashMap<>();

  public KnownFiles(Router router, OperationSource operations) {
    this.router = router;
    this.operations = operations;
  }

  /** The file for one more handle, which must be released. */
  public KnownFile acquire(FileAttributes attributes) {
    KnownFile file;
    synchronized (this) {
      file =
          files.computeIfAbsent(
              attributes.id(), _ -> new KnownFile(attributes, router, operations));
      file.handles++;
    }
    file.learn(attributes);
    return file;
  }

  /** A handle is gone. Times that the owner has not been told are lost with the last one. */
  public synchronized void release(KnownFile file) {
    file.handles--;
    if (file.handles == 0) {
      files.remove(file.inode());
    }
  }

  /** The file if it is open here. */
  public synchronized @Nullable KnownFile get(InodeId inode) {
    return files.get(inode);
  }
}
