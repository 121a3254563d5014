package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.model.LockOwner;

/**
 * Advisory locks: asked at the owner of the inode's slot, answered on the metadata thread. An owner
 * is a number of the asking session; its locks on an inode are gone when they are released or the
 * session ends. All of it may be sent again: what an owner holds already is granted again.
 */
public sealed interface LockRequest extends Request {
  /**
   * Sets, converts or (mode NONE) removes a lock. WOULD_BLOCK or, for a wait, {@code LockPending}
   * when somebody else's is in the way.
   *
   * @param first the first byte
   * @param last the last byte, counted in
   * @param waitNumber of the wait; 0 = there is none. The same number takes up its place in the
   *     queue again, and with {@code patienceMillis} 0 gives it up, unless the lock is granted now
   *     or has been before
   * @param patienceMillis how long the answer may be held back
   */
  record SetLock(
      InodeId inode,
      LockKind kind,
      long owner,
      LockMode mode,
      long first,
      long last,
      int pid,
      long waitNumber,
      int patienceMillis)
      implements LockRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.SET_LOCK;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.byteValue(kind.code());
      out.longValue(owner);
      out.byteValue(mode.code());
      out.longValue(first);
      out.longValue(last);
      out.intValue(pid);
      out.longValue(waitNumber);
      out.intValue(patienceMillis);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    /** To give a lock up costs nothing: others may wait for that. */
    @Override
    public MessageType.Cost cost() {
      return mode == LockMode.NONE ? MessageType.Cost.FREE : type().cost();
    }

    static SetLock decode(WireReader in) throws FsException {
      return new SetLock(
          in.inode(),
          LockKind.ofCode(in.byteValue()),
          in.longValue(),
          LockMode.ofCode(in.byteValue()),
          in.longValue(),
          in.longValue(),
          in.intValue(),
          in.longValue(),
          in.intValue());
    }
  }

  /** What would be in the way of a lock: answered with {@code LockState}. */
  record TestLock(InodeId inode, LockKind kind, long owner, LockMode mode, long first, long last)
      implements LockRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.TEST_LOCK;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.byteValue(kind.code());
      out.longValue(owner);
      out.byteValue(mode.code());
      out.longValue(first);
      out.longValue(last);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    static TestLock decode(WireReader in) throws FsException {
      return new TestLock(
          in.inode(),
          LockKind.ofCode(in.byteValue()),
          in.longValue(),
          LockMode.ofCode(in.byteValue()),
          in.longValue(),
          in.longValue());
    }
  }

  /** Removes all locks of a kind that an owner has on an inode. */
  record ReleaseLocks(InodeId inode, LockKind kind, long owner) implements LockRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.RELEASE_LOCKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.byteValue(kind.code());
      out.longValue(owner);
    }

    static ReleaseLocks decode(WireReader in) throws FsException {
      return new ReleaseLocks(in.inode(), LockKind.ofCode(in.byteValue()), in.longValue());
    }
  }

  /**
   * Tells the home of an owner what it waits for, so that others find out; forgotten some seconds
   * after the last time. An empty list of blockers means that the wait is over.
   */
  record AnnounceWait(LockOwner owner, LockWait announced) implements LockRequest {
    @Override
    public int slotValue() {
      return owner.homeSlot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.ANNOUNCE_WAIT;
    }

    @Override
    public void encode(WireWriter out) {
      LockWait.writeOwner(out, owner);
      announced.write(out);
    }

    static AnnounceWait decode(WireReader in) throws FsException {
      return new AnnounceWait(LockWait.readOwner(in), LockWait.read(in));
    }
  }

  /**
   * What an owner waits for: as it announced at its home, or, of waits at an inode, as they are.
   *
   * @param inode whose owner is asked; {@link InodeId#NONE} = the home is
   */
  record QueryWaits(LockOwner owner, InodeId inode) implements LockRequest {
    @Override
    public int slotValue() {
      return inode.exists() ? inode.slotValue() : owner.homeSlot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.QUERY_WAITS;
    }

    @Override
    public void encode(WireWriter out) {
      LockWait.writeOwner(out, owner);
      out.inode(inode);
    }

    static QueryWaits decode(WireReader in) throws FsException {
      return new QueryWaits(LockWait.readOwner(in), in.inode());
    }
  }
}
