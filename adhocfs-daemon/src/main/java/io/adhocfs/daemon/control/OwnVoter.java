package io.adhocfs.daemon.control;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's part in the replicated log: starts it when it is first needed, ends it when others
 * vote and, while it leads, sees to it that those vote whom the map wants. On the control thread,
 * except where it says otherwise.
 *
 * <p>Each set of voters, a configuration, has a log of its own. The command that replaces them is
 * the last that their log says; whoever has learnt of it keeps the state after it, forgets that log
 * and, if it is to vote, starts the next one, which begins with that very state (a stoppable state
 * machine: Lamport, Malkhi, Zhou, "Reconfiguring a State Machine", 2010). So the voters of before
 * and of after need not hear each other at any one moment.
 */
final class OwnVoter {
  private static final Logger LOG = LoggerFactory.getLogger(OwnVoter.class);
  private static final long TEND_MILLIS = 300;
  private static final long RESTART_MILLIS = 5_000;
  private static final long RETRY_MILLIS = 500;

  /** Starts and ends of logs that wait for a thread. */
  private static final int WAITING_MAX = 256;

  private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(3);

  /** A submission that nothing has become of: a log that closes may never answer. */
  private static final long SUBMISSION_NANOS_MAX = TimeUnit.SECONDS.toNanos(3);

  /** One that has not voted yet needs seconds to get ready. */
  private static final int SUCCESSOR_MILLIS_MAX = 8000;

  /** So long all that are to vote are waited for, then most of them. */
  private static final long ALL_SUCCESSORS_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Threads threads;
  private final ControlThread thread;
  private final KnownState known;
  private final OtherNodes others;
  private final VoterLogs logs;
  private final AppliedState.Listener listener;
  private final StateKeeper keeper;
  private final CrashPoints crashPoints;

  /** Starts and stops the own voter. */
  private final ExecutorService log;

  // Changed on the control thread, or on a thread of the log while it starts; read by any.
  private volatile @Nullable Voter voter;

  /** The first entry of a log, for as long as the state is the one that it begins with. */
  private record Beginning(ControlState state, byte[] entry) {}

  /** Kept, since whoever does not lead is asked many times. */
  private volatile @Nullable Beginning beginning;

  private volatile long lastLeaderCallNanos;

  private boolean closed;
  private boolean starting;
  private boolean stopping;
  private boolean rehearsed;

  /** Whether the beginning of the log or its end has been submitted. */
  private boolean submitting;

  /** Those that are to vote, and since when. */
  private List<NodeId> successors = List.of();

  private long successorsNanos;

  /**
   * Starts nothing yet.
   *
   * @param listener hears of what is applied, on a thread of the log's
   */
  OwnVoter(
      Threads threads,
      ControlThread thread,
      KnownState known,
      OtherNodes others,
      VoterLogs logs,
      AppliedState.Listener listener,
      StateKeeper keeper,
      CrashPoints crashPoints) {
    this.threads = threads;
    this.thread = thread;
    this.known = known;
    this.others = others;
    this.logs = logs;
    this.listener = listener;
    this.keeper = keeper;
    this.crashPoints = crashPoints;
    log = threads.few("adhocfs-control-log", WAITING_MAX);
    lastLeaderCallNanos = threads.nanoTime();
  }

  NodeId self() {
    return others.self();
  }

  /** The voter, or null while it does not run. Any thread. */
  @Nullable Voter running() {
    return voter;
  }

  /** Whether this node leads. Any thread. */
  boolean leads() {
    Voter own = voter;
    return own != null && own.leads();
  }

  /**
   * Whether what is agreed on is heard here at once: it leads, or hears from who does. Any thread.
   */
  boolean tells() {
    Voter own = voter;
    return own != null
        && own.configuration() == known.state().configuration()
        && (own.leads() || threads.nanoTime() - lastLeaderCallNanos < IDLE_NANOS);
  }

  /** Goes on with a log that is there, or that others may wait for. */
  void resume() {
    int configuration = known.state().configuration();
    onLog(() -> {
      try {
        logs.deleteBefore(configuration);
      } catch (IOException e) {
        LOG.warn("a log that says nothing further is left: {}", e.toString());
      }
    });
    if (configuration > 0 || logs.anyKept()) {
      start();
    }
  }

  /** There is a newer state, and others may vote. */
  void learned() {
    ControlState state = known.state();
    Voter own = voter;
    if (own != null && own.configuration() < state.configuration()) {
      voter = null;
      crashPoints.reached(CrashPoint.MIGRATION_VOTER_AFTER_REPLACED);
      // Only a state on the disk may take the place of the log.
      var _ =
          keeper
              .kept()
              .whenComplete((_, error) -> thread.execute(() -> retire(own, error == null)));
    }
    if (state.configuration() > 0) {
      start();
    }
  }

