package io.adhocfs.daemon.transaction;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.EntryKey;
import java.util.List;

/** Looks at what is there and says what an operation has to change. May be asked several times. */
public interface Planner {
  /** Takes the plan, on the metadata thread, once; perhaps before {@link #plan} returns. */
  interface Sink {
    void planned(Plan plan);

    void failed(FsException error);
  }

  /** The names that it looks at on this node: nobody holds them when it is asked. */
  List<EntryKey> looksAt();

  /** An inode that it looks at besides, or NONE. */
  default InodeId looksAtInode() {
    return InodeId.NONE;
  }

  /**
   * Plans.
   *
   * @throws FsException what the operation fails with
   */
  void plan(Sink sink) throws FsException;
}
