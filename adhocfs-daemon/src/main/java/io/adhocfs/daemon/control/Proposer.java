package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.ControlValues;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Has commands agreed on: finds who leads, and asks again until the outcome is known. */
final class Proposer {
  private static final Logger LOG = LoggerFactory.getLogger(Proposer.class);
  private static final long RETRY_MILLIS_MIN = 20;
  private static final long RETRY_MILLIS_MAX = 500;

  /** Every so many attempts anybody may be asked. */
  private static final int LOOK_AROUND_ATTEMPTS = 4;

  private static final Duration REMOTE_PATIENCE = Duration.ofSeconds(2);

  private final ControlThread thread;
  private final KnownState known;
  private final OtherNodes others;
  private final OwnVoter voter;
  private final Learner learner;
  private final StateKeeper keeper;

  /** Those under way. Changed on the control thread. */
  private final Set<Proposal> proposals = new HashSet<>();

  private boolean closed;

  Proposer(
      ControlThread thread,
      KnownState known,
      OtherNodes others,
      OwnVoter voter,
      Learner learner,
      StateKeeper keeper) {
    this.thread = thread;
    this.known = known;
    this.others = others;
    this.voter = voter;
    this.learner = learner;
    this.keeper = keeper;
  }

  private static final class Proposal {
    private final ControlCommand command;
    private final boolean bounded;

    /** The moment after which nobody waits for it, should it be bounded. */
    private final long endNanos;

    private final CompletableFuture<LogEntry.Result> future = new CompletableFuture<>();

    /** Who leads, as the last one asked said; -1 = nobody knew. */
    private int leaderValue = -1;

    private int attempts;
    private String reason = "";

    Proposal(ControlCommand command, Deadline deadline, long nowNanos) {
      this.command = command;
      this.bounded = deadline.bounded();
      this.endNanos = bounded ? nowNanos + deadline.patienceNanos() : 0;
    }
  }

  /** As {@link ControlPlane#propose}, and at which version it was decided. */
  CompletableFuture<LogEntry.Result> decide(ControlCommand command, Deadline deadline) {
    int bytes = ControlValues.bytes(command).length;
    if (bytes > ControlCommand.BYTES_MAX) {
      return CompletableFuture.failedFuture(
          new FsException(
                  FsError.INVALID,
                  "a command of " + bytes + " bytes; at most " + ControlCommand.BYTES_MAX)
              .asCompletion());
    }
    var proposal = new Proposal(command, deadline, thread.nanoTime());
    CompletableFuture<Void> before =
        command instanceof ControlCommand.Move move && move.source().equals(others.self())
            ? keeper.proposing(move)
            : CompletableFuture.completedFuture(null);
    return before
        .thenCompose(_ -> {
          if (!thread.execute(() -> attempt(proposal))) {
            proposal.future.completeExceptionally(ControlThread.stopping().asCompletion());
          }
          return proposal.future;
        })
        .thenCompose(result -> concluded(proposal, result));
  }

