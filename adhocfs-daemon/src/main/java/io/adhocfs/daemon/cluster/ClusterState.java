package io.adhocfs.daemon.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The newest cluster map this daemon has heard of. Thread-safe. */
public final class ClusterState {
  /** Name of the map's file in the storage directory. */
  public static final String FILE_NAME = "map";

  /**
   * How long requests wait while their slot is held; it is as a rule some milliseconds. Then their
   * senders look around themselves.
   */
  public static final long HELD_WAIT_NANOS = 2_000_000_000L;

  private final NodeId self;
  private final MapFile file;
  private final List<Consumer<ClusterMap>> listeners = new CopyOnWriteArrayList<>();

  /** Changed under this object's lock. */
  private volatile ClusterMap current;

  /** Payloads of requests that wait for slots to be let go of: beyond it they are refused. */
  private static final long WAITING_BYTES_MAX = 64L << 20;

  private static final int WAITING_MAX = 10_000;

  /** Slots that are being handed over: as bits; null = none. Replaced whole, on one thread. */
  private volatile @Nullable BitSet held;

  @GuardedBy("this")
  private List<Runnable> waiting = new ArrayList<>();

  @GuardedBy("this")
  private long waitingBytes;

  private volatile @Nullable Installer installer;

  /** Serializes writes of the file; {@link #install} must not wait for a disk. */
  private final Object fileLock = new Object();

  @GuardedBy("fileLock")
  private @Nullable ClusterMap written;

  private ClusterState(
      NodeId self, MapFile file, ClusterMap current, @Nullable ClusterMap written) {
    this.self = self;
    this.file = file;
    this.current = current;
    this.written = written;
  }

  /**
   * The state of a daemon that starts: the newer of what its file says and what it was given.
   *
   * @param kept the file {@link #FILE_NAME} of its storage directory
   * @param given the map as whoever starts the daemon knows it
   * @throws FsException CORRUPT or NOT_SUPPORTED for a file that can't be read, STORAGE_FAILED,
   *     NO_SPACE
   */
  public static ClusterState open(SmallFile kept, NodeId self, ClusterMap given)
      throws FsException {
    var file = new MapFile(kept);
    ClusterMap stored = file.read();
    var state = new ClusterState(self, file, stored == null ? given : stored.merge(given), stored);
    state.persist();
    return state;
  }

  /** The map that such a file holds, or null; for whoever starts a daemon. */
  public static @Nullable ClusterMap stored(SmallFile kept) throws FsException {
    return new MapFile(kept).read();
  }

  public NodeId self() {
    return self;
  }

  public ClusterMap map() {
    return current;
  }

  public Epoch epoch() {
    return current.epoch();
  }

  /** Whether this node owns the slot. */
  public boolean owns(int slot) {
    return current.ownerValue(slot) == self.value();
  }

  /** The slots of this node; a copy. */
  public BitSet ownedSlots() {
    return current.slotsOf(self);
  }

  /**
   * Whether requests for the slot are answered here: it is owned, and not held because it is about
   * to go to another node.
   */
  public boolean serves(int slot) {
    BitSet now = held;
    return owns(slot) && (now == null || !now.get(slot));
  }

  /** Whether any slot is held. */
  public boolean holdsAny() {
    return held != null;
  }

  /** Holds slots: nothing of them is answered or changed until they are let go. */
  public synchronized void hold(BitSet slots) {
    BitSet before = held;
    BitSet after = before == null ? new BitSet(SlotId.COUNT) : (BitSet) before.clone();
    after.or(slots);
    held = after;
  }

  /** Ends {@link #hold} for these slots, and lets those look again who wait. */
  public void letGo(BitSet slots) {
    synchronized (this) {
      BitSet before = held;
      if (before == null) {
        return;
      }
      var after = (BitSet) before.clone();
      after.andNot(slots);
      held = after.isEmpty() ? null : after;
    }
    wakeWaiting();
  }

  /**
   * Has something run when slots are let go of, or at the next {@link #wakeWaiting}: it looks
   * again, and may wait again.
   *
   * @param bytes that it keeps in memory meanwhile
   * @return false if nothing is held, or too many wait: it will not run
   */
  public synchronized boolean awaitLetGo(long bytes, Runnable again) {
    if (held == null || waiting.size() >= WAITING_MAX || waitingBytes + bytes > WAITING_BYTES_MAX) {
      return false;
    }
    waiting.add(again);
    waitingBytes += bytes;
    return true;
  }

  /** Runs all that wait, here. */
  public void wakeWaiting() {
    List<Runnable> woken;
    synchronized (this) {
      woken = waiting;
      waiting = new ArrayList<>();
      waitingBytes = 0;
    }
    woken.forEach(Runnable::run);
  }

  /** Tells of every newer map, at once of the current one. */
  public void onChange(Consumer<ClusterMap> listener) {
    listeners.add(listener);
    listener.accept(current);
  }

  /** Does what goes with a newer map; calls {@link #installNow}. */
  @FunctionalInterface
  public interface Installer {
    void install(ClusterMap map);
  }

  /** Sets who takes over newer maps from now on. */
  public void installer(Installer installer) {
    this.installer = installer;
  }

  /** Takes over what is newer in a map. It is not on disk before {@link #persist}. */
  public void install(ClusterMap map) {
    Installer set = installer;
    if (set == null) {
      installNow(map);
    } else {
      set.install(map);
    }
  }

  /** Takes over what is newer in a map, and nothing else. */
  public void installNow(ClusterMap map) {
    ClusterMap merged;
    synchronized (this) {
      merged = current.merge(map);
      if (merged.equals(current)) {
        return;
      }
      current = merged;
    }
    listeners.forEach(listener -> listener.accept(merged));
  }

  /** Writes the current map to the file unless it is there. Blocks on the disk. */
  public void persist() throws FsException {
    synchronized (fileLock) {
      ClusterMap map = current;
      ClusterMap before = written;
      if (before == null || !map.equals(before)) {
        file.write(map);
        written = map;
      }
    }
  }
}
