package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;

/** What only the process as a whole knows or can do. Called on the metadata thread. */
public interface NodeControl {
  /** What the daemon is and does; cheap, must not block. */
  NodeStatus status() throws FsException;

  /** Space and inodes; cheap, must not block. */
  Reply.Capacity capacity() throws FsException;

  /**
   * Begins to stop the daemon and returns; the answer is already on its way.
   *
   * @param removeData whether its storage directory goes too
   */
  void shutdown(boolean removeData);
}
