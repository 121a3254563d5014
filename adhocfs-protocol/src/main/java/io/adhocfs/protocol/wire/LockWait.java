package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.model.SessionId;
import java.util.List;

/**
 * That an owner waits for a lock.
 *
 * @param number of the wait, drawn by the waiter's session
 * @param sinceNanos when it began, by the waiter's clock, nanoseconds since 1970
 * @param inode where
 * @param blockers some of those who hold what it waits for
 */
public record LockWait(long number, long sinceNanos, InodeId inode, List<LockOwner> blockers) {
  private static final int OWNER_BYTES = 16;
  private static final int ENCODED_BYTES_MIN = 28;

  public LockWait {
    blockers = List.copyOf(blockers);
  }

  void write(WireWriter out) {
    out.longValue(number);
    out.longValue(sinceNanos);
    out.inode(inode);
    writeOwners(out, blockers);
  }

  static LockWait read(WireReader in) throws FsException {
    return new LockWait(in.longValue(), in.longValue(), in.inode(), readOwners(in));
  }

  static void writeAll(WireWriter out, List<LockWait> waits) {
    out.list(waits, (to, wait) -> wait.write(to));
  }

  static List<LockWait> readAll(WireReader in) throws FsException {
    return in.list(ENCODED_BYTES_MIN, LockWait::read);
  }

  static void writeOwner(WireWriter out, LockOwner owner) {
    out.longValue(owner.session().value());
    out.longValue(owner.number());
  }

  static LockOwner readOwner(WireReader in) throws FsException {
    return new LockOwner(new SessionId(in.longValue()), in.longValue());
  }

  static void writeOwners(WireWriter out, List<LockOwner> owners) {
    out.list(owners, LockWait::writeOwner);
  }

  static List<LockOwner> readOwners(WireReader in) throws FsException {
    return in.list(OWNER_BYTES, LockWait::readOwner);
  }
}
