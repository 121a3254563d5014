package io.adhocfs.daemon.control;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control plane of one daemon, put together. A voter runs the replicated log, from the first
 * command on; the others, and voters of an instance that nothing has been asked of yet, follow.
 */
public final class ReplicatedControlPlane implements ControlPlane, ControlMessages, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ReplicatedControlPlane.class);

  /** Name of the control plane's directory in the storage directory. */
  public static final String DIRECTORY_NAME = "control";

  private static final Duration PASSED_ON_PATIENCE = Duration.ofSeconds(60);
  private static final Duration PASS_ON_PATIENCE = Duration.ofSeconds(2);
  private static final int LOOK_SECONDS = 5;
  private static final Duration DUTY_PATIENCE = Duration.ofSeconds(20);

  private final ClusterState cluster;
  private final KnownState known;
  private final OtherNodes others;
  private final ControlThread thread;
  private final StateKeeper keeper;
  private final OwnVoter voter;
  private final Followers followers;
  private final Learner learner;
  private final Proposer proposer;
  private final Whereabouts whereabouts;
  private final CompletableFuture<Void> settled;

  // From here on: changed on the control thread alone.
  private final List<Consumer<ControlState>> listeners = new ArrayList<>();
  private boolean announcing;
  private boolean closing;

  private ReplicatedControlPlane(
      Threads threads,
      ClusterState cluster,
      RpcClient client,
      ControlFiles files,
      VoterLogs logs,
      KnownState known,
      boolean returns,
      CrashPoints crashPoints) {
    this.cluster = cluster;
    this.known = known;
    thread = new ControlThread(threads);
    others = new OtherNodes(cluster, client, known);
    keeper = new StateKeeper(threads, thread, files, known);
    voter = new OwnVoter(threads, thread, known, others, logs, this::applied, keeper, crashPoints);
    followers = new Followers(thread, known, voter);
    learner = new Learner(thread, known, others, voter, this::changed);
    proposer = new Proposer(thread, known, others, voter, learner, keeper);
    ClusterMap.Node own = known.state().map().node(cluster.self());
    whereabouts =
        new Whereabouts(thread, cluster, others, own == null ? Long.MAX_VALUE : own.incarnation());
    settled =
        (returns ? lookAround() : CompletableFuture.<@Nullable Void>completedFuture(null))
            .thenCompose(_ ->
                isGivenUp()
                    ? CompletableFuture.completedFuture(null)
                    : CompletableFuture.allOf(
                        files.undecided().stream()
                            .map(move -> propose(move, Deadline.NEVER))
                            .toArray(CompletableFuture<?>[]::new)));
  }

  /**
   * Takes part in the control plane, by what the files hold or, the first time, by the map.
   *
   * @param logs of this node
   * @param cluster is told of every newer map
   * @param client stays its owner's, and open until this is closed
   * @param returns whether this node was part of the instance before its process began
   */
  public static ReplicatedControlPlane open(
      Threads threads,
      ControlFiles files,
      VoterLogs logs,
      ClusterState cluster,
      RpcClient client,
      boolean returns,
      CrashPoints crashPoints) {
    ControlState stored = files.state();
    ClusterMap map = cluster.map();
    // All nodes of a new instance are given the same first map. A later one is that of an instance
    // which has moved on: what it has agreed on is to be learnt.
    boolean isNew = stored == null && map.epoch().equals(Epoch.FIRST);
    var known =
        new KnownState(
            stored == null ? ControlState.initial(map) : stored, stored == null && !isNew);
    if (stored != null) {
      cluster.install(stored.map());
    }
    var plane =
        new ReplicatedControlPlane(
            threads, cluster, client, files, logs, known, returns, crashPoints);
    plane.thread.execute(plane::begin);
    return plane;
  }

  private void begin() {
    keeper.keepSoon();
    voter.resume();
    cluster.onChange(_ ->
        thread.execute(() -> {
          considerAnnouncing();
          whereabouts.tell();
        }));
    whereabouts.tell();
    learner.follow();
  }

  /**
   * Asks all others once how things stand: they may have gone on without this node, whose slots are
   * not its own any more then. Whoever does not answer within {@value #LOOK_SECONDS} seconds is not
   * waited for.
   */
  private CompletableFuture<Void> lookAround() {
    return CompletableFuture.allOf(
        others.all().stream()
            .map(node -> {
              var told = new CompletableFuture<@Nullable Void>();
              var _ =
                  others
                      .ask(node, new ControlRequest.GetControl(), Duration.ofSeconds(LOOK_SECONDS))
                      .whenComplete((reply, _) -> {
                        boolean accepted =
                            thread.execute(() -> {
                              if (reply instanceof Reply.Control control) {
                                learner.advance(control.state(), null);
                              }
                              told.complete(null);
                            });
                        if (!accepted) {
                          told.complete(null);
                        }
                      });
              return told;
            })
            .toArray(CompletableFuture<?>[]::new));
  }

  /** Whether the others go on without this node, as far as it has heard. Any thread. */
  public boolean isGivenUp() {
    return known.state().map().lost().nodes().contains(cluster.self());
  }

  /**
   * Completes once the outcome is known of every move that this node had proposed before it ended,
   * and the others have been asked whether they have given it up: until then it does not know
   * whether it still owns its slots.
   */
  public CompletableFuture<Void> settled() {
    return settled;
  }

  /** On the log's thread. */
  private void applied(ControlState newer, @Nullable ControlCommand by) {
    thread.execute(() -> learner.advance(newer, by));
  }

  private void changed(ControlState newer) {
    cluster.install(newer.map());
    keeper.keepSoon();
    followers.tell();
    voter.learned();
    for (Consumer<ControlState> listener : listeners) {
      try {
        listener.accept(newer);
      } catch (RuntimeException e) {
        LOG.error("a listener of the control plane failed", e);
      }
    }
    considerAnnouncing();
  }

  @Override
  public ControlState state() {
    return known.state();
  }

  /** Whether this node leads at the moment. */
  public boolean leads() {
    return voter.leads();
  }

  @Override
  public void onChange(Consumer<ControlState> listener) {
    thread.execute(() -> {
      listeners.add(listener);
      listener.accept(known.state());
    });
  }

  @Override
  public CompletableFuture<Outcome> propose(ControlCommand command, Deadline deadline) {
    return proposer.decide(command, deadline).thenApply(LogEntry.Result::outcome);
  }

  @Override
  public CompletableFuture<ControlState> caughtUp(Epoch atLeast, Deadline deadline) {
    ControlState now = known.state();
    if (!known.standIn() && !atLeast.isAfter(now.epoch())) {
      return CompletableFuture.completedFuture(now);
    }
    return learner.await(
        "epoch " + atLeast.value(), state -> !atLeast.isAfter(state.epoch()), deadline);
  }

  @Override
  public CompletableFuture<ControlState> confirmed(Deadline deadline) {
    ClusterMap.Node own = cluster.map().node(cluster.self());
    if (own == null) {
      return CompletableFuture.failedFuture(
          new FsException(FsError.INVALID, "this node is not in the map").asCompletion());
    }
    // Agreed on after everything before it, whatever it changes.
    return propose(new ControlCommand.Announce(own), deadline).thenApply(_ -> known.state());
  }

  @Override
  public void handle(Exchange exchange, ControlRequest.Agreement request) {
    switch (request) {
      case ControlRequest.RaftCall call -> voter.serve(exchange, call);
      case ControlRequest.Propose asked -> answerProposal(exchange, asked);
      case ControlRequest.ForceState forced -> force(exchange, forced.state());
      case ControlRequest.GetControl _ -> {
        if (known.standIn()) {
          exchange.fail(FsError.OVERLOADED, "this daemon is only learning the state itself");
        } else {
          exchange.reply(new Reply.Control(known.state()));
        }
      }
      case ControlRequest.FollowControl follow -> {
        if (!thread.execute(() -> followers.answer(exchange, follow))) {
          refuse(exchange, ControlThread.stopping());
        }
      }
    }
  }

  /** Answers once the state is on the disk: it outlives whoever told of it. */
  private void force(Exchange exchange, ControlState state) {
    if (exchange.role() != PeerRole.ADMIN) {
      exchange.fail(FsError.NOT_PERMITTED, "only commands force a state");
      return;
    }
    LOG.warn("those that vote are replaced without having been asked: {}", state);
    boolean accepted =
        thread.execute(() -> {
          learner.advance(state, null);
          var _ =
              keeper
                  .kept()
                  .whenComplete((_, error) -> {
                    if (error == null) {
                      exchange.reply(new Reply.Done());
                    } else {
                      refuse(exchange, FsException.of(error));
                    }
                  });
        });
    if (!accepted) {
      refuse(exchange, ControlThread.stopping());
    }
  }

  private static void refuse(Exchange exchange, FsException reason) {
    exchange.fail(reason.error(), String.valueOf(reason.getMessage()));
  }

  private void answerProposal(Exchange exchange, ControlRequest.Propose request) {
    if (request.command() instanceof ControlCommand.Announce announce) {
      // Voters must find each other again before they can agree on where they are.
      ClusterMap.Node there = cluster.map().node(announce.node().id());
      if (there != null && there.incarnation() < announce.node().incarnation()) {
        cluster.install(cluster.map().withAddress(announce.node()));
        tellVoters(announce);
      }
    }
    if (request.passOn()) {
      var _ =
          proposer
              .decide(request.command(), Deadline.after(PASSED_ON_PATIENCE))
              .whenComplete((result, error) -> {
                if (result != null) {
                  exchange.reply(new Reply.Decided(result.outcome(), result.version()));
                } else {
                  refuse(exchange, FsException.of(error));
                }
              });
      return;
    }
    boolean accepted =
        thread.execute(() -> {
          Voter own = voter.running();
          if (own == null || closing) {
            List<NodeId> voters = known.state().voters();
            if (voters.contains(cluster.self())) {
              voter.start();
              exchange.reply(new Reply.Leader(Reply.Leader.NONE));
            } else {
              // One that votes, whom others may not have heard of.
              exchange.reply(new Reply.Leader(voters.getFirst().value()));
            }
            return;
          }
          var _ =
              voter
                  .submit(own, request.command())
                  .whenComplete((submission, error) -> {
                    switch (submission) {
                      case Voter.Submission.Applied applied ->
                          exchange.reply(
                              new Reply.Decided(
                                  applied.result().outcome(), applied.result().version()));
                      case Voter.Submission.Elsewhere elsewhere ->
                          exchange.reply(new Reply.Leader(elsewhere.leaderValue()));
                      case null -> refuse(exchange, FsException.of(error));
                    }
                  });
        });
    if (!accepted) {
      refuse(exchange, ControlThread.stopping());
    }
  }

  /**
   * Tells voters where a node is: two that have moved at once may know of each other by a third.
   */
  private void tellVoters(ControlCommand.Announce announce) {
    for (NodeId voter : others.voters()) {
      if (!voter.equals(announce.node().id())) {
        var _ = others.ask(voter, new ControlRequest.Propose(announce, false), PASS_ON_PATIENCE);
      }
    }
  }

  /** Tells everybody where this node is, should what was agreed on say otherwise. */
  private void considerAnnouncing() {
    ControlState state = known.state();
    if (announcing || closing || known.standIn() || state.version() == 0) {
      return;
    }
    ClusterMap.Node agreed = state.map().node(cluster.self());
    ClusterMap.Node own = cluster.map().node(cluster.self());
    if (agreed == null
        || own == null
        || !agreed.isMember()
        || own.incarnation() <= agreed.incarnation()) {
      return;
    }
    announcing = true;
    var _ =
        propose(new ControlCommand.Announce(own), Deadline.after(DUTY_PATIENCE))
            .whenComplete((_, error) ->
                thread.after(
                    error == null ? 0 : 1000,
                    () -> {
                      announcing = false;
                      considerAnnouncing();
                    }));
  }

  /**
   * Lets nobody wait any longer: polls are answered, proposals fail. To be called before the server
   * stops, which waits for answers under way.
   */
  public void stopAnswering() {
    thread.execute(() -> {
      closing = true;
      voter.refuseToStart();
      followers.close();
      learner.close();
      whereabouts.close();
      proposer.close();
    });
  }

  /** Ends everything here; waits for it. */
  @Override
  public void close() throws IOException {
    stopAnswering();
    thread.end();
    try {
      voter.end();
    } finally {
      keeper.end();
    }
  }
}
