package io.adhocfs.protocol.model;

/**
 * Who holds a lock or waits for one: a process or an open file description of a session.
 *
 * @param number drawn by the session, never used again for another owner
 */
public record LockOwner(SessionId session, long number) {
  /** The slot whose owner knows what this owner waits for, wherever it waits. */
  public SlotId homeSlot() {
    long mixed = (session.value() * 0x9E3779B97F4A7C15L) ^ number;
    mixed = (mixed ^ (mixed >>> 32)) * 0xD6E8FEB86659FD93L;
    return new SlotId((int) (mixed >>> 48));
  }

  @Override
  public String toString() {
    return session + "/" + number;
  }
}
