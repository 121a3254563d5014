package io.adhocfs.daemon.control;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.ControlValues;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control plane of one daemon. A voter runs the replicated log, from the first command on; the
 * others, and voters of an instance that nothing has been asked of yet, follow by long polls.
 *
 * <p>One thread, "adhocfs-control", owns all that changes here and never blocks; what waits for a
 * disk or for the library runs on threads of its own.
 */
public final class ReplicatedControlPlane implements ControlPlane, ControlMessages, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ReplicatedControlPlane.class);

  /** Name of the control plane's directory in the storage directory. */
  public static final String DIRECTORY_NAME = "control";

  private static final int POLL_MILLIS = 25_000;
  private static final int POLLS_MAX = 8192;
  private static final int CHASE_MILLIS = 300;
  private static final long RETRY_MILLIS_MIN = 20;
  private static final long RETRY_MILLIS_MAX = 500;
  private static final long FOLLOW_RETRY_MILLIS_MAX = 5_000;
  private static final long TEND_MILLIS = 300;
  private static final long VOTER_RESTART_MILLIS = 5_000;
  private static final long VOTER_IDLE_NANOS = TimeUnit.SECONDS.toNanos(3);
  private static final Duration REMOTE_PATIENCE = Duration.ofSeconds(2);
  private static final Duration PASSED_ON_PATIENCE = Duration.ofSeconds(60);
  private static final Duration DUTY_PATIENCE = Duration.ofSeconds(20);
  private static final int LOG_THREADS_MAX = 3;
  private static final int LOG_QUEUE_MAX = 256;

  private final ClusterState cluster;
  private final RpcClient client;
  private final String instanceId;
  private final ControlFiles files;
  private final KnownState known;
  private final List<ControlCommand.Move> undecidedAtStart;
  private final CompletableFuture<Void> settled = new CompletableFuture<>();

  private final ScheduledThreadPoolExecutor control;

  /** Writes the files, one after the other. */
  private final ThreadPoolExecutor disk;

  /** Serves calls of other voters, starts and stops the own one. */
  private final ThreadPoolExecutor log;

  // From here on: changed on the control thread alone; what is volatile is read elsewhere.
  private final List<Consumer<ControlState>> listeners = new ArrayList<>();
  private final List<Poll> polls = new ArrayList<>();
  private final List<Awaited> awaited = new ArrayList<>();
  private final Set<Proposal> proposals = new HashSet<>();
  private volatile @Nullable RaftVoter voter;
  private boolean voterStarting;
  private boolean voterStopping;
  private volatile long lastRaftCallNanos = System.nanoTime();
  private volatile boolean closing;
  private boolean following;
  private int followFailures;

  /** What is known has another base than others' commands: the next news must be a whole state. */
  private boolean askForAll;

  private boolean chasing;
  private int chases;
  private boolean keeping;
  private boolean announcing;
  private boolean changingVoters;
  private boolean recordingVoters;

  private ReplicatedControlPlane(
      ClusterState cluster,
      RpcClient client,
      String instanceId,
      ControlFiles files,
      KnownState known) {
    this.cluster = cluster;
    this.client = client;
    this.instanceId = instanceId;
    this.files = files;
    this.known = known;
    this.undecidedAtStart = files.undecided();
    control = new ScheduledThreadPoolExecutor(1, threads("adhocfs-control"));
    control.setRemoveOnCancelPolicy(true);
    control.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    disk =
        new ThreadPoolExecutor(
            1,
            1,
            5,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            threads("adhocfs-control-disk"));
    disk.allowCoreThreadTimeOut(true);
    log =
        new ThreadPoolExecutor(
            LOG_THREADS_MAX,
            LOG_THREADS_MAX,
            5,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(LOG_QUEUE_MAX),
            threads("adhocfs-control-log"));
    log.allowCoreThreadTimeOut(true);
  }

  private static ThreadFactory threads(String name) {
    return work -> {
      var thread = new Thread(work, name);
      thread.setDaemon(true);
      return thread;
    };
  }

  /**
   * Takes part in the control plane, by what the directory holds or, the first time, by the map.
   *
   * @param cluster is told of every newer map
   * @param client stays its owner's, and open until this is closed
   * @throws FsException CORRUPT, NOT_SUPPORTED, STORAGE_FAILED
   */
  public static ReplicatedControlPlane open(
      Path storageDirectory, String instanceId, ClusterState cluster, RpcClient client)
      throws FsException {
    ControlFiles files = ControlFiles.open(storageDirectory.resolve(DIRECTORY_NAME));
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
    var plane = new ReplicatedControlPlane(cluster, client, instanceId, files, known);
    plane.onControl(plane::begin);
    return plane;
  }

  private void begin() {
    keepLater();
    if (Files.exists(files.log())) {
      startVoter();
    }
    cluster.onChange(_ -> onControl(this::considerAnnouncing));
    follow();
    var _ =
        CompletableFuture.allOf(
                undecidedAtStart.stream()
                    .map(move -> propose(move, Deadline.NEVER))
                    .toArray(CompletableFuture<?>[]::new))
            .whenComplete((_, error) -> {
              if (error == null) {
                settled.complete(null);
              } else {
                settled.completeExceptionally(error);
              }
            });
  }

  /**
   * Completes once the outcome is known of every move that this node had proposed before it ended:
   * until then it does not know whether it still owns their slots.
   */
  public CompletableFuture<Void> settled() {
    return settled;
  }

  private NodeId self() {
    return cluster.self();
  }

  /** Runs something on the control thread; false when this is closed. */
  private boolean onControl(Runnable action) {
    try {
      control.execute(guarded(action));
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** Runs something later, unless this is closed or the result cancelled before. */
  @CanIgnoreReturnValue
  private @Nullable Future<?> onControlAfter(long millis, Runnable action) {
    try {
      return control.schedule(guarded(action), millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      return null;
    }
  }

  private static Runnable guarded(Runnable action) {
    return () -> {
      try {
        action.run();
      } catch (RuntimeException e) {
        LOG.error("a task of the control plane failed", e);
      }
    };
  }

  @Override
  public ControlState state() {
    return known.state();
  }

  /** Whether this node's log leads at the moment. */
  public boolean leads() {
    RaftVoter own = voter;
    return own != null && own.leads();
  }

  @Override
  public void onChange(Consumer<ControlState> listener) {
    onControl(() -> {
      listeners.add(listener);
      listener.accept(known.state());
    });
  }

  // ---- what is known

  private void advance(ControlState newer, @Nullable ControlCommand by) {
    if (!known.advance(newer, by)) {
      return;
    }
    cluster.install(newer.map());
    keepLater();
    answerPolls();
    completeAwaited();
    for (Consumer<ControlState> listener : listeners) {
      guarded(() -> listener.accept(newer)).run();
    }
    considerAnnouncing();
  }

  /** Has the newest state kept soon; states in between need not be. */
  private void keepLater() {
    if (keeping || known.standIn()) {
      return;
    }
    keeping = true;
    var _ =
        onDisk(this::keepNow)
            .whenComplete((_, error) ->
                onControl(() -> {
                  keeping = false;
                  ControlState kept = files.state();
                  if (kept == null || kept.version() < known.state().version()) {
                    onControlAfter(error == null ? 0 : 1000, this::keepLater);
                  }
                }));
  }

  /** On the disk's thread. */
  private void keepNow() throws FsException {
    files.keep(known.state());
    cluster.persist();
  }

  private interface DiskWork {
    void run() throws FsException;
  }

  private CompletableFuture<Void> onDisk(DiskWork work) {
    var done = new CompletableFuture<Void>();
    try {
      disk.execute(() -> {
        try {
          work.run();
          done.complete(null);
        } catch (FsException e) {
          LOG.warn("the control plane's state is not kept: {}", e.getMessage());
          done.completeExceptionally(e.asCompletion());
        } catch (RuntimeException e) {
          LOG.error("a task of the control plane failed", e);
          done.completeExceptionally(e);
        }
      });
    } catch (RejectedExecutionException e) {
      done.completeExceptionally(closed().asCompletion());
    }
    return done;
  }

  private static FsException closed() {
    return new FsException(FsError.CLOSED, "this daemon is stopping");
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

  private CompletableFuture<ControlState> await(
      String what, Predicate<ControlState> enough, Deadline deadline) {
    var waiting = new Awaited(enough);
    boolean accepted =
        onControl(() -> {
          if (closing) {
            waiting.future.completeExceptionally(closed().asCompletion());
            return;
          }
          if (!known.standIn() && enough.test(known.state())) {
            waiting.future.complete(known.state());
            return;
          }
          awaited.add(waiting);
          if (deadline.bounded()) {
            waiting.timeout =
                onControlAfter(
                    TimeUnit.NANOSECONDS.toMillis(deadline.remainingNanos()) + 1,
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
      waiting.future.completeExceptionally(closed().asCompletion());
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

  @Override
  public CompletableFuture<ControlState> caughtUp(Epoch atLeast, Deadline deadline) {
    ControlState now = known.state();
    if (!known.standIn() && !atLeast.isAfter(now.epoch())) {
      return CompletableFuture.completedFuture(now);
    }
    return await("epoch " + atLeast.value(), state -> !atLeast.isAfter(state.epoch()), deadline);
  }

  @Override
  public CompletableFuture<ControlState> confirmed(Deadline deadline) {
    ClusterMap.Node own = cluster.map().node(self());
    if (own == null) {
      return CompletableFuture.failedFuture(
          new FsException(FsError.INVALID, "this node is not in the map").asCompletion());
    }
    // Agreed on after everything before it, whatever it changes.
    return propose(new ControlCommand.Announce(own), deadline).thenApply(_ -> known.state());
  }

  // ---- asking others

  /**
   * The nodes to ask for news, best first: voters, then, should none of them answer, everybody:
   * voters may have been replaced while this daemon was away.
   */
  private List<NodeId> sources() {
    ControlState state = known.state();
    List<NodeId> found = new ArrayList<>(state.voters());
    ClusterMap map = cluster.map();
    for (ClusterMap.Node node : map.nodes()) {
      if (node.state() != NodeState.GONE && !found.contains(node.id())) {
        found.add(node.id());
      }
    }
    found.remove(self());
    return found;
  }

  /** The one to ask after so many failures in a row; null = there is nobody else. */
  private @Nullable NodeId source(int failures) {
    List<NodeId> sources = sources();
    if (sources.isEmpty()) {
      return null;
    }
    int votersHere = (int) known.state().voters().stream().filter(id -> !id.equals(self())).count();
    if (failures < votersHere || votersHere == sources.size()) {
      // Those who follow are spread over the voters.
      int among = votersHere == 0 ? sources.size() : votersHere;
      return sources.get(Math.floorMod(self().value() + failures, among));
    }
    return sources.get(failures % sources.size());
  }

  private void followAfter(long millis) {
    following = true;
    onControlAfter(
        millis,
        () -> {
          following = false;
          follow();
        });
  }

  private boolean isToldByLog() {
    RaftVoter own = voter;
    return own != null && (own.leads() || System.nanoTime() - lastRaftCallNanos < VOTER_IDLE_NANOS);
  }

  private long sinceVersion() {
    return askForAll ? -1 : known.version();
  }

  private CompletableFuture<Reply> ask(NodeId node, ControlRequest request, Duration patience) {
    return client
        .call(node, request, Unpooled.EMPTY_BUFFER, TrafficClass.CONTROL, Deadline.after(patience))
        .thenApply(response -> {
          response.payload().release();
          return response.reply();
        });
  }

  /** Follows for as long as this daemon lives, unless the log here tells it the same. */
  private void follow() {
    if (following || closing) {
      return;
    }
    NodeId node = source(followFailures);
    if (node == null || isToldByLog()) {
      followAfter(FOLLOW_RETRY_MILLIS_MAX);
      return;
    }
    following = true;
    long since = sinceVersion();
    var _ =
        ask(
                node,
                new ControlRequest.FollowControl(since, POLL_MILLIS),
                Duration.ofMillis(POLL_MILLIS + 10_000))
            .whenComplete((reply, error) ->
                onControl(() -> {
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
    if (chasing || closing || awaited.isEmpty()) {
      return;
    }
    chasing = true;
    int round = ++chases;
    RaftVoter own = voter;
    List<NodeId> asked = new ArrayList<>();
    if (own == null || !own.leads()) {
      ControlState state = known.state();
      state.voters().stream().filter(id -> !id.equals(self())).forEach(asked::add);
      if (asked.isEmpty() || round % 4 == 0) {
        NodeId other = source(round);
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
          ask(node, new ControlRequest.FollowControl(since, CHASE_MILLIS), REMOTE_PATIENCE)
              .whenComplete((reply, _) ->
                  onControl(() -> {
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
      onControlAfter(afterMillis, this::chase);
    }
  }

  // ---- proposing

  private static final class Proposal {
    private final ControlCommand command;
    private final Deadline deadline;
    private final CompletableFuture<LogEntry.Result> future = new CompletableFuture<>();

    /** Who leads, as the last one asked said; -1 = nobody knew. */
    private int leaderValue = -1;

    private int attempts;
    private String reason = "";

    Proposal(ControlCommand command, Deadline deadline) {
      this.command = command;
      this.deadline = deadline;
    }
  }

  @Override
  public CompletableFuture<Outcome> propose(ControlCommand command, Deadline deadline) {
    return decide(command, deadline).thenApply(LogEntry.Result::outcome);
  }

  private CompletableFuture<LogEntry.Result> decide(ControlCommand command, Deadline deadline) {
    int bytes = ControlValues.bytes(command).length;
    if (bytes > ControlCommand.BYTES_MAX) {
      return CompletableFuture.failedFuture(
          new FsException(
                  FsError.INVALID,
                  "a command of " + bytes + " bytes; at most " + ControlCommand.BYTES_MAX)
              .asCompletion());
    }
    var proposal = new Proposal(command, deadline);
    CompletableFuture<Void> before =
        command instanceof ControlCommand.Move move && move.source().equals(self())
            ? onDisk(() -> files.proposing(move))
            : CompletableFuture.completedFuture(null);
    return before
        .thenCompose(_ -> {
          if (!onControl(() -> attempt(proposal))) {
            proposal.future.completeExceptionally(closed().asCompletion());
          }
          return proposal.future;
        })
        .thenCompose(result -> concluded(command, result, deadline));
  }

  /** On the control thread. */
  private void attempt(Proposal proposal) {
    if (closing) {
      fail(proposal, closed());
      return;
    }
    if (proposal.deadline.passed()) {
      fail(
          proposal,
          new FsException(
              FsError.TIMED_OUT,
              "not agreed on after %d attempts: %s".formatted(proposal.attempts, proposal.reason)));
      return;
    }
    proposals.add(proposal);
    RaftVoter own = voter;
    NodeId node = leaderFor(proposal, own);
    if (node == null) {
      again(proposal, -1, "no node leads the control plane yet");
    } else if (node.equals(self())) {
      if (own == null) {
        startVoter();
        again(proposal, -1, "this node's log is only starting");
      } else {
        var _ =
            submit(own, proposal.command)
                .whenComplete((submission, error) ->
                    onControl(() -> {
                      switch (submission) {
                        case RaftVoter.Submission.Applied applied ->
                            done(proposal, applied.result());
                        case RaftVoter.Submission.Elsewhere elsewhere ->
                            again(proposal, elsewhere.leaderValue(), elsewhere.reason());
                        case null -> again(proposal, -1, String.valueOf(error));
                      }
                    }));
      }
    } else {
      Duration patience =
          Duration.ofNanos(
              Math.clamp(proposal.deadline.remainingNanos(), 1_000_000, REMOTE_PATIENCE.toNanos()));
      var _ =
          ask(node, new ControlRequest.Propose(proposal.command, false), patience)
              .whenComplete((reply, error) ->
                  onControl(() -> {
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
    onControlAfter(pause, () -> attempt(proposal));
  }

  /** Whom to ask next; null = nobody can be asked. */
  private @Nullable NodeId leaderFor(Proposal proposal, @Nullable RaftVoter own) {
    List<NodeId> voters = known.state().voters();
    boolean isVoter = voters.contains(self());
    if (own == null && isVoter) {
      // Others may be waiting for this node's vote.
      startVoter();
    }
    if (own != null && own.leads()) {
      return self();
    }
    int leader = proposal.leaderValue;
    if (leader < 0 && own != null && proposal.attempts % 2 == 0) {
      leader = own.leaderValue();
    }
    if (leader >= 0 && leader != self().value()) {
      return new NodeId(leader);
    }
    if (known.standIn()) {
      // Whoever knows more passes it on.
      return source(proposal.attempts);
    }
    return voters.get(Math.floorMod(self().value() + proposal.attempts, voters.size()));
  }

  /** Has a command agreed on by way of this node's log, which answers when it does not lead. */
  private CompletableFuture<RaftVoter.Submission> submit(RaftVoter own, ControlCommand command) {
    var entry = new LogEntry.Command(command);
    if (own.state() != null || known.standIn()) {
      return own.submit(entry);
    }
    return own.submit(new LogEntry.Found(known.state()))
        .thenCompose(first ->
            first instanceof RaftVoter.Submission.Applied
                ? own.submit(entry)
                : CompletableFuture.completedFuture(first));
  }

  /** Waits until what was decided is known here and, where that matters, kept. */
  private CompletableFuture<LogEntry.Result> concluded(
      ControlCommand command, LogEntry.Result result, Deadline deadline) {
    CompletableFuture<LogEntry.Result> seen =
        await("version " + result.version(), state -> state.version() >= result.version(), deadline)
            .thenApply(_ -> result);
    if (!(command instanceof ControlCommand.Move move) || !move.source().equals(self())) {
      return seen;
    }
    return seen.thenCompose(_ ->
        onDisk(
                () -> {
                  // First that the slots are gone, then that this was asked for.
                  keepNow();
                  files.decided(move);
                })
            .thenApply(_ -> result));
  }

  // ---- answering

  /** Somebody who follows and waits for news. */
  private static final class Poll {
    private final Exchange exchange;
    private final ControlRequest.FollowControl request;
    private @Nullable Future<?> timeout;

    Poll(Exchange exchange, ControlRequest.FollowControl request) {
      this.exchange = exchange;
      this.request = request;
    }
  }

  @Override
  public boolean handle(Exchange exchange, ControlRequest request) {
    switch (request) {
      case ControlRequest.RaftCall call -> serve(exchange, call);
      case ControlRequest.Propose asked -> answerProposal(exchange, asked);
      case ControlRequest.GetControl _ -> {
        if (known.standIn()) {
          exchange.fail(FsError.OVERLOADED, "this daemon is only learning the state itself");
        } else {
          exchange.reply(new Reply.Control(known.state()));
        }
      }
      case ControlRequest.FollowControl follow -> {
        if (!onControl(() -> answerFollower(exchange, follow))) {
          refuse(exchange, closed());
        }
      }
      case ControlRequest.GetMap _,
          ControlRequest.InstallMap _,
          ControlRequest.GetStatus _,
          ControlRequest.GetCapacity _,
          ControlRequest.RenewSession _,
          ControlRequest.CloseSession _,
          ControlRequest.Shutdown _,
          ControlRequest.ScanInodes _,
          ControlRequest.ScanEntries _,
          ControlRequest.ScanChunks _,
          ControlRequest.CheckStorage _ -> {
        return false;
      }
    }
    return true;
  }

  private static void refuse(Exchange exchange, FsException reason) {
    exchange.fail(reason.error(), String.valueOf(reason.getMessage()));
  }

  /** The answer to a call of the replicated log, from another voter. */
  private void serve(Exchange exchange, ControlRequest.RaftCall request) {
    RaftTransport.Call call = RaftTransport.Call.ofCode(request.call());
    if (exchange.role() != PeerRole.DAEMON) {
      exchange.fail(FsError.NOT_PERMITTED, "only daemons take part in the replicated log");
      return;
    }
    if (call == null) {
      exchange.fail(FsError.BAD_MESSAGE, "call " + request.call() + " of the replicated log");
      return;
    }
    lastRaftCallNanos = System.nanoTime();
    RaftVoter own = voter;
    if (own == null) {
      onControl(this::startVoter);
      exchange.fail(FsError.OVERLOADED, "the replicated log is only starting here");
      return;
    }
    try {
      log.execute(() -> {
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

  private void answerProposal(Exchange exchange, ControlRequest.Propose request) {
    if (request.command() instanceof ControlCommand.Announce announce) {
      // Voters must find each other again before they can agree on where they are.
      ClusterMap.Node there = cluster.map().node(announce.node().id());
      if (there != null && there.incarnation() < announce.node().incarnation()) {
        cluster.install(cluster.map().withNode(at(there, announce.node())));
      }
    }
    if (request.passOn()) {
      var _ =
          decide(request.command(), Deadline.after(PASSED_ON_PATIENCE))
              .whenComplete((result, error) -> {
                if (result != null) {
                  exchange.reply(new Reply.Decided(result.outcome(), result.version()));
                } else {
                  refuse(exchange, asFsException(error));
                }
              });
      return;
    }
    boolean accepted =
        onControl(() -> {
          RaftVoter own = voter;
          if (own == null || closing) {
            if (known.state().voters().contains(self())) {
              startVoter();
            }
            exchange.reply(new Reply.Leader(Reply.Leader.NONE));
            return;
          }
          var _ =
              submit(own, request.command())
                  .whenComplete((submission, error) -> {
                    switch (submission) {
                      case RaftVoter.Submission.Applied applied ->
                          exchange.reply(
                              new Reply.Decided(
                                  applied.result().outcome(), applied.result().version()));
                      case RaftVoter.Submission.Elsewhere elsewhere ->
                          exchange.reply(new Reply.Leader(elsewhere.leaderValue()));
                      case null -> refuse(exchange, asFsException(error));
                    }
                  });
        });
    if (!accepted) {
      refuse(exchange, closed());
    }
  }

  private static ClusterMap.Node at(ClusterMap.Node known, ClusterMap.Node newer) {
    return new ClusterMap.Node(
        known.id(),
        newer.host(),
        newer.port(),
        newer.socketPath(),
        newer.incarnation(),
        known.state());
  }

  private static FsException asFsException(@Nullable Throwable error) {
    Throwable cause =
        error instanceof CompletionException && error.getCause() != null ? error.getCause() : error;
    return cause instanceof FsException exception
        ? exception
        : new FsException(FsError.INTERNAL, String.valueOf(cause));
  }

  private void answerFollower(Exchange exchange, ControlRequest.FollowControl request) {
    if (known.standIn()) {
      exchange.fail(FsError.OVERLOADED, "this daemon is only learning the state itself");
      return;
    }
    Reply news = known.news(request);
    if (news != null) {
      exchange.reply(news);
    } else if (!isAtTheSource()) {
      // Two that wait for each other's news would wait for ever.
      exchange.fail(FsError.OVERLOADED, "this node does not vote, and knows nothing newer");
    } else if (closing || request.waitMillis() == 0 || polls.size() >= POLLS_MAX) {
      exchange.reply(new Reply.ControlNews(List.of()));
    } else {
      var poll = new Poll(exchange, request);
      polls.add(poll);
      poll.timeout =
          onControlAfter(
              request.waitMillis(),
              () -> {
                if (polls.remove(poll)) {
                  exchange.reply(new Reply.ControlNews(List.of()));
                }
              });
    }
  }

  /** Whether news come here first: to the voters, even before the first command. */
  private boolean isAtTheSource() {
    ControlState state = known.state();
    return isToldByLog() || (state.version() == 0 && state.voters().contains(self()));
  }

  private void answerPolls() {
    for (Iterator<Poll> each = polls.iterator(); each.hasNext(); ) {
      Poll poll = each.next();
      Reply news = known.news(poll.request);
      if (news != null) {
        each.remove();
        if (poll.timeout != null) {
          poll.timeout.cancel(false);
        }
        poll.exchange.reply(news);
      }
    }
  }

  // ---- the own voter

  private CompletableFuture<byte[]> callPeer(
      int nodeValue, RaftTransport.Call call, byte[] body, long timeoutMillis) {
    return ask(
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

  private void startVoter() {
    if (voter != null || voterStarting || voterStopping || closing) {
      return;
    }
    voterStarting = true;
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
            RaftVoter.start(
                files.log(),
                self(),
                instanceId,
                first,
                this::callPeer,
                (newer, by) -> onControl(() -> advance(newer, by)));
        voter = made;
        LOG.info(
            "the replicated log runs here firstVoters={} startMillis={}",
            first,
            TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
        onControl(() -> {
          voterStarting = false;
          tendLater();
        });
      } catch (FsException e) {
        LOG.warn("the replicated log does not start: {}", e.getMessage());
        onControlAfter(
            VOTER_RESTART_MILLIS,
            () -> {
              voterStarting = false;
              startVoterAgain();
            });
      }
    });
  }

  /** Starts the log again if this node still votes, else forgets it. */
  private void startVoterAgain() {
    if (known.state().voters().contains(self())) {
      startVoter();
    } else if (voter == null && !voterStarting && !voterStopping && !closing) {
      voterStarting = true;
      onLog(() -> {
        try {
          RaftVoter.delete(files.log());
        } catch (IOException e) {
          LOG.warn("the log of a node that no longer votes is left: {}", e.toString());
        }
        onControl(() -> voterStarting = false);
      });
    }
  }

  private void onLog(Runnable work) {
    try {
      log.execute(guarded(work));
    } catch (RejectedExecutionException e) {
      onControlAfter(
          RETRY_MILLIS_MAX,
          () -> {
            if (!closing) {
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
  private void stopVoter(RaftVoter own, boolean forGood) {
    voterStopping = true;
    voter = null;
    onLog(() -> {
      try {
        own.close();
        if (forGood) {
          RaftVoter.delete(files.log());
        }
        LOG.info("the replicated log has ended here forGood={}", forGood);
      } catch (IOException e) {
        LOG.warn("the replicated log has not ended well: {}", e.toString());
      }
      onControl(() -> {
        voterStopping = false;
        follow();
      });
    });
  }

  private void tendLater() {
    onControlAfter(TEND_MILLIS, this::tend);
  }

  /** Looks after the own voter and, where it leads, after who votes. */
  private void tend() {
    RaftVoter own = voter;
    if (own == null || closing) {
      return;
    }
    if (!own.alive()) {
      // It was voted out, or its disk has failed.
      stopVoter(own, !known.state().voters().contains(self()));
      onControlAfter(VOTER_RESTART_MILLIS, this::startVoterAgain);
      return;
    }
    tendLater();
    List<NodeId> voters = own.voters();
    ControlState decided = known.state();
    if (!decided.voters().contains(self())
        && !decided.wantedVoters().contains(self())
        && !voters.contains(self())
        && System.nanoTime() - lastRaftCallNanos > VOTER_IDLE_NANOS) {
      stopVoter(own, true);
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
          propose(new ControlCommand.SetVoters(voters), Deadline.after(DUTY_PATIENCE))
              .whenComplete((_, _) -> onControl(() -> recordingVoters = false));
    }
  }

  private void changeVoters(RaftVoter own, List<NodeId> from, List<NodeId> wanted) {
    if (changingVoters) {
      return;
    }
    changingVoters = true;
    LOG.info("voters change from={} to={}", from, wanted);
    var _ =
        own.changeVoters(wanted)
            .whenComplete((done, _) ->
                onControl(() -> {
                  if (done != null && done) {
                    changingVoters = false;
                    LOG.info("voters have changed to={}", wanted);
                  } else {
                    onControlAfter(1000, () -> changingVoters = false);
                  }
                }));
  }

  /** Tells everybody where this node is, should what was agreed on say otherwise. */
  private void considerAnnouncing() {
    ControlState state = known.state();
    if (announcing || closing || known.standIn() || state.version() == 0) {
      return;
    }
    ClusterMap.Node agreed = state.map().node(self());
    ClusterMap.Node own = cluster.map().node(self());
    if (agreed == null
        || own == null
        || agreed.state() == NodeState.GONE
        || own.incarnation() <= agreed.incarnation()) {
      return;
    }
    announcing = true;
    var _ =
        propose(new ControlCommand.Announce(own), Deadline.after(DUTY_PATIENCE))
            .whenComplete((_, error) ->
                onControlAfter(
                    error == null ? 0 : 1000,
                    () -> {
                      announcing = false;
                      considerAnnouncing();
                    }));
  }

  // ---- the end

  /**
   * Lets nobody wait any longer: polls are answered, proposals fail. To be called before the server
   * stops, which waits for answers under way.
   */
  public void stopAnswering() {
    onControl(() -> {
      closing = true;
      for (Poll poll : polls) {
        poll.exchange.reply(new Reply.ControlNews(List.of()));
      }
      polls.clear();
      for (Awaited waiting : List.copyOf(awaited)) {
        waiting.future.completeExceptionally(closed().asCompletion());
      }
      awaited.clear();
      List.copyOf(proposals).forEach(proposal -> fail(proposal, closed()));
    });
  }

  /** Ends everything here; waits for it. */
  @Override
  public void close() throws IOException {
    stopAnswering();
    end(control, "control");
    end(log, "log");
    RaftVoter own = voter;
    try {
      if (own != null) {
        own.close();
      }
    } finally {
      end(disk, "disk");
    }
  }

  private static void end(ExecutorService threads, String what) {
    threads.shutdown();
    try {
      if (!threads.awaitTermination(10, TimeUnit.SECONDS)) {
        LOG.warn("the control plane's {} threads do not end", what);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