  /** Ends a log that says nothing further. */
  private void retire(Voter own, boolean forGood) {
    onLog(() -> {
      try {
        own.log().close();
        if (forGood) {
          crashPoints.reached(CrashPoint.MIGRATION_VOTER_BEFORE_FORGET);
          logs.deleteBefore(own.configuration() + 1);
        }
        LOG.info("the replicated log has ended here configuration={}", own.configuration());
      } catch (IOException e) {
        LOG.warn("the replicated log has not ended well: {}", e.toString());
      }
    });
  }

  /** Has a command agreed on by way of this node's log, which answers when it does not lead. */
  CompletableFuture<Voter.Submission> submit(Voter own, ControlCommand command) {
    if (!(command instanceof ControlCommand.Move) || !own.leads()) {
      return submitHere(own, command);
    }
    crashPoints.reached(CrashPoint.MIGRATION_LEADER_BEFORE_APPEND);
    return submitHere(own, command)
        .whenComplete((submission, _) -> {
          if (submission instanceof Voter.Submission.Applied) {
            crashPoints.reached(CrashPoint.MIGRATION_LEADER_AFTER_APPEND);
          }
        });
  }

  private CompletableFuture<Voter.Submission> submitHere(Voter own, ControlCommand command) {
    byte[] entry = new LogEntry.Command(command).bytes();
    if (own.state() != null) {
      return submitEntry(own, entry);
    }
    return submitBeginning(own)
        .thenCompose(first ->
            first instanceof Voter.Submission.Applied
                ? submitEntry(own, entry)
                : CompletableFuture.completedFuture(first));
  }

  /** The first entry of a log. */
  private CompletableFuture<Voter.Submission> submitBeginning(Voter own) {
    ControlState state = known.state();
    if (known.standIn() || state.configuration() != own.configuration()) {
      return CompletableFuture.completedFuture(
          new Voter.Submission.Elsewhere(-1, "this node does not know what its log begins with"));
    }
    if (own.configuration() > 0 && own.leads()) {
      crashPoints.reached(CrashPoint.MIGRATION_VOTER_BEFORE_FOUND);
    }
    return submitEntry(own, beginning(state));
  }

  private byte[] beginning(ControlState state) {
    Beginning last = beginning;
    if (last == null || !last.state().equals(state)) {
      last = new Beginning(state, new LogEntry.Found(state).bytes());
      beginning = last;
    }
    return last.entry();
  }

  private CompletableFuture<Voter.Submission> submitEntry(Voter own, byte[] entry) {
    CompletableFuture<Voter.Submission> answer = own.submit(entry);
    var _ =
        threads
            .after(SUBMISSION_NANOS_MAX)
            .thenRun(() ->
                answer.complete(
                    new Voter.Submission.Elsewhere(-1, "the log of this node does not answer")));
    return answer;
  }

  /** The answer to a call of the replicated log, from another voter. */
  void serve(Exchange exchange, ControlRequest.RaftCall request) {
    VoterLog.Call call = VoterLog.Call.ofCode(request.call());
    if (exchange.role() != PeerRole.DAEMON) {
      exchange.fail(FsError.NOT_PERMITTED, "only daemons take part in the replicated log");
      return;
    }
    if (call == null) {
      exchange.fail(FsError.BAD_MESSAGE, "call " + request.call() + " of the replicated log");
      return;
    }
    if (call == VoterLog.Call.GET_READY) {
      if (!thread.execute(() -> getReady(exchange))) {
        exchange.fail(FsError.CLOSED, "this daemon is stopping");
      }
      return;
    }
    Voter own = voter;
    if (own == null) {
      thread.execute(this::start);
      exchange.fail(FsError.OVERLOADED, "the replicated log is only starting here");
      return;
    }
    var _ =
        own.log()
            .serve(call, request.body())
            .whenComplete((answer, error) -> {
              if (answer != null) {
                if (call.isOfLeader()) {
                  lastLeaderCallNanos = threads.nanoTime();
                }
                exchange.reply(new Reply.Bytes(answer));
              } else {
                exchange.fail(FsError.OVERLOADED, "replicated log: " + error);
              }
            });
  }

  private void getReady(Exchange exchange) {
    boolean first = !rehearsed && voter == null && !closed;
    rehearsed = true;
    onLog(() -> {
      if (first) {
        try {
          logs.rehearse(beginning(known.state()));
        } catch (FsException e) {
          LOG.warn("not ready to vote: {}", e.getMessage());
        }
      }
      exchange.reply(new Reply.Bytes(new byte[0]));
    });
  }

