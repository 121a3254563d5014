package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Learns what has been agreed on: from the own log where this node votes, else from those who do,
 * by long polls. On the control thread, except where it says otherwise.
 */
final class Learner {
  private static final Logger LOG = LoggerFactory.getLogger(Learner.class);
  private static final int POLL_MILLIS = 25_000;
  private static final long FOLLOW_RETRY_MILLIS_MAX = 2_000;
  private static final int CHASE_MILLIS = 300;
  private static final Duration CHASE_PATIENCE = Duration.ofSeconds(2);

  private final ControlThread thread;
  private final KnownState known;
  private final OtherNodes others;
  private final OwnVoter voter;
  private final Consumer<ControlState> news;
  private final List<Awaited> awaited = new ArrayList<>();
  private boolean closed;
  private boolean following;
  private int followFailures;
  private boolean chasing;
  private int chases;

  /** What is known has another base than others' commands: the next news must be a whole state. */
  private boolean askForAll;

  /**
   * Learns nothing before {@link #follow}.
   *
   * @param news is told of every newer state
   */
  Learner(
      ControlThread thread,
      KnownState known,
      OtherNodes others,
      OwnVoter voter,
      Consumer<ControlState> news) {
    this.thread = thread;
    this.known = known;
    this.others = others;
    this.voter = voter;
    this.news = news;
  }

  /**
   * Takes over a state that was agreed on, if it is newer.
   *
   * @param by what led to it from the version before; null = it is not known
   */
  void advance(ControlState newer, @Nullable ControlCommand by) {
    if (known.advance(newer, by)) {
      news.accept(newer);
      completeAwaited();
    }
  }

  /** Somebody who waits for a state. */
  private static final class Awaited {
    private final Predicate<ControlState> enough;
    private final CompletableFuture<ControlState> future = new CompletableFuture<>();
    private @Nullable Future<?> timeout;

    Awaited(Predicate<ControlState> enough) {
      this.enough = enough;
    }
  }

  /**
   * Waits for a state; asks the voters for it meanwhile. Any thread.
   *
   * @param what for the error's message: TIMED_OUT at the deadline, CLOSED
   */
  CompletableFuture<ControlState> await(
      String what, Predicate<ControlState> enough, Deadline deadline) {
    var waiting = new Awaited(enough);
    boolean accepted =
        thread.execute(() -> {
          if (closed) {
            waiting.future.completeExceptionally(ControlThread.stopping().asCompletion());
            return;
          }
          if (!known.standIn() && enough.test(known.state())) {
            waiting.future.complete(known.state());
            return;
          }
          awaited.add(waiting);
          if (deadline.bounded()) {
            waiting.timeout =
                thread.after(
                    TimeUnit.NANOSECONDS.toMillis(deadline.patienceNanos()) + 1,
                    () -> {
                      if (awaited.remove(waiting)) {
                        waiting.future.completeExceptionally(
                            new FsException(
                                    FsError.TIMED_OUT,
                                    "no voter tells of " + what + "; known is " + known.state())
                                .asCompletion());
                      }
                    });
          }
          chase();
        });
    if (!accepted) {
      waiting.future.completeExceptionally(ControlThread.stopping().asCompletion());
    }
    return waiting.future;
  }

  private void completeAwaited() {
    ControlState now = known.state();
    List<Awaited> done = new ArrayList<>();
    for (Iterator<Awaited> each = awaited.iterator(); each.hasNext(); ) {
      Awaited waiting = each.next();
      if (waiting.enough.test(now)) {
        each.remove();
        done.add(waiting);
      }
    }
    for (Awaited waiting : done) {
      if (waiting.timeout != null) {
        waiting.timeout.cancel(false);
      }
      waiting.future.complete(now);
    }
  }

  private void followAfter(long millis) {
    following = true;
    thread.after(
        millis,
        () -> {
          following = false;
          follow();
        });
  }

  private long sinceVersion() {
    return askForAll ? -1 : known.version();
  }

  /** Follows for as long as this daemon lives, unless the log here tells it the same. */
  void follow() {
    if (following || closed) {
      return;
    }
    NodeId node = others.source(followFailures);
    if (node == null || voter.tells()) {
      followAfter(FOLLOW_RETRY_MILLIS_MAX);
      return;
    }
    following = true;
    long since = sinceVersion();
    var _ =
        others
            .ask(
                node,
                new ControlRequest.FollowControl(since, POLL_MILLIS),
                Duration.ofMillis(POLL_MILLIS + 10_000))
            .whenComplete((reply, error) ->
                thread.execute(() -> {
                  following = false;
                  if (reply != null && learn(since, reply)) {
                    followFailures = 0;
                    follow();
                  } else {
                    LOG.debug("not followed node={} reason=\"{}\"", node, String.valueOf(error));
                    followFailures++;
                    followAfter(
                        Math.min(FOLLOW_RETRY_MILLIS_MAX, 50L << Math.min(followFailures, 7)));
                  }
                }));
  }

  /** Takes over what somebody told; false where that does not fit what is known here. */
  private boolean learn(long since, Reply reply) {
    if (reply instanceof Reply.Control whole) {
      askForAll = false;
      advance(whole.state(), null);
      return true;
    }
    if (!(reply instanceof Reply.ControlNews news)) {
      return false;
    }
    if (since != known.version()) {
      // Somebody else has told it meanwhile.
      return true;
    }
    for (ControlCommand command : news.commands()) {
      ControlState after = known.after(command);
      if (after == null) {
        // Its base is another: of addresses that were told to some nodes alone.
        LOG.info("state {} is taken over as a whole", known.state().version());
        askForAll = true;
        return true;
      }
      advance(after, command);
    }
    return true;
  }

  /** Asks all voters at once for as long as somebody here waits for a newer state. */
  private void chase() {
    if (chasing || closed || awaited.isEmpty()) {
      return;
    }
    chasing = true;
    int round = ++chases;
    List<NodeId> asked = new ArrayList<>();
    if (!voter.leads()) {
      asked.addAll(others.voters());
      if (asked.isEmpty() || round % 4 == 0) {
        NodeId other = others.source(round);
        if (other != null && !asked.contains(other)) {
          asked.add(other);
        }
      }
    }
    if (asked.isEmpty()) {
      chaseAgain(round, 20);
      return;
    }
    long since = sinceVersion();
    int[] left = {asked.size()};
    for (NodeId node : asked) {
      var _ =
          others
              .ask(node, new ControlRequest.FollowControl(since, CHASE_MILLIS), CHASE_PATIENCE)
              .whenComplete((reply, _) ->
                  thread.execute(() -> {
                    left[0]--;
                    if (reply != null && learn(since, reply)) {
                      chaseAgain(round, 5);
                    } else if (left[0] == 0) {
                      chaseAgain(round, 100);
                    }
                  }));
    }
  }

  private void chaseAgain(int round, long afterMillis) {
    if (chasing && round == chases) {
      chasing = false;
      thread.after(afterMillis, this::chase);
    }
  }

  /** Lets nobody wait any longer, and asks no more. */
  void close() {
    closed = true;
    for (Awaited waiting : awaited) {
      waiting.future.completeExceptionally(ControlThread.stopping().asCompletion());
    }
    awaited.clear();
  }
}
