package io.adhocfs.daemon.directory;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.transport.Backoff;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Attributes of spread directories, put together at their homes from what all partitions keep of
 * their own. Those who ask while the partitions are being asked share the next round, which begins
 * when this one ends: so everybody is told what is there after he has asked, and a directory that a
 * thousand ask for is asked for no more often than it can answer.
 *
 * <p>Metadata thread only.
 */
public final class SpreadAttributes {
  /** How many may wait for one directory. */
  private static final int WAITING_MAX = 10_000;

  /** How often a round may find that the partitions are others than it thought. */
  private static final int TRIES_MAX = 5;

  private final MetadataThread thread;
  private final MetadataStore store;
  private final ClusterState cluster;
  private final Peers peers;
  private final KeyLocks locks;
  private final Supplier<Backoff.Pauses> backoffs;
  private final Duration answerWait;
  private final Map<InodeId, Asked> asked = new HashMap<>();

  public SpreadAttributes(
      MetadataThread thread,
      MetadataStore store,
      ClusterState cluster,
      Peers peers,
      KeyLocks locks,
      Supplier<Backoff.Pauses> backoffs,
      Duration answerWait) {
    this.thread = thread;
    this.store = store;
    this.cluster = cluster;
    this.peers = peers;
    this.locks = locks;
    this.backoffs = backoffs;
    this.answerWait = answerWait;
  }

  private record Waiter(Consumer<FileAttributes> told, Consumer<FsException> failed) {}

  /** Who waits for a directory's attributes. */
  private static final class Asked {
    private List<Waiter> now = new ArrayList<>();
    private List<Waiter> next = new ArrayList<>();
  }

  /** Tells what a directory whose home is here is as a whole, as of now or later. */
  public void read(InodeId directory, Consumer<FileAttributes> told, Consumer<FsException> failed) {
    var waiter = new Waiter(told, failed);
    Asked before = asked.get(directory);
    if (before == null) {
      var first = new Asked();
      first.now.add(waiter);
      asked.put(directory, first);
      new Round(directory, first).begin();
    } else if (before.next.size() < WAITING_MAX) {
      before.next.add(waiter);
    } else {
      failed.accept(new FsException(FsError.OVERLOADED, "too many ask for directory " + directory));
    }
  }

  /** Asking all partitions once, or again where they change meanwhile. */
  private final class Round {
    private final InodeId directory;
    private final Asked asked;
    private final Backoff.Pauses pauses = backoffs.get();
    private int tries;

    // Of the current try.
    private int unanswered;
    private @Nullable FileAttributes sum;
    private @Nullable FsException failure;

    Round(InodeId directory, Asked asked) {
      this.directory = directory;
      this.asked = asked;
    }

    void begin() {
      LockKey held = locks.promisedInode(directory);
      if (held != null) {
        locks.await(held, thread.nanoTime() + answerWait.toNanos(), this::begin, this::fail);
        return;
      }
      try {
        FileAttributes home = store.inode(directory);
        if (home == null) {
          fail(new FsException(FsError.NOT_FOUND, "inode " + directory + " is not there"));
          return;
        }
        ask(home);
      } catch (FsException e) {
        fail(e);
      }
    }

    private void ask(FileAttributes home) {
      Map<NodeId, List<Integer>> byOwner = new TreeMap<>();
      for (int partition = 1; partition < 1 << home.partitionExponent(); partition++) {
        byOwner
            .computeIfAbsent(
                cluster.map().owner(Placement.partitionSlot(directory, partition)),
                owner -> new ArrayList<>())
            .add(partition);
      }
      sum = home;
      failure = null;
      unanswered = byOwner.size();
      if (unanswered == 0) {
        tell(home);
        return;
      }
      byOwner.forEach((node, partitions) ->
          thread.whenDone(
              peers.call(
                  node,
                  new NamespaceRequest.GetShares(directory, partitions),
                  Deadline.after(answerWait)),
              (response, error) -> {
                if (response != null) {
                  response.payload().release();
                  if (response.reply() instanceof Reply.Attributes part && sum != null) {
                    sum = Share.together(sum, part.attributes());
                  } else {
                    failure =
                        new FsException(
                            FsError.INTERNAL, "shares were answered by " + response.reply().type());
                  }
                } else if (error != null) {
                  failure = error;
                }
                unanswered--;
                if (unanswered == 0) {
                  answered();
                }
              }));
    }

    private void answered() {
      FsException error = failure;
      FileAttributes all = sum;
      if (error == null && all != null) {
        tell(all);
      } else if (error != null && isPassing(error.error())) {
        tries++;
        if (tries < TRIES_MAX) {
          var _ = thread.schedule(this::begin, pauses.nextNanos());
        } else {
          fail(
              new FsException(
                  FsError.OVERLOADED,
                  "the parts of directory " + directory + ": " + error.getMessage()));
        }
      } else {
        fail(error == null ? new FsException(FsError.INTERNAL, "no answer") : error);
      }
    }

    private static boolean isPassing(FsError error) {
      return error == FsError.SPREAD_CHANGED || error.isPassing();
    }

    private void tell(FileAttributes attributes) {
      finish(waiter -> waiter.told.accept(attributes));
    }

    private void fail(FsException error) {
      finish(waiter -> waiter.failed.accept(error));
    }

    private void finish(Consumer<Waiter> answer) {
      List<Waiter> answered = asked.now;
      if (asked.next.isEmpty()) {
        SpreadAttributes.this.asked.remove(directory);
      } else {
        asked.now = asked.next;
        asked.next = new ArrayList<>();
        thread.execute(() -> new Round(directory, asked).begin());
      }
      answered.forEach(answer);
    }
  }
}
