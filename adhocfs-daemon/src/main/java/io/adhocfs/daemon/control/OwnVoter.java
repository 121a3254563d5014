package io.adhocfs.daemon.control;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's part in the replicated log: starts it when it is first needed, ends it when the node
 * no longer votes and, while it leads, sees to it that those vote whom the map wants. On the
 * control thread, except where it says otherwise.
 */
final class OwnVoter {
  private static final Logger LOG = LoggerFactory.getLogger(OwnVoter.class);
  private static final long TEND_MILLIS = 300;
  private static final long RESTART_MILLIS = 5_000;
  private static final long RETRY_MILLIS = 500;
  private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(3);

  /** A submission that nothing has become of: a leader that was removed never answers. */
  private static final int SUBMISSION_MILLIS_MAX = 3000;

  private static final int VOTER_CHANGE_MILLIS_MAX = 20_000;

  /** What a leader has agreed on of itself. */
  @FunctionalInterface
  interface Duties {
    CompletableFuture<Outcome> propose(ControlCommand command);
  }

  private final ControlThread thread;
  private final KnownState known;
  private final OtherNodes others;
  private final Path directory;
  private final String instanceId;
  private final ControlStateMachine.Listener listener;
  private final Duties duties;
  private final CrashPoints crashPoints;

  /** Starts and stops the own voter. */
  private final ThreadPoolExecutor log;

  // Changed on the control thread, or on a thread of the log while it starts; read by any.
  private volatile @Nullable RaftVoter voter;
  private volatile long lastLeaderCallNanos = System.nanoTime();

  private boolean closed;
  private boolean starting;
  private boolean stopping;
  private boolean changingVoters;
  private boolean recordingVoters;

  /**
   * Starts nothing yet.
   *
   * @param directory of the log, which need not be there
   * @param listener hears of what is applied, on a thread of the library's
   */
  OwnVoter(
      ControlThread thread,
      KnownState known,
      OtherNodes others,
      Path directory,
      String instanceId,
      ControlStateMachine.Listener listener,
      Duties duties,
      CrashPoints crashPoints) {
    this.thread = thread;
    this.known = known;
    this.others = others;
    this.directory = directory;
    this.instanceId = instanceId;
    this.listener = listener;
    this.duties = duties;
    this.crashPoints = crashPoints;
    log = ControlThread.few("adhocfs-control-log");
  }

  NodeId self() {
    return others.self();
  }

  /** The voter, or null while it does not run. Any thread. */
  @Nullable RaftVoter running() {
    return voter;
  }

  /** Whether this node leads. Any thread. */
  boolean leads() {
    RaftVoter own = voter;
    return own != null && own.leads();
  }

  /**
   * Whether what is agreed on is heard here at once: it leads, or hears from who does. Any thread.
   */
  boolean tells() {
    RaftVoter own = voter;
    return own != null && (own.leads() || System.nanoTime() - lastLeaderCallNanos < IDLE_NANOS);
  }

  /** Goes on with a log that is there. */
  void resume() {
    if (Files.exists(directory)) {
      start();
    }
  }

  /** Has a command agreed on by way of this node's log, which answers when it does not lead. */
  CompletableFuture<RaftVoter.Submission> submit(RaftVoter own, ControlCommand command) {
    if (!(command instanceof ControlCommand.Move) || !own.leads()) {
      return submitHere(own, command);
    }
    crashPoints.reached(CrashPoint.MIGRATION_LEADER_BEFORE_APPEND);
    return submitHere(own, command)
        .whenComplete((submission, _) -> {
          if (submission instanceof RaftVoter.Submission.Applied) {
            crashPoints.reached(CrashPoint.MIGRATION_LEADER_AFTER_APPEND);
          }
        });
  }

