package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.model.SessionId;
import java.util.ArrayList;
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
    out.intValue(waits.size());
    waits.forEach(wait -> wait.write(out));
  }

  static List<LockWait> readAll(WireReader in) throws FsException {
    int count = in.count(ENCODED_BYTES_MIN);
    List<LockWait> waits = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      waits.add(read(in));
    }
    return waits;
  }

  static void writeOwner(WireWriter out, LockOwner owner) {
    out.longValue(owner.session().value());
    out.longValue(owner.number());
  }

  static LockOwner readOwner(WireReader in) throws FsException {
    return new LockOwner(new SessionId(in.longValue()), in.longValue());
  }

  static void writeOwners(WireWriter out, List<LockOwner> owners) {
    out.intValue(owners.size());
    owners.forEach(owner -> writeOwner(out, owner));
  }

  static List<LockOwner> readOwners(WireReader in) throws FsException {
    int count = in.count(OWNER_BYTES);
    List<LockOwner> owners = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      owners.add(readOwner(in));
    }
    return owners;
  }
}
