package io.adhocfs.client.routing;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The newest cluster map that this client has heard of, the switches that came with it, and the
 * ways to hear of newer ones. Thread-safe; at most one question for the map is under way, and
 * whoever asks meanwhile shares its answer.
 */
final class Maps {
  private static final Logger log = LoggerFactory.getLogger(Maps.class);

  /** A daemon that does not answer within this is passed over for the next. */
  private static final Duration ASK_LIMIT = Duration.ofSeconds(2);

  /** When the first has not answered after this, the next is asked too. */
  private static final long HEDGE_NANOS = 100_000_000L;

  /** The file of the instance is not read more often than this. */
  private static final long READ_CONTACTS_NANOS = 100_000_000L;

  /** While a node cannot be reached, the others are not asked more often than this. */
  private static final long ASK_OTHERS_NANOS = 200_000_000L;

  /** How many nodes one question asks at most. */
  private static final int ASKED_MAX = 16;

  /** Sends one question for the map. */
  @FunctionalInterface
  interface Asker {
    CompletableFuture<Response> ask(NodeId node, Duration limit);
  }

  private final Asker asker;
  private final Consumer<ClusterMap> addresses;
  private final BiConsumer<ClusterMap, ClusterMap> ownersChanged;
  private final ContactSource contacts;
  private final Executor waiting;
  private final Timers timers;
  private final RandomGenerator random;

  private volatile ClusterMap current;
  private volatile SwitchTable switches;

  @GuardedBy("this")
  private @Nullable CompletableFuture<ClusterMap> asking;

  @GuardedBy("this")
  private @Nullable CompletableFuture<ClusterMap> reading;

  @GuardedBy("this")
  private long lastReadNanos;

  @GuardedBy("this")
  private long lastAskNanos;

  /**
   * Starts from contacts, which tell addresses but not owners.
   *
   * @param asker sends the questions
   * @param addresses is told of each newer map, as it says where nodes are; must not block
   * @param ownersChanged is told of a map and of the newer one in its place; must not block
   * @param waiting runs what reads the contacts
   */
  Maps(
      Asker asker,
      Consumer<ClusterMap> addresses,
      BiConsumer<ClusterMap, ClusterMap> ownersChanged,
      List<Node> firstContacts,
      SwitchTable firstSwitches,
      ContactSource contacts,
      Executor waiting,
      Timers timers,
      RandomGenerator random) {
    this.asker = asker;
    this.addresses = addresses;
    this.switches = firstSwitches;
    this.ownersChanged = ownersChanged;
    this.contacts = contacts;
    this.waiting = waiting;
    this.timers = timers;
    this.random = random;
    // Epoch 0: any map that a daemon gives is newer.
    this.current =
        new ClusterMap(Epoch.NONE, firstContacts, ClusterMap.initial(firstContacts).owners());
    this.lastReadNanos = timers.nanoTime() - READ_CONTACTS_NANOS;
    this.lastAskNanos = timers.nanoTime() - ASK_OTHERS_NANOS;
  }

  ClusterMap current() {
    return current;
  }

  /** The switches as far as they have been heard of. */
  SwitchTable switches() {
    return switches;
  }

  /**
   * The map of an epoch that a node has told, or a newer one, once this client has learnt it. The
   * newest that is known where nobody tells. Never fails.
   */
  CompletableFuture<ClusterMap> of(Epoch epoch, NodeId teller) {
    // The first question may have been under way before the epoch began.
    return newerThanKnown(epoch, teller).thenCompose(_ -> newerThanKnown(epoch, teller));
  }

  private CompletableFuture<ClusterMap> newerThanKnown(Epoch epoch, NodeId teller) {
    return epoch.isAfter(current.epoch())
        ? ask(teller).handle((_, _) -> current)
        : CompletableFuture.completedFuture(current);
  }

  /**
   * A reply came with this epoch. Where the map or the switches that are known are older, they are
   * asked for, in the background.
   */
  void noticed(Epoch epoch, NodeId from) {
    if (epoch.isAfter(current.epoch())) {
      Completion.then(
          ask(from),
          (map, failure) -> {
            if (failure != null) {
              log.debug("no newer map from {}: {}", from, failure.getMessage());
            }
          });
    } else if (epoch.isAfter(switches.epoch())) {
      // Whoever told the map did not know yet what had been set.
      askOthers();
    }
  }

  /** Asks any node for the map, in the background, unless that was done a moment ago. */
  void askOthers() {
    synchronized (this) {
      long now = timers.nanoTime();
      if (now - lastAskNanos < ASK_OTHERS_NANOS) {
        return;
      }
      lastAskNanos = now;
    }
    Completion.then(
        ask(null),
        (_, failure) -> {
          if (failure != null) {
            log.debug("no node tells the map: {}", failure.getMessage());
          }
        });
  }

