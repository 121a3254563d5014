package io.adhocfs.client.locking;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which owners may have locks on which inodes, in which session, and through which handles they set
 * them, so that a close that has nothing to release costs nothing.
 *
 * <p>The kernel's number of an owner is used again once the owner is gone, while the release of its
 * locks may still be on its way; so daemons know owners by numbers that are drawn here. An owner of
 * ranges has one number on all inodes, for the sake of deadlocks.
 *
 * <p>Locks of which the session has lost the inode are forgotten as soon as somebody looks: nobody
 * has them, and their owner may lock again through a handle of another session. Thread-safe.
 */
final class LockUses {
  private record Owner(LockKind kind, long kernelNumber) {}

  /** Whose locks may have to go, or be set. */
  record Use(Session session, InodeId inode, LockKind kind, long number) {}

  private static final class InodeUse {
    final Session session;
    final Set<Object> handles = new HashSet<>(2);

    /** Requests that may yet set a lock. */
    int running;

    InodeUse(Session session) {
      this.session = session;
    }
  }

  private static final class OwnerUse {
    final long number;
    final Map<InodeId, InodeUse> inodes = new HashMap<>(2);

    OwnerUse(long number) {
      this.number = number;
    }
  }

  @GuardedBy("this")
  private final Map<Owner, OwnerUse> owners = new HashMap<>();

  /** So that a close finds what was locked through the handle. */
  @GuardedBy("this")
  private final Map<Object, Set<Owner>> byHandle = new HashMap<>();

  @GuardedBy("this")
  private long last;

  synchronized long drawNumber() {
    return ++last;
  }

  /**
   * A request is about to set a lock. {@link #ended} follows.
   *
   * @param session of the handle
   * @return the owner's number, and the session that its locks on the inode are of
   */
  synchronized Use begin(
      LockKind kind, long kernelNumber, Session session, InodeId inode, Object handle) {
    var owner = new Owner(kind, kernelNumber);
    InodeUse there = alive(owner, inode);
    OwnerUse use = owners.computeIfAbsent(owner, _ -> new OwnerUse(++last));
    InodeUse inodeUse = there;
    if (inodeUse == null) {
      inodeUse = new InodeUse(session);
      use.inodes.put(inode, inodeUse);
    }
    inodeUse.handles.add(handle);
    inodeUse.running++;
    byHandle.computeIfAbsent(handle, _ -> new HashSet<>(2)).add(owner);
    return new Use(inodeUse.session, inode, kind, use.number);
  }

  /**
   * What an owner has on an inode; null if nothing, or if that is lost, which is forgotten then.
   */
  @GuardedBy("this")
  private @Nullable InodeUse alive(Owner owner, InodeId inode) {
    OwnerUse use = owners.get(owner);
    InodeUse inodeUse = use == null ? null : use.inodes.get(inode);
    if (use == null || inodeUse == null || inodeUse.session.isAlive(inode)) {
      return inodeUse;
    }
    drop(owner, use, inode, inodeUse);
    return null;
  }

  /** A request that was begun is over. */
  synchronized void ended(LockKind kind, long kernelNumber, Use begun) {
    var owner = new Owner(kind, kernelNumber);
    OwnerUse use = owners.get(owner);
    InodeUse inodeUse = use == null ? null : use.inodes.get(begun.inode);
    if (inodeUse == null || !inodeUse.session.equals(begun.session)) {
      if (begun.session.isAlive(begun.inode)) {
        throw new IllegalStateException(
            "no request for a lock on inode " + begun.inode + " is running");
      }
      // Forgotten meanwhile, since it was lost.
      return;
    }
    if (inodeUse.running == 0) {
      throw new IllegalStateException(
          "no request for a lock on inode " + begun.inode + " is running");
    }
    inodeUse.running--;
    if (inodeUse.running == 0 && inodeUse.handles.isEmpty()) {
      forget(owner, begun.inode, new ArrayList<>(1));
    }
  }

  /** An owner that may have locks on the inode; null if it has none. */
  synchronized @Nullable Use find(LockKind kind, long kernelNumber, InodeId inode) {
    var owner = new Owner(kind, kernelNumber);
    InodeUse inodeUse = alive(owner, inode);
    OwnerUse use = owners.get(owner);
    return use == null || inodeUse == null
        ? null
        : new Use(inodeUse.session, inode, kind, use.number);
  }

  /** An owner's locks on an inode are about to be released: forgets them. Empty = it has none. */
  synchronized List<Use> forget(LockKind kind, long kernelNumber, InodeId inode) {
    List<Use> uses = new ArrayList<>(1);
    forget(new Owner(kind, kernelNumber), inode, uses);
    return uses;
  }

  @GuardedBy("this")
  private void forget(Owner owner, InodeId inode, List<Use> uses) {
    InodeUse inodeUse = alive(owner, inode);
    OwnerUse use = owners.get(owner);
    if (use == null || inodeUse == null) {
      return;
    }
    uses.add(new Use(inodeUse.session, inode, owner.kind, use.number));
    if (inodeUse.running > 0) {
      // Another thread's request may set a lock after the release.
      return;
    }
    drop(owner, use, inode, inodeUse);
  }

  @GuardedBy("this")
  private void drop(Owner owner, OwnerUse use, InodeId inode, InodeUse inodeUse) {
    use.inodes.remove(inode);
    if (use.inodes.isEmpty()) {
      owners.remove(owner);
    }
    for (Object handle : inodeUse.handles) {
      dropHandle(handle, owner);
    }
  }

  @GuardedBy("this")
  private void dropHandle(Object handle, Owner owner) {
    byHandle.computeIfPresent(
        handle,
        (_, known) -> {
          known.remove(owner);
          return known.isEmpty() ? null : known;
        });
  }

  /**
   * A handle is gone: what it alone has set, and nobody has released, goes with it. That is what
   * open file descriptions own; a process has let go of its locks at its own close.
   */
  synchronized List<Use> forgetHandle(Object handle, InodeId inode) {
    Set<Owner> known = byHandle.remove(handle);
    List<Use> uses = new ArrayList<>(1);
    if (known == null) {
      return uses;
    }
    for (Owner owner : known) {
      OwnerUse use = owners.get(owner);
      InodeUse inodeUse = use == null ? null : use.inodes.get(inode);
      if (inodeUse != null) {
        inodeUse.handles.remove(handle);
        if (inodeUse.handles.isEmpty()) {
          forget(owner, inode, uses);
        }
      }
    }
    return uses;
  }

  /** On how many inodes in these slots owners had locks in a session. */
  synchronized int countIn(Session session, BitSet slots) {
    int count = 0;
    for (OwnerUse use : owners.values()) {
      for (Map.Entry<InodeId, InodeUse> entry : use.inodes.entrySet()) {
        if (entry.getValue().session.equals(session) && slots.get(entry.getKey().slotValue())) {
          count++;
        }
      }
    }
    return count;
  }
}
