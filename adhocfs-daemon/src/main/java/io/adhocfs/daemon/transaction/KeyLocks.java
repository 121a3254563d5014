package io.adhocfs.daemon.transaction;

import io.adhocfs.daemon.metadata.ChangedKeys;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.EntryKey;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keys that undecided operations hold, and who waits for them. A promise to follow a decision that
 * is made elsewhere keeps readers away too, since the decision may have been made; what its own
 * coordinator holds does not, since nothing has happened before its batch is written.
 *
 * <p>Locks are taken all at once or not at all; whoever finds one taken parks a continuation, which
 * looks again from the start when the key is given up. Those that wait for one key go on in the
 * order they came.
 *
 * <p>In memory only: after a restart, the promises of participants take their locks again. Metadata
 * thread only.
 */
public final class KeyLocks implements SlotPart, ChangedKeys {
  /** How many may wait in all. */
  static final int WAITERS_MAX = 10_000;

  private final class Waiter {
    private final Runnable retry;
    private final Consumer<FsException> refused;
    private @Nullable Future<?> timer;
    private boolean settled;

    Waiter(Runnable retry, Consumer<FsException> refused) {
      this.retry = retry;
      this.refused = refused;
    }

    void settle() {
      settled = true;
      waiters--;
      if (timer != null) {
        timer.cancel(false);
      }
    }
  }

  private static final class Held {
    private @Nullable Object exclusiveOwner;
    private final Set<Object> sharedOwners = new HashSet<>(2);

    /** Those of the owners that keep readers away. */
    private final Set<Object> promisers = new HashSet<>(2);

    private final ArrayDeque<Waiter> waiting = new ArrayDeque<>(2);

    boolean isFree() {
      return exclusiveOwner == null && sharedOwners.isEmpty();
    }
  }

  private final MetadataThread thread;
  private final Map<LockKey, Held> held = new HashMap<>();
  private final Map<Object, List<LockKey>> keysByOwner = new HashMap<>();
  private final ArrayDeque<Waiter> ready = new ArrayDeque<>();
  private boolean draining;
  private int waiters;

  public KeyLocks(MetadataThread thread) {
    this.thread = thread;
  }

  /** Whether nothing is locked at all: the ordinary case, worth asking first. */
  public boolean isEmpty() {
    return held.isEmpty();
  }

  private @Nullable LockKey ifHeld(LockKey key) {
    return held.containsKey(key) ? key : null;
  }

  private @Nullable LockKey ifPromised(LockKey key) {
    Held state = held.get(key);
    return state != null && !state.promisers.isEmpty() ? key : null;
  }

  /** The key of a name if somebody holds it, else null. */
  public @Nullable LockKey heldEntry(EntryKey entry) {
    return held.isEmpty() ? null : ifHeld(new LockKey.OfEntry(entry.directory(), entry.name()));
  }

  /** The key of a name if its readers have to wait, else null. */
  public @Nullable LockKey promisedEntry(EntryKey entry) {
    return held.isEmpty() ? null : ifPromised(new LockKey.OfEntry(entry.directory(), entry.name()));
  }

  /** The key of an inode if somebody holds it, shared or not, else null. */
  public @Nullable LockKey heldInode(InodeId inode) {
    return held.isEmpty() ? null : ifHeld(new LockKey.OfInode(inode));
  }

  /** The key of an inode if its readers have to wait, else null. */
  public @Nullable LockKey promisedInode(InodeId inode) {
    return held.isEmpty() ? null : ifPromised(new LockKey.OfInode(inode));
  }

  /** The key of an inode if somebody holds it for himself, else null. */
  public @Nullable LockKey exclusiveInode(InodeId inode) {
    if (held.isEmpty()) {
      return null;
    }
    return ifExclusive(new LockKey.OfInode(inode));
  }

  /** The key of a name's directory, where the name lies, if somebody holds it for himself. */
  public @Nullable LockKey exclusiveDirectory(EntryKey entry) {
    return held.isEmpty() ? null : ifExclusive(LockKey.ofDirectory(entry));
  }

  /** The key of a directory's partition if its readers have to wait, else null. */
  public @Nullable LockKey promisedPartition(InodeId directory, int partition) {
    return held.isEmpty() ? null : ifPromised(LockKey.ofPartition(directory, partition));
  }

  /** The key of a directory's partition if somebody holds it, shared or not, else null. */
  public @Nullable LockKey heldPartition(InodeId directory, int partition) {
    return held.isEmpty() ? null : ifHeld(LockKey.ofPartition(directory, partition));
  }

  private @Nullable LockKey ifExclusive(LockKey key) {
    Held state = held.get(key);
    return state != null && state.exclusiveOwner != null ? key : null;
  }

  /** The key of a file's end while it is being cut, else null. */
  public @Nullable LockKey heldCut(InodeId inode) {
    return held.isEmpty() ? null : ifHeld(new LockKey.OfCut(inode));
  }

  @Override
  public @Nullable Object otherHolderOfEntry(
      @Nullable Object holder, InodeId directory, EntryName name) {
    Held state = held.get(new LockKey.OfEntry(directory, name));
    return state == null
        ? null
        : state.sharedOwners.stream()
            .filter(owner -> !owner.equals(holder))
            .findAny()
            .orElse(otherThan(holder, state));
  }

