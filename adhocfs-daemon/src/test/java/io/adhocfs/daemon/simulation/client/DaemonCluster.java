package io.adhocfs.daemon.simulation.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.simulation.Inspection;
import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.daemon.simulation.SimulatedInstance;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntUnaryOperator;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The daemons that tests of the client use: what is done to them, and what they have stored. */
final class DaemonCluster implements AutoCloseable {
  static final int CHUNK = 4096;
  static final long DISK_BYTES = 256L << 20;

  private static final Map<String, String> SETTINGS =
      Map.of("chunk.size", "4KiB", "daemon.data-threads", "2");

  final SimulatedInstance instance;
  final SplittableRandom random;
  private final Map<String, String> settings;

  /**
   * Starts daemons.
   *
   * @param given settings of the instance, besides small chunks
   */
  DaemonCluster(long seed, int nodes, Map<String, String> given) {
    random = new SplittableRandom(seed);
    settings = new HashMap<>(SETTINGS);
    settings.putAll(given);
    instance = new SimulatedInstance(random.split(), nodes, new Settings(settings), DISK_BYTES);
    awaitServing();
  }

  /** The settings of the instance with others in their place. */
  Settings settings(Map<String, String> others) {
    Map<String, String> all = new HashMap<>(settings);
    all.putAll(others);
    return new Settings(all);
  }

  @Override
  public void close() {
    instance.close();
  }

  // Time -----------------------------------------------------------------------------------------

  /** Runs everything that happens within this time. */
  void pass(Duration time) {
    instance.time().pass(time.toNanos());
  }

  /** Has something happen later. */
  void after(Duration time, Runnable action) {
    instance.time().after(time.toNanos(), null, action);
  }

  long nanoTime() {
    return instance.time().nanoTime();
  }

  /** Runs everything that happens until the future is done, and answers its value. */
  <T extends @Nullable Object> T await(CompletableFuture<T> future) throws FsException {
    instance.time().until(future::isDone, "the answer comes");
    try {
      return future.join();
    } catch (RuntimeException e) {
      throw FsException.of(e);
    }
  }

  private void awaitServing() {
    instance
        .time()
        .until(
            () -> instance.daemons().stream().allMatch(SimulatedDaemon::isServing),
            "all daemons serve");
  }

  // What is done to daemons ----------------------------------------------------------------------

  ClusterMap map() {
    return instance.state().map();
  }

  /**
   * Begins to give slots to other owners, in the place of what is being moved. Plans again, as
   * commands do, when a batch of what is being moved has changed the map since.
   */
  void beginToMoveSlots(IntUnaryOperator owner) {
    Outcome outcome;
    Epoch planned;
    do {
      planned = map().epoch();
      outcome = instance.decided(instance.rebalance(owner, List.of()));
    } while (!outcome.accepted() && map().epoch().isAfter(planned));
    assertThat(outcome.accepted()).as(outcome.message()).isTrue();
  }

  void awaitSlotsMoved() {
    instance
        .time()
        .until(
            () ->
                instance.state().rebalance() == null
                    && instance.daemons().stream()
                        .allMatch(daemon -> daemon.cluster().epoch().equals(map().epoch())),
            "all know that slots are moved");
  }

  /** Gives slots to other owners. */
  void moveSlots(IntUnaryOperator owner) {
    beginToMoveSlots(owner);
    awaitSlotsMoved();
  }

  /** A daemon dies and starts anew at another address; the others know that address if told. */
  void moveNode(NodeId id, boolean tellOthers) {
    int before = addressOf(id);
    instance.tellsAddresses(tellOthers);
    instance.daemon(id).kill();
    instance.time().until(() -> addressOf(id) != before, id + " starts");
    awaitServing();
    if (tellOthers) {
      instance
          .time()
          .until(
              () -> instance.daemons().stream().allMatch(daemon -> knows(daemon, id)),
              "all know where " + id + " is");
      pass(Duration.ofMillis(100));
    }
  }

  private boolean knows(SimulatedDaemon daemon, NodeId id) {
    return Objects.requireNonNull(daemon.cluster().map().node(id)).port() == addressOf(id);
  }

  private int addressOf(NodeId id) {
    return instance.contacts().stream()
        .filter(node -> node.id().equals(id))
        .findAny()
        .orElseThrow()
        .port();
  }

  /** Waits until a directory has so many partitions. */
  void awaitSpread(InodeId directory, int partitions) {
    instance
        .time()
        .until(
            () -> {
              try {
                return 1 << stored(directory).partitionExponent() == partitions;
              } catch (FsException e) {
                throw new AssertionError(e);
              }
            },
            "the directory is spread over " + partitions);
  }

  /** A node ends a session: what it had there is gone, and what it sends there is refused. */
  void expireAt(NodeId node, SessionId session) throws FsException {
    await(instance.daemon(node).endSession(session));
  }

  void beginToExpireAt(NodeId node, SessionId session) {
    var _ = instance.daemon(node).endSession(session);
  }

  /** All nodes end a session. */
  void expire(SessionId session) throws FsException {
    for (SimulatedDaemon daemon : instance.daemons()) {
      await(daemon.endSession(session));
    }
  }

  /** Leaves so much space for chunks at each node. */
  void leaveRoom(long bytes) {
    instance.daemons().forEach(daemon -> daemon.leaveRoom(bytes));
    // Space that was there before is given out for a while.
    pass(Duration.ofMillis(150));
  }

  /** Fails if anything that is stored does not fit together, once nothing is under way. */
  void requireSound() {
    instance.settle();
    Inspection.requireSound(instance);
  }

  // What is stored -------------------------------------------------------------------------------

  NodeId ownerOf(InodeId inode) {
    return map().owner(inode.slot());
  }

  private FileAttributes stored(InodeId id) throws FsException {
    FileAttributes found = instance.daemon(ownerOf(id)).metadata().inode(id);
    if (found == null) {
      throw new AssertionError("no inode " + id);
    }
    return found;
  }

  boolean exists(InodeId id) throws FsException {
    return instance.daemon(ownerOf(id)).metadata().inode(id) != null;
  }

  long sizeOf(InodeId id) throws FsException {
    return stored(id).sizeBytes();
  }

  long mtimeOf(InodeId id) throws FsException {
    return stored(id).mtimeNanos();
  }

  long versionOf(InodeId id) throws FsException {
    return stored(id).dataVersion();
  }

  long generationOf(InodeId id) throws FsException {
    return stored(id).dataGeneration();
  }

  /** Whether a session's pin holds an inode. */
  boolean isPinned(InodeId id) throws FsException {
    int pins =
        countKeys(key ->
            Keys.isKind(key, id.slotValue(), RecordKind.PIN) && Keys.number(key, 0) == id.value());
    return pins > 0;
  }

  /** How many replies are kept for a session. */
  int repliesKept(SessionId session) throws FsException {
    return countKeys(key ->
        Keys.kindCode(key) == RecordKind.REPLY.code() && Keys.number(key, 0) == session.value());
  }

  private int countKeys(Predicate<byte[]> which) throws FsException {
    int found = 0;
    for (SimulatedDaemon daemon : instance.daemons()) {
      try (SlotStore.Cursor records = daemon.records().cursor()) {
        for (boolean more = records.seek(new byte[0]); more; more = records.next()) {
          if (which.test(records.key())) {
            found++;
          }
        }
      }
    }
    return found;
  }
}