  /** On the control thread. */
  private void attempt(Proposal proposal) {
    if (closed) {
      fail(proposal, ControlThread.stopping());
      return;
    }
    long leftNanos = leftNanos(proposal);
    if (leftNanos <= 0) {
      fail(
          proposal,
          new FsException(
              FsError.TIMED_OUT,
              "not agreed on after %d attempts: %s".formatted(proposal.attempts, proposal.reason)));
      return;
    }
    proposals.add(proposal);
    Voter own = voter.running();
    NodeId node = leaderFor(proposal, own);
    if (node == null) {
      again(proposal, -1, "no node leads the control plane yet");
    } else if (node.equals(others.self())) {
      if (own == null) {
        voter.start();
        again(proposal, -1, "this node's log is only starting");
      } else {
        var _ =
            voter
                .submit(own, proposal.command)
                .whenComplete((submission, error) ->
                    thread.execute(() -> {
                      switch (submission) {
                        case Voter.Submission.Applied applied -> done(proposal, applied.result());
                        case Voter.Submission.Elsewhere elsewhere ->
                            again(proposal, elsewhere.leaderValue(), elsewhere.reason());
                        case null -> again(proposal, -1, String.valueOf(error));
                      }
                    }));
      }
    } else {
      Duration patience =
          Duration.ofNanos(Math.clamp(leftNanos, 1_000_000, REMOTE_PATIENCE.toNanos()));
      var _ =
          others
              .ask(node, new ControlRequest.Propose(proposal.command, false), patience)
              .whenComplete((reply, error) ->
                  thread.execute(() -> {
                    switch (reply) {
                      case Reply.Decided decided ->
                          done(proposal, new LogEntry.Result(decided.outcome(), decided.version()));
                      case Reply.Leader leader ->
                          again(proposal, leader.nodeValue(), node + " does not lead");
                      case null, default -> again(proposal, -1, node + ": " + error);
                    }
                  }));
    }
  }

  private long leftNanos(Proposal proposal) {
    return proposal.bounded ? proposal.endNanos - thread.nanoTime() : Long.MAX_VALUE;
  }

  private void fail(Proposal proposal, FsException reason) {
    proposals.remove(proposal);
    proposal.future.completeExceptionally(reason.asCompletion());
  }

  private void done(Proposal proposal, LogEntry.Result result) {
    proposals.remove(proposal);
    proposal.future.complete(result);
  }

  private void again(Proposal proposal, int leaderValue, String reason) {
    proposal.leaderValue = leaderValue;
    proposal.reason = reason;
    int attempts = proposal.attempts++;
    LOG.debug("not decided attempt={} leader={} reason=\"{}\"", attempts, leaderValue, reason);
    long pause =
        leaderValue >= 0 && attempts == 0
            ? 1
            : Math.min(RETRY_MILLIS_MAX, RETRY_MILLIS_MIN << Math.min(attempts, 6));
    thread.after(pause, () -> attempt(proposal));
  }

  /** Whom to ask next; null = nobody can be asked. */
  private @Nullable NodeId leaderFor(Proposal proposal, @Nullable Voter own) {
    List<NodeId> voters = known.state().voters();
    boolean isVoter = voters.contains(others.self());
    if (own == null && isVoter) {
      // Others may be waiting for this node's vote.
      voter.start();
    }
    if (own != null && own.leads()) {
      return others.self();
    }
    int leader = proposal.leaderValue;
    if (leader < 0 && own != null && proposal.attempts % 2 == 0) {
      leader = own.log().leaderValue();
    }
    if (leader >= 0 && leader != others.self().value()) {
      return new NodeId(leader);
    }
    if (known.standIn() || proposal.attempts % LOOK_AROUND_ATTEMPTS == LOOK_AROUND_ATTEMPTS - 1) {
      // Others may vote by now than those known here, and these then know of nobody who leads.
      return others.source(proposal.attempts);
    }
    return voters.get(Math.floorMod(others.self().value() + proposal.attempts, voters.size()));
  }

  /** Waits until what was decided is known here. */
  private CompletableFuture<LogEntry.Result> concluded(Proposal proposal, LogEntry.Result result) {
    Deadline left =
        proposal.bounded
            ? Deadline.after(Duration.ofNanos(Math.max(1, leftNanos(proposal))))
            : Deadline.NEVER;
    return learner
        .await("version " + result.version(), state -> state.version() >= result.version(), left)
        .thenApply(_ -> {
          if (proposal.command instanceof ControlCommand.Move move
              && move.source().equals(others.self())) {
            keeper.decided(move);
          }
          return result;
        });
  }

  /** Lets nobody wait any longer. On the control thread. */
  void close() {
    closed = true;
    List.copyOf(proposals).forEach(proposal -> fail(proposal, ControlThread.stopping()));
  }
}