  /**
   * Asks for the map: the informant first, if there is one, then others, until one answers. Fails
   * with the last failure when none does.
   */
  CompletableFuture<ClusterMap> ask(@Nullable NodeId informant) {
    CompletableFuture<ClusterMap> answer;
    synchronized (this) {
      if (asking != null) {
        return asking;
      }
      answer = new CompletableFuture<>();
      asking = answer;
    }
    Completion.then(
        answer,
        (_, _) -> {
          synchronized (this) {
            asking = null;
          }
        });
    new Question(candidates(informant), answer).next();
    return answer;
  }

  /**
   * Reads the contacts anew, unless that was done a moment ago, and takes over the addresses of
   * daemons that have been started since. Never fails: what can't be read changes nothing.
   */
  @CanIgnoreReturnValue
  CompletableFuture<ClusterMap> readContacts() {
    CompletableFuture<ClusterMap> answer;
    synchronized (this) {
      if (reading != null) {
        return reading;
      }
      if (timers.nanoTime() - lastReadNanos < READ_CONTACTS_NANOS) {
        return CompletableFuture.completedFuture(current);
      }
      answer = new CompletableFuture<>();
      reading = answer;
    }
    Completion.then(
        answer,
        (_, _) -> {
          synchronized (this) {
            reading = null;
            lastReadNanos = timers.nanoTime();
          }
        });
    try {
      waiting.execute(() -> {
        try {
          adoptContacts(contacts.contacts());
        } catch (IOException | RuntimeException e) {
          log.warn("the description of the instance can't be read: {}", e.getMessage());
        }
        answer.complete(current);
      });
    } catch (RejectedExecutionException e) {
      answer.complete(current); // closed meanwhile
    }
    return answer;
  }

  private void adoptContacts(List<Node> nodes) {
    synchronized (this) {
      ClusterMap map = current;
      boolean changed = false;
      for (Node contact : nodes) {
        Node seen = map.node(contact.id());
        // Those that the map does not know yet may be the only ones left that can tell a newer one.
        if (seen == null || contact.incarnation() > seen.incarnation()) {
          map = map.withNode(contact);
          changed = true;
          log.info("node {} is now at {}", contact.id(), contact.address());
        }
      }
      if (!changed) {
        return;
      }
      current = map;
      addresses.accept(map);
    }
  }

  private void adopt(Reply.Map answer) {
    ClusterMap told = answer.map();
    synchronized (this) {
      if (answer.settingsEpoch().isAfter(switches.epoch())) {
        switches = switches.after(answer.settingsEpoch(), answer.settings());
      }
      ClusterMap merged = current.merge(told);
      if (merged.equals(current)) {
        return;
      }
      if (merged.epoch().isAfter(current.epoch())) {
        log.debug("{}", merged);
        ownersChanged.accept(current, merged);
      }
      current = merged;
      addresses.accept(merged);
    }
  }

  private List<NodeId> candidates(@Nullable NodeId informant) {
    List<NodeId> others = new ArrayList<>();
    for (Node node : current.nodes()) {
      if (!node.id().equals(informant) && node.isMember()) {
        others.add(node.id());
      }
    }
    Collections.shuffle(others, Random.from(random));
    List<NodeId> all = new ArrayList<>();
    if (informant != null) {
      all.add(informant);
    }
    all.addAll(others);
    return all.subList(0, Math.min(ASKED_MAX, all.size()));
  }

  /** Asks one node after the other, the next when one has failed or takes long. */
  private final class Question {
    private final List<NodeId> nodes;
    private final CompletableFuture<ClusterMap> answer;

    @GuardedBy("this")
    private int asked;

    @GuardedBy("this")
    private int failed;

    Question(List<NodeId> nodes, CompletableFuture<ClusterMap> answer) {
      this.nodes = nodes;
      this.answer = answer;
    }

    void next() {
      NodeId node;
      boolean more;
      synchronized (this) {
        if (answer.isDone() || asked == nodes.size()) {
          return;
        }
        node = nodes.get(asked++);
        more = asked < nodes.size();
      }
      CompletableFuture<Response> reply = asker.ask(node, ASK_LIMIT);
      Timers.Timer hedge = more ? timers.after(HEDGE_NANOS, this::next) : () -> {};
      Completion.then(
          reply,
          (response, failure) -> {
            hedge.cancel();
            if (failure == null) {
              response.payload().release();
              if (response.reply() instanceof Reply.Map map) {
                adopt(map);
                answer.complete(current);
              } else {
                failed(
                    new FsException(
                        FsError.INTERNAL, node + " answered GetMap with " + response.reply()));
              }
            } else {
              failed(Failures.of(failure));
            }
          });
    }

    private void failed(FsException failure) {
      boolean all;
      synchronized (this) {
        failed++;
        all = failed == nodes.size();
      }
      if (all) {
        answer.completeExceptionally(failure);
      } else {
        next();
      }
    }
  }
}