  private CompletableFuture<byte[]> callPeer(
      int nodeValue, VoterLog.Call call, byte[] body, long timeoutMillis) {
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

  /** Starts the log, if this node votes. */
  void start() {
    ControlState state = known.state();
    if (voter != null
        || starting
        || stopping
        || closed
        || known.standIn()
        || !state.voters().contains(self())) {
      return;
    }
    starting = true;
    int configuration = state.configuration();
    onLog(() -> {
      try {
        long began = threads.nanoTime();
        Voter made = Voter.start(logs, configuration, state.voters(), this::callPeer, listener);
        LOG.info(
            "the replicated log runs here configuration={} voters={} startMillis={}",
            configuration,
            state.voters(),
            TimeUnit.NANOSECONDS.toMillis(threads.nanoTime() - began));
        voter = made;
        thread.execute(() -> {
          starting = false;
          submitting = false;
          // Others may have come to vote meanwhile.
          learned();
          tendSoon(made);
        });
      } catch (FsException e) {
        LOG.warn("the replicated log does not start: {}", e.getMessage());
        thread.after(
            RESTART_MILLIS,
            () -> {
              starting = false;
              start();
            });
      }
    });
  }

  private void onLog(Runnable work) {
    try {
      log.execute(work);
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

  /** Ends a log that the library has given up, as it does when the disk fails, and tries again. */
  private void restart(Voter own) {
    voter = null;
    stopping = true;
    onLog(() -> {
      try {
        own.log().close();
        LOG.warn("the replicated log has ended by itself");
      } catch (IOException e) {
        LOG.warn("the replicated log has not ended well: {}", e.toString());
      }
      thread.after(
          RESTART_MILLIS,
          () -> {
            stopping = false;
            start();
          });
    });
  }

  private void tendSoon(Voter own) {
    thread.after(TEND_MILLIS, () -> tend(own));
  }

  /** Looks after the own log and, where it leads, after who votes. */
  private void tend(Voter own) {
    if (own != voter || closed) {
      return;
    }
    if (!own.log().isAlive()) {
      restart(own);
      return;
    }
    tendSoon(own);
    if (submitting || !own.leads()) {
      return;
    }
    ControlState applied = own.state();
    if (applied == null) {
      if (own.configuration() > 0) {
        submitting = true;
        submitted(submitBeginning(own));
      }
      return;
    }
    List<NodeId> wanted = applied.wantedVoters();
    if (!wanted.equals(applied.voters())) {
      submitting = true;
      if (!wanted.equals(successors)) {
        successors = wanted;
        successorsNanos = threads.nanoTime();
        LOG.info("voters are to change from={} to={}", applied.voters(), wanted);
      }
      submitted(
          ready(wanted)
              .thenCompose(enough ->
                  enough
                      ? submitEntry(
                          own, new LogEntry.Command(new ControlCommand.SetVoters(wanted)).bytes())
                      : CompletableFuture.completedFuture(
                          new Voter.Submission.Elsewhere(
                              -1, "some of those that are to vote are not ready"))));
    }
  }

  private void submitted(CompletableFuture<Voter.Submission> submission) {
    var _ =
        submission.whenComplete((done, error) ->
            thread.execute(() -> {
              if (done instanceof Voter.Submission.Applied) {
                submitting = false;
              } else {
                LOG.info(
                    "not agreed on yet: {}",
                    done instanceof Voter.Submission.Elsewhere elsewhere
                        ? elsewhere.reason()
                        : String.valueOf(error));
                thread.after(RETRY_MILLIS, () -> submitting = false);
              }
            }));
  }

  /** Whether nodes are ready: without most of them nothing could be agreed on any more. */
  private CompletableFuture<Boolean> ready(List<NodeId> nodes) {
    boolean all = threads.nanoTime() - successorsNanos < ALL_SUCCESSORS_NANOS;
    int enough = all ? nodes.size() : nodes.size() / 2 + 1;
    List<CompletableFuture<Boolean>> answers =
        nodes.stream()
            .map(node ->
                node.equals(self())
                    ? CompletableFuture.completedFuture(true)
                    : callPeer(
                            node.value(),
                            VoterLog.Call.GET_READY,
                            new byte[0],
                            SUCCESSOR_MILLIS_MAX)
                        .handle((reply, _) -> reply != null))
            .toList();
    return CompletableFuture.allOf(answers.toArray(CompletableFuture<?>[]::new))
        .thenApply(_ -> answers.stream().filter(CompletableFuture::join).count() >= enough);
  }

  /** Starts nothing any more. */
  void refuseToStart() {
    closed = true;
  }

  /** Ends the log; waits for it. After the control thread has ended. */
  void end() throws IOException {
    ControlThread.end(log, "log");
    Voter own = voter;
    if (own != null) {
      own.log().close();
    }
  }
}