  private CompletableFuture<RaftVoter.Submission> submitHere(
      RaftVoter own, ControlCommand command) {
    var entry = new LogEntry.Command(command);
    if (own.state() != null || known.standIn()) {
      return submitEntry(own, entry);
    }
    return submitEntry(own, new LogEntry.Found(known.state()))
        .thenCompose(first ->
            first instanceof RaftVoter.Submission.Applied
                ? submitEntry(own, entry)
                : CompletableFuture.completedFuture(first));
  }

  private CompletableFuture<RaftVoter.Submission> submitEntry(RaftVoter own, LogEntry entry) {
    return askLog(
        own,
        () -> own.submit(entry),
        new RaftVoter.Submission.Elsewhere(-1, "the log of this node does not answer"),
        SUBMISSION_MILLIS_MAX);
  }

  /**
   * Asks the library for something off the control thread: it takes a lock to answer that it may
   * keep for as long as a leader needs to step down.
   *
   * @param otherwise the answer when there is none in time
   */
  private static <T> CompletableFuture<T> askLog(
      RaftVoter own, Supplier<CompletableFuture<T>> question, T otherwise, long millis) {
    var answer = new CompletableFuture<T>();
    try {
      own.asking()
          .execute(() -> {
            var _ =
                question
                    .get()
                    .whenComplete(
                        (value, error) -> answer.complete(error == null ? value : otherwise));
          });
    } catch (RejectedExecutionException e) {
      return CompletableFuture.completedFuture(otherwise);
    }
    return answer.completeOnTimeout(otherwise, millis, TimeUnit.MILLISECONDS);
  }

  /** The answer to a call of the replicated log, from another voter. */
  void serve(Exchange exchange, ControlRequest.RaftCall request) {
    RaftTransport.Call call = RaftTransport.Call.ofCode(request.call());
    if (exchange.role() != PeerRole.DAEMON) {
      exchange.fail(FsError.NOT_PERMITTED, "only daemons take part in the replicated log");
      return;
    }
    if (call == null) {
      exchange.fail(FsError.BAD_MESSAGE, "call " + request.call() + " of the replicated log");
      return;
    }
    if (call.isOfLeader()) {
      lastLeaderCallNanos = System.nanoTime();
    }
    RaftVoter own = voter;
    if (own == null) {
      thread.execute(this::start);
      exchange.fail(FsError.OVERLOADED, "the replicated log is only starting here");
      return;
    }
    try {
      own.serving()
          .execute(() -> {
            try {
              var _ =
                  own.serve(call, request.body())
                      .whenComplete((answer, error) -> {
                        if (answer != null) {
                          exchange.reply(new Reply.Bytes(answer));
                        } else {
                          exchange.fail(FsError.OVERLOADED, "replicated log: " + error);
                        }
                      });
            } catch (IOException | RuntimeException e) {
              exchange.fail(FsError.OVERLOADED, "replicated log: " + e);
            }
          });
    } catch (RejectedExecutionException e) {
      exchange.fail(FsError.OVERLOADED, "too many calls of the replicated log wait here");
    }
  }

  private CompletableFuture<byte[]> callPeer(
      int nodeValue, RaftTransport.Call call, byte[] body, long timeoutMillis) {
    return others
        .ask(
            new NodeId(nodeValue),
            new ControlRequest.RaftCall(call.code(), body),
            Duration.ofMillis(timeoutMillis))
        .thenApply(reply -> {
          if (reply instanceof Reply.Bytes answer) {
            return answer.bytes();
          }
          throw new FsException(FsError.BAD_MESSAGE, "an answer of type " + reply.type())
              .asCompletion();
        });
  }

