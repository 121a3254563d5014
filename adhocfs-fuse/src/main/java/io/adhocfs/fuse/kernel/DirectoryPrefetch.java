package io.adhocfs.fuse.kernel;

import io.adhocfs.fuse.Caller;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;

/**
 * Asks for a directory's attributes right behind a change of its entries: a program that has made
 * one entry often makes another, and the kernel asks for the directory's attributes before each
 * entry. The question travels with the change, so it costs no round trip of its own.
 */
final class DirectoryPrefetch implements InodeFileSystem.Request, InodeFileSystem.AttributesReply {
  private static final long NO_HANDLE = -1;

  private final ToldAttributes told;
  private final Caller caller;
  private final long askedNanos;

  private DirectoryPrefetch(ToldAttributes told, Caller caller) {
    this.told = told;
    this.caller = caller;
    this.askedNanos = told.now();
  }

  /** To be called when the change has been handed to the file system. */
  static void start(Incoming in) {
    Session session = in.session();
    if (session.told().isInUse(in.node())) {
      var prefetch =
          new DirectoryPrefetch(session.told(), new Caller(in.uid(), in.gid(), in.pid()));
      session.fileSystem().getAttributes(prefetch, in.node(), NO_HANDLE, prefetch);
    }
  }

  @Override
  public Caller caller() {
    return caller;
  }

  /** No program waits for this request. */
  @Override
  public void onInterrupt(Runnable action) {}

  @Override
  public void attributes(FileAttributes attributes) {
    told.toldInOrder(attributes, askedNanos);
  }

  /** Ignored: the kernel's own question will meet the same error. */
  @Override
  public void error(FsError error) {}
}
