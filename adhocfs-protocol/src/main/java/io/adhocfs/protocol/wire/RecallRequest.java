package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;

/**
 * How sessions that keep what they read of an inode hear that others have changed it. An inode's
 * owner knows them by their pins ({@link io.adhocfs.protocol.model.PinNumber}). All of it may be
 * sent again. Answered on the metadata thread.
 */
public sealed interface RecallRequest extends Request {
  /**
   * Has all other sessions that keep something of an inode drop it, and answers {@code Done} when
   * they have, or have not said so within a term. For changes that have been answered before.
   */
  record Recall(InodeId inode) implements RecallRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.RECALL;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
    }

    static Recall decode(WireReader in) throws FsException {
      return new Recall(in.inode());
    }
  }

  /**
   * Waits for inodes of the receiver that the asking session has to drop; answered with {@code
   * Recalls}, empty if there are none after a while.
   *
   * @param droppedNumber of the answer whose inodes have been dropped; 0 = of none yet
   * @param patienceMillis how long the answer may be held back
   */
  record AwaitRecalls(long droppedNumber, int patienceMillis) implements RecallRequest {
    @Override
    public int slotValue() {
      return NO_SLOT;
    }

    @Override
    public MessageType type() {
      return MessageType.AWAIT_RECALLS;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(droppedNumber);
      out.intValue(patienceMillis);
    }

    static AwaitRecalls decode(WireReader in) throws FsException {
      return new AwaitRecalls(in.longValue(), in.intValue());
    }
  }
}