  @Override
  public @Nullable Object otherHolderOfInode(@Nullable Object holder, InodeId inode) {
    Held state = held.get(new LockKey.OfInode(inode));
    return state == null ? null : otherThan(holder, state);
  }

  @Override
  public @Nullable Object otherHolderOfShare(
      @Nullable Object holder, InodeId directory, int partition) {
    Held state = held.get(LockKey.ofPartition(directory, partition));
    return state == null ? null : otherThan(holder, state);
  }

  private static @Nullable Object otherThan(@Nullable Object holder, Held state) {
    Object owner = state.exclusiveOwner;
    return owner == null || owner.equals(holder) ? null : owner;
  }

  /** The first key that the owner cannot have now, or null. */
  public @Nullable LockKey conflict(Object owner, List<LockKey.Wanted> wanted) {
    if (held.isEmpty()) {
      return null;
    }
    for (LockKey.Wanted want : wanted) {
      Held state = held.get(want.key());
      if (state != null && isTaken(state, owner, want.shared())) {
        return want.key();
      }
    }
    return null;
  }

  private static boolean isTaken(Held state, Object owner, boolean shared) {
    boolean own = owner.equals(state.exclusiveOwner) || state.sharedOwners.contains(owner);
    if (!own && !state.waiting.isEmpty()) {
      // First come, first served: else those that share would keep out the rest for ever.
      return true;
    }
    if (state.exclusiveOwner != null) {
      return !state.exclusiveOwner.equals(owner);
    }
    if (shared) {
      return false;
    }
    return state.sharedOwners.size() > (state.sharedOwners.contains(owner) ? 1 : 0);
  }

  /**
   * Takes all keys, which must be free for the owner; it may hold others already.
   *
   * @param promised whether readers have to wait
   */
  public void acquire(Object owner, List<LockKey.Wanted> wanted, boolean promised) {
    List<LockKey> keys = keysByOwner.computeIfAbsent(owner, o -> new ArrayList<>(4));
    for (LockKey.Wanted want : wanted) {
      Held state = held.computeIfAbsent(want.key(), key -> new Held());
      if (isTaken(state, owner, want.shared())) {
        throw new IllegalStateException(want.key() + " is taken");
      }
      if (promised) {
        state.promisers.add(owner);
      }
      if (want.shared()) {
        state.sharedOwners.add(owner);
      } else {
        state.exclusiveOwner = owner;
      }
      keys.add(want.key());
    }
  }

  /** Gives up everything that the owner holds; those who waited for it go on. */
  public void release(Object owner) {
    List<LockKey> keys = keysByOwner.remove(owner);
    if (keys == null) {
      return;
    }
    for (LockKey key : keys) {
      Held state = held.get(key);
      if (state == null) {
        continue; // named twice
      }
      state.sharedOwners.remove(owner);
      state.promisers.remove(owner);
      if (owner.equals(state.exclusiveOwner)) {
        state.exclusiveOwner = null;
      }
      ready.addAll(state.waiting);
      state.waiting.clear();
      if (state.isFree()) {
        held.remove(key);
      }
    }
    drain();
  }

  /** Continuations release locks themselves; running them from one place keeps the stack flat. */
  private void drain() {
    if (draining) {
      return;
    }
    draining = true;
    try {
      for (Waiter waiter = ready.poll(); waiter != null; waiter = ready.poll()) {
        if (!waiter.settled) {
          waiter.settle();
          waiter.retry.run();
        }
      }
    } finally {
      draining = false;
    }
  }

  /**
   * Parks a continuation until the key is given up.
   *
   * @param key held by somebody
   * @param deadlineNanos on the metadata thread's clock
   * @param refused told OVERLOADED when the deadline passes first, or too many wait
   */
  public void await(
      LockKey key, long deadlineNanos, Runnable retry, Consumer<FsException> refused) {
    Held state = held.get(key);
    if (state == null) {
      throw new IllegalStateException(key + " is not held");
    }
    long leftNanos = deadlineNanos - thread.nanoTime();
    if (waiters >= WAITERS_MAX || leftNanos <= 0) {
      refused.accept(waitedTooLong(key));
      return;
    }
    var waiter = new Waiter(retry, refused);
    waiters++;
    waiter.timer =
        thread.schedule(
            () -> {
              if (!waiter.settled) {
                waiter.settle();
                state.waiting.remove(waiter);
                waiter.refused.accept(waitedTooLong(key));
              }
            },
            leftNanos);
    state.waiting.add(waiter);
  }

  /**
   * Sends everybody away who waits, since slots have gone to another node: what he waits for may be
   * there. Whoever is still right here comes back.
   */
  @Override
  public void forget(BitSet slots) {
    List<Waiter> refused = new ArrayList<>();
    for (Held state : held.values()) {
      refused.addAll(state.waiting);
      state.waiting.clear();
    }
    for (Waiter waiter : refused) {
      if (!waiter.settled) {
        waiter.settle();
        waiter.refused.accept(
            new FsException(FsError.WRONG_OWNER, "slots have gone to another node"));
      }
    }
  }

  private static FsException waitedTooLong(LockKey key) {
    return new FsException(FsError.OVERLOADED, "an undecided operation holds " + key);
  }
}
