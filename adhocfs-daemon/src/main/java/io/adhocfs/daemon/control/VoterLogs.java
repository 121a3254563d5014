package io.adhocfs.daemon.control;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.io.IOException;
import java.util.List;

/** Starts the logs of one node, and knows what it has kept of them. All of it blocks. */
public interface VoterLogs {
  /** Whether any log has been here. */
  boolean anyKept();

  /**
   * Starts the log of a configuration on what is kept of it.
   *
   * @param voters of the configuration: the same wherever and whenever this is called
   * @param entries is told what was agreed on, also while the log starts
   * @throws FsException STORAGE_FAILED
   */
  VoterLog start(
      int configuration, List<NodeId> voters, VoterLog.Entries entries, VoterLog.Peers peers)
      throws FsException;

  /** Removes what is kept of earlier configurations, all of whose logs are closed. */
  void deleteBefore(int configuration) throws IOException;

  /**
   * Gets ready to vote soon, so that a start will take no time.
   *
   * @param entry any
   * @throws FsException STORAGE_FAILED
   */
  void rehearse(byte[] entry) throws FsException;
}
