package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.transport.Backoff;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest.GetMap;
import io.adhocfs.protocol.wire.ControlRequest.RenewSession;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests to the owners of slots and to nodes, and sends them again, as {@link
 * FsError#resend} says, until the operation's deadline; in the session of the operation, or in a
 * newer one where that has ended, if the operation may go on so. Thread-safe.
 *
 * <p>What it answers completes on network or timer threads, with the response or an {@code
 * FsException}: the daemon's answer, or TIMED_OUT, INTERRUPTED, SESSION_EXPIRED, CLOSED, REFUSED.
 */
public final class Router {
  /** A session that has ended is tried again in a newer one at once, but not for ever. */
  private static final int AT_ONCE_MAX = 3;

  /** The answer to a stamped request, and in which session it was done. */
  public record Stamped(Response response, Session session) {}

  private final Sessions sessions;
  private final Unsynced unsynced = new Unsynced();
  private final Maps maps;
  private final Timers timers;
  private final RandomGenerator random;
  private final Backoff backoff;
  private final long leaseNanos;
  private volatile Consumer<Request> keptElsewhere = _ -> {};

  /** What waits for its next try, to be answered when this is closed; the oldest first. */
  private final Set<CompletableFuture<Void>> pauses =
      Collections.synchronizedSet(new LinkedHashSet<>());

  private volatile @Nullable FsException ended;

  /**
   * A router that knows only contacts; {@link #learnMap} comes first.
   *
   * @param connections of each session
   * @param sessionIds gives ids that nobody else has or had
   * @param lease of each session
   * @param random thread-safe
   * @param waiting runs what may wait for a disk
   */
  public Router(
      ConnectionSource connections,
      Supplier<SessionId> sessionIds,
      Duration lease,
      List<Node> firstContacts,
      SwitchTable firstSwitches,
      ContactSource contacts,
      Executor waiting,
      Timers timers,
      RandomGenerator random,
      Backoff backoff,
      Parties parties) {
    this.leaseNanos = lease.toNanos();
    this.sessions =
        new Sessions(
            connections,
            sessionIds,
            rpc -> {
              var acquiring =
                  new Acquiring(rpc, parties, timers, request -> keptElsewhere.accept(request));
              rpc.onFlags(acquiring);
              rpc.onTerms(unsynced);
              return acquiring;
            },
            session -> new SessionKeeper(this, session, timers, lease),
            this::map,
            timers);
    this.maps =
        new Maps(
            this::askForMap,
            sessions::useMap,
            this::followOwners,
            firstContacts,
            firstSwitches,
            contacts,
            waiting,
            timers,
            random);
    this.timers = timers;
    this.random = random;
    this.backoff = backoff;
  }

  private void followOwners(ClusterMap before, ClusterMap after) {
    unsynced.follow(after);
    if (!before.epoch().equals(Epoch.NONE)) {
      sessions.follow(before, after);
    }
  }

  private CompletableFuture<Response> askForMap(NodeId node, Duration limit) {
    return Completion.compose(
        askForMapOnce(node, limit),
        (response, failure) ->
            failure == null
                ? CompletableFuture.completedFuture(response)
                : failure.error() == FsError.SESSION_EXPIRED && ended == null
                    ? askForMapOnce(node, limit)
                    : CompletableFuture.failedFuture(failure.asCompletion()));
  }

  private CompletableFuture<Response> askForMapOnce(NodeId node, Duration limit) {
    Session session = retainedNewest();
    session.noteAsked(node);
    return session
        .rpc
        .call(
            node, new GetMap(), Unpooled.EMPTY_BUFFER, TrafficClass.CONTROL, Deadline.after(limit))
        .whenComplete((_, failure) -> answered(session, node, failure));
  }

  /** Takes in what an answer says of the session that it came in, which is released. */
  private void answered(Session session, NodeId node, @Nullable Throwable failure) {
    if (failure != null && Failures.errorOf(failure) == FsError.SESSION_EXPIRED) {
      sessions.ended(session, node);
    }
    sessions.release(session);
  }

  /** The sessions of this client. */
  public Sessions sessions() {
    return sessions;
  }

  /** What the switches say, as far as this client has heard. */
  public SwitchTable switches() {
    return maps.switches();
  }

  /** The map that requests are routed by now. */
  public ClusterMap map() {
    return maps.current();
  }

  /**
   * The map of an epoch that a node has told, or a newer one, once this client has learnt it. The
   * newest that is known where nobody tells. Never fails.
   */
  public CompletableFuture<ClusterMap> mapOf(Epoch epoch, NodeId teller) {
    // The first question may have been under way before the epoch began.
    return newerThanKnown(epoch, teller).thenCompose(_ -> newerThanKnown(epoch, teller));
  }

  private CompletableFuture<ClusterMap> newerThanKnown(Epoch epoch, NodeId teller) {
    return epoch.isAfter(map().epoch())
        ? maps.ask(teller).handle((_, _) -> map())
        : CompletableFuture.completedFuture(map());
  }

  /** The nodes that may know a session, that are there, and where it has not ended. */
  List<NodeId> nodesThatKnow(Session session) {
    ClusterMap map = map();
    return session.asked().stream()
        .filter(id -> {
          ClusterMap.Node node = map.node(id);
          return node == null || node.isMember();
        })
        .filter(id -> session.lossAt(id) == null)
        .toList();
  }

  /** Asks the contacts for the map, until one of them tells it. */
  public CompletableFuture<Void> learnMap(Operation operation) {
    var learned = new CompletableFuture<Void>();
    learnMap(operation, 0, learned);
    return learned;
  }

  private void learnMap(Operation operation, int attempt, CompletableFuture<Void> learned) {
    Completion.then(
        maps.ask(null),
        (_, failure) -> {
          if (failure == null) {
            learned.complete(null);
            return;
          }
          FsException last = Failures.of(failure);
          FsException stop = reasonToStop(operation, null, last);
          if (stop != null || last.error() == FsError.REFUSED || last.error() == FsError.CLOSED) {
            learned.completeExceptionally(stop != null ? stop : last);
            return;
          }
          maps.readContacts();
          Completion.then(
              pause(operation, backoff.delayNanos(attempt, random)),
              (_, interrupted) -> {
                if (interrupted == null) {
                  learnMap(operation, attempt + 1, learned);
                } else {
                  learned.completeExceptionally(interrupted);
                }
              });
        });
  }

  /**
   * Sets who hears that another session keeps what it has read of the inode that a request was
   * about; on a network thread, before the request completes.
   */
  public void onKeptElsewhere(Consumer<Request> listener) {
    keptElsewhere = listener;
  }

  /** Sends a request to the owner of its slot. */
  public CompletableFuture<Response> send(Operation operation, Request request) {
    return send(operation, request, Unpooled.EMPTY_BUFFER);
  }

  /** As the other: a request that is only a part of what another one stands for in statistics. */
  public CompletableFuture<Response> sendPart(Operation operation, Request request) {
    return send(operation, request, Unpooled.EMPTY_BUFFER, Frame.PART);
  }

  /**
   * Sends a request to the owner of its slot.
   *
   * @param payload taken over and released at the end
   */
  public CompletableFuture<Response> send(Operation operation, Request request, ByteBuf payload) {
    return send(operation, request, payload, 0);
  }

  private CompletableFuture<Response> send(
      Operation operation, Request request, ByteBuf payload, int flags) {
    if (request.slotValue() == Request.NO_SLOT) {
      throw new IllegalArgumentException(request.type() + " names no slot");
    }
    var call = new Call(operation, null, request, payload, flags, null);
    call.attempt();
    return call.result;
  }

  /**
   * Sends a request to a node, whatever slots it owns. Fails with CHANGED once the node has left
   * the instance: what it had is elsewhere, so whoever asks plans anew.
   */
  public CompletableFuture<Response> send(Operation operation, NodeId node, Request request) {
    var call = new Call(operation, node, request, Unpooled.EMPTY_BUFFER, 0, null);
    call.attempt();
    return call.result;
  }

  /**
   * Sends a request that must run once to the owner of its slot, under a number that is good until
   * the answer is there, however it ends: after that it is not sent again, so its stored reply may
   * go.
   *
   * <p>Numbers are of one session. Where that has ended, an operation that belongs to no session
   * goes on in a newer one, under a number of that, if no try can have run; if one may have, the
   * failure says so.
   *
   * @param request makes it for a number, maybe more than once
   */
  public CompletableFuture<Response> sendStamped(
      Operation operation, Function<OperationStamp, ? extends Request> request) {
    return sendStamped(operation, request, Unpooled.EMPTY_BUFFER);
  }

  /**
   * As the other.
   *
   * @param payload taken over and released at the end
   */
  public CompletableFuture<Response> sendStamped(
      Operation operation, Function<OperationStamp, ? extends Request> request, ByteBuf payload) {
    return stamped(operation, request, payload).thenApply(Stamped::response);
  }

  /** As the other, telling the session too. */
  public CompletableFuture<Stamped> sendStampedTellingSession(
      Operation operation, Function<OperationStamp, ? extends Request> request) {
    return stamped(operation, request, Unpooled.EMPTY_BUFFER);
  }

  private CompletableFuture<Stamped> stamped(
      Operation operation, Function<OperationStamp, ? extends Request> request, ByteBuf payload) {
    var stamping = new Stamping(operation, request, payload);
    stamping.attempt();
    return stamping.result;
  }

  /**
   * Sends a request to a node, once. {@link #recover} tells what to do about a failure.
   *
   * @param payload taken over and released
   * @param flags what the frame says of the request beside on whose behalf it is
   */
  public CompletableFuture<Response> sendOnce(
      Operation operation, NodeId node, Request request, ByteBuf payload, int flags) {
    return sendOnce(operation, node, request, payload, flags, null);
  }

  /**
   * As the other.
   *
   * @param stampedIn the session that the request's number is of, for it means nothing in another
   */
  private CompletableFuture<Response> sendOnce(
      Operation operation,
      NodeId node,
      Request request,
      ByteBuf payload,
      int flags,
      @Nullable Session stampedIn) {
    FsException stop = reasonNotToSend(operation);
    Session session = stampedIn != null ? stampedIn : sessionOf(operation);
    if (stop == null) {
      sessions.checkClock(session);
      stop = operation.loss();
    }
    if (stop != null) {
      payload.release();
      return CompletableFuture.failedFuture(stop);
    }
    FsException loss = session.lossAt(node);
    if (loss == null && sessions.tryRetain(session)) {
      return sendIn(session, operation, node, request, payload, flags);
    }
    InodeId home = operation.home();
    if (stampedIn != null || (operation.belongsToSession() && (loss == null || home == null))) {
      payload.release();
      return CompletableFuture.failedFuture(loss != null ? loss : closed(session));
    }
    if (home == null) {
      Session newest = retainedNewest();
      operation.goOnIn(newest);
      return sendIn(newest, operation, node, request, payload, flags);
    }
    NodeId owner = map().owner(home.slot());
    FsException lossAtHome = session.lossAt(owner);
    if (lossAtHome != null) {
      // The slot has come there just now.
      sessions.ended(session, owner);
      payload.release();
      return CompletableFuture.failedFuture(lossAtHome);
    }
    if (session.isConfirmedAt(owner, node, timers.nanoTime() - leaseNanos)) {
      return sendIn(retainedNewest(), operation, node, request, payload, flags);
    }
    // A client that was cut off from all nodes learns it from the first node that refuses its
    // session; a node that never knew the session refuses nothing. What the client has open or
    // locked at the inode's owner may be somebody else's by now, so the owner is asked before.
    return Completion.compose(
        send(operation, owner, new RenewSession()),
        (response, failure) -> {
          if (failure == null) {
            response.payload().release();
          } else if (failure.error() != FsError.CHANGED) {
            payload.release();
            return CompletableFuture.failedFuture(failure.asCompletion());
          }
          return sendOnce(operation, node, request, payload, flags);
        });
  }

  private @Nullable FsException reasonNotToSend(Operation operation) {
    FsException end = ended;
    return end != null ? end : operation.isCancelled() ? operation.interruption() : null;
  }

  private static FsException closed(Session session) {
    return new FsException(
        FsError.SESSION_EXPIRED, "session " + session + " has been closed: open the file again");
  }

  /** The session that an operation runs in; the newest for one that has not begun. */
  private Session sessionOf(Operation operation) {
    Session session = operation.session();
    if (session == null) {
      session = sessions.newest();
      operation.goOnIn(session);
    }
    return session;
  }

  /** To be released. */
  private Session retainedNewest() {
    while (true) {
      Session newest = sessions.newest();
      if (sessions.tryRetain(newest)) {
        return newest;
      }
    }
  }

  /** Sends a request in a session that has been retained for it. */
  private CompletableFuture<Response> sendIn(
      Session session,
      Operation operation,
      NodeId node,
      Request request,
      ByteBuf payload,
      int flags) {
    session.noteAsked(node);
    session.acquiring.meet(node, operation.party());
    DataRequest.AcquireData tokens =
        session.acquiring.before(node, request, payload.readableBytes());
    Session.Renewal renewal =
        request instanceof RenewSession ? session.renewing(timers.nanoTime()) : null;
    CompletableFuture<Response> reply =
        tokens == null
            ? call(session, operation, node, request, payload, flags)
            : callPaid(session, operation, node, tokens, request, payload, flags);
    operation.waitFor(reply);
    return reply.whenComplete((response, failure) -> {
      operation.waitedFor(reply);
      if (response != null) {
        heardFrom(node, response.epoch());
        if (renewal != null) {
          session.confirmedAt(node, renewal);
        }
      }
      answered(session, node, failure);
    });
  }

  private CompletableFuture<Response> call(
      Session session,
      Operation operation,
      NodeId node,
      Request request,
      ByteBuf payload,
      int flags) {
    if (switches().anyOnDisk()) {
      unsynced.sent(request);
    }
    return session.rpc.call(
        node,
        request,
        payload,
        operation.trafficClass(),
        operation.party() | flags,
        operation.deadline());
  }

  /** Sends a request when its tokens have been taken. */
  private CompletableFuture<Response> callPaid(
      Session session,
      Operation operation,
      NodeId node,
      DataRequest.AcquireData tokens,
      Request request,
      ByteBuf payload,
      int flags) {
    var paid = new CompletableFuture<Response>();
    CompletableFuture<Response> taking =
        call(session, operation, node, tokens, Unpooled.EMPTY_BUFFER, 0);
    operation.waitFor(taking);
    Completion.then(
        taking,
        (taken, failure) -> {
          operation.waitedFor(taking);
          if (failure != null) {
            payload.release();
            paid.completeExceptionally(failure);
            return;
          }
          taken.payload().release();
          if (paid.isDone()) {
            payload.release();
            return;
          }
          operation.heldBack();
          FsException loss = lossWhileTaking(session, operation, node);
          if (loss != null) {
            payload.release();
            paid.completeExceptionally(loss);
            return;
          }
          Completion.then(
              call(session, operation, node, request, payload, flags | Frame.PAID),
              (response, refused) -> {
                if (refused != null) {
                  paid.completeExceptionally(refused);
                } else if (!paid.complete(response)) {
                  response.payload().release();
                }
              });
        });
    return paid;
  }

  /** Why what has been paid for can't be sent; null if it can. */
  private @Nullable FsException lossWhileTaking(Session session, Operation operation, NodeId node) {
    sessions.checkClock(session);
    FsException loss = operation.loss();
    return loss != null ? loss : session.lossAt(node);
  }

  /**
   * Decides about a failed try, and completes when it is time for the next one; fails with the
   * final answer when there is none.
   *
   * @param node where it failed
   * @param usedEpoch the map it was routed by
   * @param attempt how many tries have failed before
   */
  public CompletableFuture<Void> recover(
      Operation operation, FsException failure, NodeId node, Epoch usedEpoch, int attempt) {
    if (failure.error() == FsError.SESSION_EXPIRED) {
      return goOnElsewhere(operation, failure, node, attempt);
    }
    if (failure.error() == FsError.THROTTLED) {
      operation.heldBack();
    }
    FsError.Resend resend = failure.error().resend();
    if (resend == FsError.Resend.NEVER) {
      FsException last =
          operation.isCancelled()
              ? operation.interruption()
              : failure.error() == FsError.TIMED_OUT ? timeout(operation, node, failure) : failure;
      return CompletableFuture.failedFuture(last.asCompletion());
    }
    FsException stop = reasonToStop(operation, node, failure);
    if (stop != null) {
      return CompletableFuture.failedFuture(stop);
    }
    // A daemon that holds it back is not the busier for it, and its turn may come at any moment.
    int failures = failure.error() == FsError.THROTTLED ? 0 : attempt;
    long delayNanos = backoff.delayNanos(failures, random);
    return switch (resend) {
      case NEVER, AFTER_PAUSE -> pause(operation, delayNanos);
      case WITH_NEWER_MAP -> {
        if (map().epoch().isAfter(usedEpoch)) {
          yield CompletableFuture.completedFuture(null);
        }
        // Not waiting for ever for a map that nobody can tell: the pause is the limit.
        CompletableFuture<Void> pause = pause(operation, delayNanos);
        Completion.then(
            maps.ask(node),
            (map, _) -> {
              if (map != null && map.epoch().isAfter(usedEpoch)) {
                pause.complete(null);
              }
            });
        yield pause;
      }
      case AT_NEWER_ADDRESS -> {
        sessions.restarted(node);
        maps.readContacts();
        // Others may know more: where it is now, or that its slots are owned by somebody else.
        maps.askOthers();
        yield pause(operation, delayNanos);
      }
      case ONLY_AT_ANOTHER_ADDRESS -> {
        String refusing = address(node);
        yield maps.readContacts()
            .thenCompose(_ ->
                address(node).equals(refusing)
                    ? CompletableFuture.failedFuture(failure)
                    : pause(operation, delayNanos));
      }
    };
  }

  /** Completes when an operation goes on in another session, if it may. */
  private CompletableFuture<Void> goOnElsewhere(
      Operation operation, FsException failure, NodeId node, int attempt) {
    FsException stop = reasonToStop(operation, node, failure);
    if (stop == null && operation.belongsToSession() && operation.home() == null) {
      stop = failure;
    }
    if (stop != null) {
      return CompletableFuture.failedFuture(stop.asCompletion());
    }
    return pauseBeforeNewerSession(operation, attempt);
  }

  /** Waits before an operation goes on in a newer session, if that has happened to it often. */
  private CompletableFuture<Void> pauseBeforeNewerSession(Operation operation, int times) {
    return times < AT_ONCE_MAX
        ? Completion.done()
        : pause(operation, backoff.delayNanos(times - AT_ONCE_MAX, random));
  }

  /** Waits before something is planned anew; fails when the operation has no time left. */
  public CompletableFuture<Void> pauseBeforeReplanning(
      Operation operation, FsException failure, int attempt) {
    FsException stop = reasonToStop(operation, null, failure);
    return stop != null
        ? CompletableFuture.failedFuture(stop)
        : pause(operation, backoff.delayNanos(attempt, random));
  }

  /** Ends everything: what waits and what is sent from now on fails so. The first reason counts. */
  public void end(FsException reason) {
    synchronized (pauses) {
      if (ended != null) {
        return;
      }
      ended = reason;
    }
    allPauses().forEach(pause -> pause.completeExceptionally(reason));
  }

  /** Has all that waits look at once whether it may go on. */
  public void hurry() {
    allPauses().forEach(pause -> pause.complete(null));
  }

  private List<CompletableFuture<Void>> allPauses() {
    synchronized (pauses) {
      return List.copyOf(pauses);
    }
  }

  /**
   * Ends all sessions at the nodes that know them, as far as they answer within the limit. Never
   * fails; what can't be told now ends with the lease.
   */
  public CompletableFuture<Void> closeSessions(Duration limit) {
    return sessions.close(limit);
  }

  /** What has been changed and not synced. */
  public Unsynced unsynced() {
    return unsynced;
  }

  /** Drops all connections. */
  public void disconnect() {
    sessions.disconnect();
  }

  /** Why nothing more is sent, or null. */
  public @Nullable FsException ended() {
    return ended;
  }

  private void heardFrom(NodeId node, Epoch epoch) {
    if (epoch.isAfter(map().epoch())) {
      maps.noticed(epoch, node);
    }
  }

  private @Nullable FsException reasonToStop(
      Operation operation, @Nullable NodeId node, FsException last) {
    FsException end = ended;
    if (end != null) {
      return end;
    }
    if (operation.isCancelled()) {
      return operation.interruption();
    }
    FsException loss = operation.loss();
    if (loss != null) {
      return loss;
    }
    if (operation.remainingNanos() > 0) {
      return null;
    }
    return timeout(operation, node, last);
  }

  private FsException timeout(Operation operation, @Nullable NodeId node, FsException last) {
    String where = node == null ? "" : ": node " + node + " at " + address(node);
    return new FsException(
        FsError.TIMED_OUT,
        operation.description()
            + where
            + ": no success within "
            + operation.limit().toMillis()
            + " ms; last: "
            + last.error()
            + ", "
            + last.getMessage(),
        last);
  }

  private String address(NodeId node) {
    Node entry = map().node(node);
    return entry == null ? "an unknown address" : entry.address();
  }

  /** A wait that ends early with the operation, its deadline or this router. */
  @SuppressWarnings("CollectionUndefinedEquality") // futures are nothing but themselves
  private CompletableFuture<Void> pause(Operation operation, long delayNanos) {
    var pause = new CompletableFuture<Void>();
    pauses.add(pause);
    operation.waitFor(pause);
    Timers.Timer timer =
        timers.after(Math.min(delayNanos, operation.remainingNanos()), () -> pause.complete(null));
    Completion.then(
        pause,
        (_, _) -> {
          timer.cancel();
          pauses.remove(pause);
          operation.waitedFor(pause);
        });
    FsException end = ended;
    if (end != null) {
      pause.completeExceptionally(end);
    }
    return pause;
  }

  /** One request on its way, through all its tries. */
  private final class Call {
    private final Operation operation;
    private final @Nullable NodeId fixedNode;
    private final Request request;
    private final ByteBuf payload;
    private final int flags;

    /** The session that the request's number is of; null = it has none. */
    private final @Nullable Session stampedIn;

    final CompletableFuture<Response> result = new CompletableFuture<>();

    /** Whether a try that has failed may have been carried out. */
    volatile boolean mayHaveRun;

    /** Only one try is under way at a time; its completion starts the next. */
    private int failures;

    Call(
        Operation operation,
        @Nullable NodeId fixedNode,
        Request request,
        ByteBuf payload,
        int flags,
        @Nullable Session stampedIn) {
      this.operation = operation;
      this.stampedIn = stampedIn;
      this.fixedNode = fixedNode;
      this.request = request;
      this.payload = payload;
      this.flags = flags;
    }

    void attempt() {
      ClusterMap map = map();
      if (fixedNode != null && !map.isMember(fixedNode)) {
        payload.release();
        result.completeExceptionally(
            new FsException(FsError.CHANGED, "node " + fixedNode + " has left the instance")
                .asCompletion());
        return;
      }
      NodeId node = fixedNode != null ? fixedNode : new NodeId(map.ownerValue(request.slotValue()));
      Completion.then(
          sendOnce(operation, node, request, payload.retainedDuplicate(), flags, stampedIn),
          (response, failure) -> {
            if (failure == null) {
              finish(response);
            } else {
              failed(Failures.of(failure), node, map.epoch());
            }
          });
    }

    private void failed(FsException failure, NodeId node, Epoch usedEpoch) {
      mayHaveRun |= mayHaveRun(failure.error());
      Completion.then(
          stampedIn != null && failure.error() == FsError.SESSION_EXPIRED
              ? CompletableFuture.<Void>failedFuture(failure.asCompletion())
              : recover(operation, failure, node, usedEpoch, failures++),
          (_, stop) -> {
            if (stop == null) {
              attempt();
            } else {
              payload.release();
              result.completeExceptionally(
                  (operation.isCancelled() ? operation.interruption() : Failures.of(stop))
                      .asCompletion());
            }
          });
    }

    private void finish(Response response) {
      payload.release();
      if (!result.complete(response)) {
        response.payload().release();
      }
    }
  }

  /**
   * Whether a request that failed so may have been carried out. A daemon says WRONG_OWNER also of
   * what was running when the slot went away.
   */
  private static boolean mayHaveRun(FsError error) {
    return switch (error) {
      case UNREACHABLE, REFUSED, SESSION_EXPIRED, OVERLOADED, THROTTLED -> false;
      default -> true;
    };
  }

  /** One request that must run once, in as many sessions as it takes. */
  private final class Stamping {
    private final Operation operation;
    private final Function<OperationStamp, ? extends Request> request;
    private final ByteBuf payload;
    final CompletableFuture<Stamped> result = new CompletableFuture<>();

    /** Only one try is under way at a time. */
    private int ends;

    Stamping(
        Operation operation, Function<OperationStamp, ? extends Request> request, ByteBuf payload) {
      this.operation = operation;
      this.request = request;
      this.payload = payload;
    }

    void attempt() {
      FsException stop = reasonNotToSend(operation);
      if (stop == null) {
        sessions.checkClock(sessionOf(operation));
        stop = operation.loss();
      }
      Session session = stop == null ? retained() : null;
      if (session == null) {
        payload.release();
        result.completeExceptionally(
            (stop != null ? stop : closed(sessionOf(operation))).asCompletion());
        return;
      }
      var calls = new AtomicReference<@Nullable Call>();
      Completion.then(
          session.sequences.stamped(stamp -> {
            var call =
                new Call(
                    operation, null, request.apply(stamp), payload.retainedDuplicate(), 0, session);
            calls.set(call);
            call.attempt();
            return call.result;
          }),
          result,
          (response, failure) -> {
            Call call = calls.get();
            if (failure == null) {
              payload.release();
              if (!result.complete(new Stamped(response, session))) {
                response.payload().release();
              }
            } else {
              failed(failure, call != null && call.mayHaveRun);
            }
            sessions.release(session);
          });
    }

    /** To be released; null if the operation's own is over. */
    private @Nullable Session retained() {
      Session session = sessionOf(operation);
      if (operation.belongsToSession()) {
        return sessions.tryRetain(session) ? session : null;
      }
      if (!session.isOverslept() && ends == 0 && sessions.tryRetain(session)) {
        return session;
      }
      Session newest = retainedNewest();
      operation.goOnIn(newest);
      return newest;
    }

    private void failed(FsException failure, boolean mayHaveRun) {
      boolean goesOn = failure.error() == FsError.SESSION_EXPIRED && !operation.belongsToSession();
      FsException stop = goesOn ? reasonToStop(operation, null, failure) : failure;
      if (stop == null && mayHaveRun) {
        stop =
            new FsException(
                FsError.SESSION_EXPIRED,
                "whether it has been done is not known: the connection was lost, and then this"
                    + " client's session ended; "
                    + failure.getMessage(),
                failure);
      }
      if (stop != null) {
        payload.release();
        result.completeExceptionally(stop.asCompletion());
        return;
      }
      ends++;
      Completion.then(
          pauseBeforeNewerSession(operation, ends),
          result,
          (_, stopped) -> {
            if (stopped == null) {
              attempt();
            } else {
              payload.release();
              result.completeExceptionally(stopped.asCompletion());
            }
          });
    }
  }
}