  void start() {
    if (voter != null || starting || stopping || closed) {
      return;
    }
    starting = true;
    ControlState state = known.state();
    // Later voters learn from the log who votes.
    List<NodeId> first =
        state.version() == 0 && !known.standIn() && state.voters().contains(self())
            ? state.voters()
            : List.of();
    onLog(() -> {
      try {
        long began = System.nanoTime();
        RaftVoter made =
            RaftVoter.start(directory, self(), instanceId, first, this::callPeer, listener);
        voter = made;
        LOG.info(
            "the replicated log runs here firstVoters={} startMillis={}",
            first,
            TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
        thread.execute(() -> {
          starting = false;
          tendSoon();
        });
      } catch (FsException e) {
        LOG.warn("the replicated log does not start: {}", e.getMessage());
        thread.after(
            RESTART_MILLIS,
            () -> {
              starting = false;
              startAgain();
            });
      }
    });
  }

  /** Starts the log again if this node still votes, else forgets it. */
  private void startAgain() {
    if (known.state().voters().contains(self())) {
      start();
    } else if (voter == null && !starting && !stopping && !closed) {
      starting = true;
      onLog(() -> {
        try {
          RaftVoter.delete(directory);
        } catch (IOException e) {
          LOG.warn("the log of a node that no longer votes is left: {}", e.toString());
        }
        thread.execute(() -> starting = false);
      });
    }
  }

  private void onLog(Runnable work) {
    try {
      log.execute(ControlThread.guarded(work));
    } catch (RejectedExecutionException e) {
      thread.after(
          RETRY_MILLIS,
          () -> {
            if (!closed) {
              onLog(work);
            }
          });
    }
  }

  /**
   * Ends the own voter.
   *
   * @param forGood whether what it stored goes too
   */
  private void stop(RaftVoter own, boolean forGood) {
    stopping = true;
    voter = null;
    onLog(() -> {
      try {
        own.close();
        if (forGood) {
          RaftVoter.delete(directory);
        }
        LOG.info("the replicated log has ended here forGood={}", forGood);
      } catch (IOException e) {
        LOG.warn("the replicated log has not ended well: {}", e.toString());
      }
      thread.execute(() -> {
        stopping = false;
      });
    });
  }

  private void tendSoon() {
    thread.after(TEND_MILLIS, this::tend);
  }

  /** Looks after the own voter and, where it leads, after who votes. */
  private void tend() {
    RaftVoter own = voter;
    if (own == null || closed) {
      return;
    }
    if (!own.alive()) {
      // It was voted out, or its disk has failed.
      stop(own, !known.state().voters().contains(self()));
      thread.after(RESTART_MILLIS, this::startAgain);
      return;
    }
    tendSoon();
    List<NodeId> voters = own.voters();
    ControlState decided = known.state();
    if (!decided.voters().contains(self())
        && !decided.wantedVoters().contains(self())
        && !voters.contains(self())
        && System.nanoTime() - lastLeaderCallNanos > IDLE_NANOS) {
      stop(own, true);
      return;
    }
    ControlState applied = own.state();
    if (applied == null || voters.isEmpty() || !own.leads()) {
      return;
    }
    List<NodeId> wanted = applied.wantedVoters();
    if (!wanted.equals(voters)) {
      changeVoters(own, voters, wanted);
    } else if (!applied.voters().equals(voters) && !recordingVoters) {
      recordingVoters = true;
      var _ =
          duties
              .propose(new ControlCommand.SetVoters(voters))
              .whenComplete((_, _) -> thread.execute(() -> recordingVoters = false));
    }
  }

  private void changeVoters(RaftVoter own, List<NodeId> from, List<NodeId> wanted) {
    if (changingVoters) {
      return;
    }
    changingVoters = true;
    LOG.info("voters change from={} to={}", from, wanted);
    var _ =
        askLog(own, () -> own.changeVoters(wanted), false, VOTER_CHANGE_MILLIS_MAX)
            .whenComplete((done, _) ->
                thread.execute(() -> {
                  if (done != null && done) {
                    changingVoters = false;
                    LOG.info("voters have changed to={}", wanted);
                  } else {
                    thread.after(1000, () -> changingVoters = false);
                  }
                }));
  }

  /** Starts nothing any more. */
  void refuseToStart() {
    closed = true;
  }

  /** Ends the log; waits for it. After the control thread has ended. */
  void end() throws IOException {
    ControlThread.end(log, "log");
    RaftVoter own = voter;
    if (own != null) {
      own.close();
    }
  }
}
