package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TransactionId;

/** Takes what a daemon has to know again after a restart; called once for each record. */
public interface Recovery {
  void pin(InodeId inode, SessionId session, long number);

  void reply(int slot, SessionId session, long sequence);

  void prepared(int slot, TransactionId transaction, byte[] value) throws FsException;

  void decision(TransactionId transaction, byte[] value) throws FsException;

  void cut(PendingCut cut);

  void reclaim(InodeId inode);

  void appendEnd(InodeId inode);

  /** A share whose entries were being staged. */
  void staging(Share share);

  void lock(InodeId inode, SessionId session, long owner, byte kind, byte[] value)
      throws FsException;
}
