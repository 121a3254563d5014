package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Backoff;
import io.adhocfs.client.retry.RetryDecision;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends requests to the owners of slots and to nodes, and sends them again, as {@link
 * RetryDecision} says, until the operation's deadline. Thread-safe.
 *
 * <p>What it answers completes on network or timer threads, with the response or an {@code
 * FsException}: the daemon's answer, or TIMED_OUT, INTERRUPTED, SESSION_EXPIRED, CLOSED, REFUSED.
 */
public final class Router {
  private static final Logger log = LoggerFactory.getLogger(Router.class);

  private final RpcClient rpc;
  private final Maps maps;
  private final Timers timers;
  private final RandomGenerator random;
  private final Backoff backoff;
  private final Acquiring acquiring;

  /** Everybody who has been sent something: he may know the session, answer or not. */
  private final Set<NodeId> asked = ConcurrentHashMap.newKeySet();

  /** What waits for its next try, to be answered when this is closed. */
  private final Set<CompletableFuture<Void>> pauses = ConcurrentHashMap.newKeySet();

  private volatile @Nullable FsException ended;

  /** Until when the session's lease holds, whoever else may be heard; null = not said yet. */
  private volatile @Nullable Long leaseEndNanos;

  /**
   * A router that knows only contacts; {@link #learnMap} comes first.
   *
   * @param random thread-safe
   * @param waiting runs what may wait for a disk
   */
  public Router(
      RpcClient rpc,
      List<Node> firstContacts,
      SwitchTable firstSwitches,
      ContactSource contacts,
      Executor waiting,
      Timers timers,
      RandomGenerator random,
      Backoff backoff,
      Parties parties) {
    this.rpc = rpc;
    this.acquiring = new Acquiring(rpc, parties, timers);
    rpc.onFlags(acquiring);
    this.maps =
        new Maps(
            rpc,
            asked::add,
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

  /**
   * What this client's session has somewhere (locks, pins, answers) goes with its slot: whoever
   * gets slots of a node that may have something may have it then, and is renewed as well.
   */
  private void followOwners(ClusterMap before, ClusterMap after) {
    if (before.epoch().equals(Epoch.NONE)) {
      return;
    }
    Set<NodeId> heirs = new HashSet<>();
    for (int slot = 0; slot < SlotId.COUNT; slot++) {
      int owner = after.ownerValue(slot);
      if (owner != before.ownerValue(slot) && asked.contains(new NodeId(before.ownerValue(slot)))) {
        heirs.add(new NodeId(owner));
      }
    }
    asked.addAll(heirs);
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
   * The nodes that this client has sent something and that are there; they may know its session.
   */
  public Set<NodeId> askedNodes() {
    ClusterMap map = map();
    return asked.stream()
        .filter(id -> {
          ClusterMap.Node node = map.node(id);
          return node == null || node.state() != ClusterMap.NodeState.GONE;
        })
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Lets the lease hold until a moment of the timers' clock, unless it has run out meanwhile: then
   * everything ends. A process that has been stopped for so long must not go on as if nothing had
   * happened; others may have got its locks.
   *
   * @return whether the session goes on
   */
  boolean extendLease(long untilNanos) {
    if (endIfLeaseIsOver() != null) {
      return false;
    }
    leaseEndNanos = untilNanos;
    return true;
  }

  /** Why nothing may be sent, or null. */
  private @Nullable FsException endIfLeaseIsOver() {
    Long end = leaseEndNanos;
    if (ended == null && end != null && timers.nanoTime() - end > 0) {
      end(
          new FsException(
              FsError.SESSION_EXPIRED,
              "this process was stopped for longer than its lease: its locks and open files are"
                  + " lost"));
    }
    return ended;
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
    acquiring.onKeptElsewhere(listener);
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
    var call = new Call(operation, null, request, payload, flags);
    call.attempt();
    return call.result;
  }

  /** Sends a request to a node, whatever slots it owns. */
  public CompletableFuture<Response> send(Operation operation, NodeId node, Request request) {
    var call = new Call(operation, node, request, Unpooled.EMPTY_BUFFER, 0);
    call.attempt();
    return call.result;
  }

  /**
   * Sends a request to a node, once. {@link #recover} tells what to do about a failure.
   *
   * @param payload taken over and released
   * @param flags what the frame says of the request beside on whose behalf it is
   */
  public CompletableFuture<Response> sendOnce(
      Operation operation, NodeId node, Request request, ByteBuf payload, int flags) {
    FsException stop = endIfLeaseIsOver();
    if (stop == null && operation.isCancelled()) {
      stop = operation.interruption();
    }
    if (stop != null) {
      payload.release();
      return CompletableFuture.failedFuture(stop);
    }
    if (!asked.contains(node)) {
      asked.add(node);
    }
    acquiring.meet(node, operation.party());
    DataRequest.AcquireData tokens = acquiring.before(node, request, payload.readableBytes());
    CompletableFuture<Response> reply =
        tokens == null
            ? call(operation, node, request, payload, flags)
            : callPaid(operation, node, tokens, request, payload, flags);
    operation.waitFor(reply);
    return reply.whenComplete((response, _) -> {
      operation.waitedFor(reply);
      if (response != null) {
        heardFrom(node, response.epoch());
      }
    });
  }

  private CompletableFuture<Response> call(
      Operation operation, NodeId node, Request request, ByteBuf payload, int flags) {
    return rpc.call(
        node,
        request,
        payload,
        operation.trafficClass(),
        operation.party() | flags,
        operation.deadline());
  }

  /** Sends a request when its tokens have been taken. */
  private CompletableFuture<Response> callPaid(
      Operation operation,
      NodeId node,
      DataRequest.AcquireData tokens,
      Request request,
      ByteBuf payload,
      int flags) {
    var paid = new CompletableFuture<Response>();
    CompletableFuture<Response> taking = call(operation, node, tokens, Unpooled.EMPTY_BUFFER, 0);
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
          Completion.then(
              call(operation, node, request, payload, flags | Frame.PAID),
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
      end(failure);
    }
    if (failure.error() == FsError.THROTTLED) {
      operation.heldBack();
    }
    RetryDecision decision = RetryDecision.of(failure.error());
    if (decision == RetryDecision.GIVE_UP) {
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
    return switch (decision) {
      case GIVE_UP, RESEND -> pause(operation, delayNanos);
      case LEARN_MAP -> {
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
      case LEARN_ADDRESS -> {
        acquiring.lost(node);
        maps.readContacts();
        // Others may know more: where it is now, or that its slots are owned by somebody else.
        maps.askOthers();
        yield pause(operation, delayNanos);
      }
      case ONLY_AT_NEW_ADDRESS -> {
        String refusing = address(node);
        yield maps.readContacts()
            .thenCompose(_ ->
                address(node).equals(refusing)
                    ? CompletableFuture.failedFuture(failure)
                    : pause(operation, delayNanos));
      }
    };
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
    if (reason.error() == FsError.SESSION_EXPIRED) {
      log.error("every call fails from now on: {}", reason.getMessage());
    }
    for (CompletableFuture<Void> pause : pauses) {
      pause.completeExceptionally(reason);
    }
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
    final CompletableFuture<Response> result = new CompletableFuture<>();

    /** Only one try is under way at a time; its completion starts the next. */
    private int failures;

    Call(
        Operation operation,
        @Nullable NodeId fixedNode,
        Request request,
        ByteBuf payload,
        int flags) {
      this.operation = operation;
      this.fixedNode = fixedNode;
      this.request = request;
      this.payload = payload;
      this.flags = flags;
    }

    void attempt() {
      ClusterMap map = map();
      NodeId node = fixedNode != null ? fixedNode : new NodeId(map.ownerValue(request.slotValue()));
      Completion.then(
          sendOnce(operation, node, request, payload.retainedDuplicate(), flags),
          (response, failure) -> {
            if (failure == null) {
              finish(response);
            } else {
              failed(Failures.of(failure), node, map.epoch());
            }
          });
    }

    private void failed(FsException failure, NodeId node, Epoch usedEpoch) {
      Completion.then(
          recover(operation, failure, node, usedEpoch, failures++),
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
}
