package io.adhocfs.client.locking;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Which owners may have locks on which inodes, and through which handles they set them, so that a
 * close that has nothing to release costs nothing.
 *
 * <p>The kernel's number of an owner is used again once the owner is gone, while the release of its
 * locks may still be on its way; so daemons know owners by numbers that are drawn here. An owner of
 * ranges has one number on all inodes, for the sake of deadlocks. Thread-safe.
 */
final class LockUses {
  private record Owner(LockKind kind, long kernelNumber) {}

  /** Whose locks may have to go. */
  record Use(InodeId inode, LockKind kind, long number) {}

  private static final class InodeUse {
    final Set<Object> handles = new HashSet<>(2);

    /** Requests that may yet set a lock. */
    int running;
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

  /** A request is about to set a lock; the owner's number. {@link #ended} follows. */
  synchronized long begin(LockKind kind, long kernelNumber, InodeId inode, Object handle) {
    var owner = new Owner(kind, kernelNumber);
    OwnerUse use = owners.computeIfAbsent(owner, _ -> new OwnerUse(++last));
    InodeUse inodeUse = use.inodes.computeIfAbsent(inode, _ -> new InodeUse());
    inodeUse.handles.add(handle);
    inodeUse.running++;
    byHandle.computeIfAbsent(handle, _ -> new HashSet<>(2)).add(owner);
    return use.number;
  }

  synchronized void ended(LockKind kind, long kernelNumber, InodeId inode) {
    OwnerUse use = owners.get(new Owner(kind, kernelNumber));
    InodeUse inodeUse = use == null ? null : use.inodes.get(inode);
    if (inodeUse == null || inodeUse.running == 0) {
      throw new IllegalStateException("no request for a lock on inode " + inode + " is running");
    }
    inodeUse.running--;
    if (inodeUse.running == 0 && inodeUse.handles.isEmpty()) {
      forget(new Owner(kind, kernelNumber), inode, new ArrayList<>(1));
    }
  }

  /** The number of an owner that may have locks on the inode. */
  synchronized OptionalLong number(LockKind kind, long kernelNumber, InodeId inode) {
    OwnerUse use = owners.get(new Owner(kind, kernelNumber));
    return use == null || !use.inodes.containsKey(inode)
        ? OptionalLong.empty()
        : OptionalLong.of(use.number);
  }

  /** An owner's locks on an inode are about to be released: forgets them. Empty = it has none. */
  synchronized List<Use> forget(LockKind kind, long kernelNumber, InodeId inode) {
    List<Use> uses = new ArrayList<>(1);
    forget(new Owner(kind, kernelNumber), inode, uses);
    return uses;
  }

  @GuardedBy("this")
  private void forget(Owner owner, InodeId inode, List<Use> uses) {
    OwnerUse use = owners.get(owner);
    InodeUse inodeUse = use == null ? null : use.inodes.get(inode);
    if (use == null || inodeUse == null) {
      return;
    }
    uses.add(new Use(inode, owner.kind, use.number));
    if (inodeUse.running > 0) {
      // Another thread's request may set a lock after the release.
      return;
    }
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
}
