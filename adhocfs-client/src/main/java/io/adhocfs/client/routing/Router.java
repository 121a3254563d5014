package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest.RenewSession;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
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
 *
 * <p>This is the entry to the package: it wires the parts and hands on to them. {@code Maps} knows
 * the owners, {@code Attempts} and {@code Transmission} send one try, {@code Recovery} and {@code
 * Pauses} decide what follows a failure and when, {@code Calls} and {@code StampedCalls} are
 * requests with all their tries, {@link Sessions} has the sessions.
 */
public final class Router {
  private final Unsynced unsynced = new Unsynced();
  private final Pauses pauses;
  private final Sessions sessions;
  private final Maps maps;
  private final Recovery recovery;
  private final Attempts attempts;
  private final Calls calls;
  private final StampedCalls stampedCalls;
  private volatile Consumer<Request> keptElsewhere = _ -> {};

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
      Parties parties) {
    this.pauses = new Pauses(timers);
    this.sessions =
        new Sessions(
            connections,
            sessionIds,
            rpc -> acquiring(rpc, parties, timers),
            session -> new SessionKeeper(this, session, timers, lease),
            this::map,
            timers);
    this.maps =
        new Maps(
            new MapQuestions(sessions, pauses),
            sessions::useMap,
            this::followOwners,
            firstContacts,
            firstSwitches,
            contacts,
            waiting,
            timers,
            random);
    this.recovery = new Recovery(maps, sessions, pauses, random);
    this.attempts =
        new Attempts(
            sessions,
            maps,
            pauses,
            new Transmission(sessions, maps, unsynced, timers),
            (operation, node) -> send(operation, node, new RenewSession()),
            timers,
            lease);
    this.calls = new Calls(maps, attempts, recovery);
    this.stampedCalls = new StampedCalls(calls, recovery, sessions, pauses);
  }

  private Acquiring acquiring(RpcClient rpc, Parties parties, Timers timers) {
    var acquiring = new Acquiring(rpc, parties, timers, request -> keptElsewhere.accept(request));
    rpc.onFlags(acquiring);
    rpc.onTerms(unsynced);
    return acquiring;
  }

  private void followOwners(ClusterMap before, ClusterMap after) {
    unsynced.follow(after);
    if (!before.epoch().equals(Epoch.NONE)) {
      sessions.follow(before, after);
    }
  }

  /** The sessions of this client. */
  public Sessions sessions() {
    return sessions;
  }

  /** What has been changed and not synced. */
  public Unsynced unsynced() {
    return unsynced;
  }

  // The map --------------------------------------------------------------------------------------

  /** Asks the contacts for the map, until one of them tells it. */
  public CompletableFuture<Void> learnMap(Operation operation) {
    return new FirstMap(maps, recovery, operation).learn();
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
    return maps.of(epoch, teller);
  }

  // Requests -------------------------------------------------------------------------------------

  /** Sends a request to the owner of its slot. */
  public CompletableFuture<Response> send(Operation operation, Request request) {
    return send(operation, request, Unpooled.EMPTY_BUFFER);
  }

  /**
   * Sends a request to the owner of its slot.
   *
   * @param payload taken over and released at the end
   */
  public CompletableFuture<Response> send(Operation operation, Request request, ByteBuf payload) {
    return calls.toOwner(operation, request, payload, 0).begin();
  }

  /** Sends a request that is only a part of what another one stands for in statistics. */
  public CompletableFuture<Response> sendPart(Operation operation, Request request) {
    return calls.toOwner(operation, request, Unpooled.EMPTY_BUFFER, Frame.PART).begin();
  }

  /**
   * Sends a request to a node, whatever slots it owns. Fails with CHANGED once the node has left
   * the instance: what it had is elsewhere, so whoever asks plans anew.
   */
  public CompletableFuture<Response> send(Operation operation, NodeId node, Request request) {
    return calls.toNode(operation, node, request, Unpooled.EMPTY_BUFFER).begin();
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
   * As {@link #sendStamped(Operation, Function)}, with a payload.
   *
   * @param payload taken over and released at the end
   */
  public CompletableFuture<Response> sendStamped(
      Operation operation, Function<OperationStamp, ? extends Request> request, ByteBuf payload) {
    return stampedCalls.send(operation, request, payload).thenApply(StampedResponse::response);
  }

  /** As {@link #sendStamped(Operation, Function)}, telling the session too. */
  public CompletableFuture<StampedResponse> sendStampedTellingSession(
      Operation operation, Function<OperationStamp, ? extends Request> request) {
    return stampedCalls.send(operation, request, Unpooled.EMPTY_BUFFER);
  }

  /**
   * Sends a request to a node, once. {@link #recover} tells what to do about a failure.
   *
   * @param payload taken over and released
   * @param flags what the frame says of the request beside on whose behalf it is
   */
  public CompletableFuture<Response> sendOnce(
      Operation operation, NodeId node, Request request, ByteBuf payload, int flags) {
    return attempts.sendOnce(operation, node, request, payload, flags, null);
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
    return recovery.recover(operation, failure, node, usedEpoch, attempt);
  }

  /** Waits before something is planned anew; fails when the operation has no time left. */
  public CompletableFuture<Void> pauseBeforeReplanning(
      Operation operation, FsException failure, int attempt) {
    return recovery.pauseBeforeReplanning(operation, failure, attempt);
  }

  /**
   * Sets who hears that another session keeps what it has read of the inode that a request was
   * about; on a network thread, before the request completes.
   */
  public void onKeptElsewhere(Consumer<Request> listener) {
    keptElsewhere = listener;
  }

  /** Has all that waits look at once whether it may go on. */
  public void hurry() {
    pauses.hurry();
  }

  // The end --------------------------------------------------------------------------------------

  /** Ends everything: what waits and what is sent from now on fails so. The first reason counts. */
  public void end(FsException reason) {
    pauses.end(reason);
  }

  /** Why nothing more is sent, or null. */
  @Nullable FsException ended() {
    return pauses.ended();
  }

  /**
   * Ends all sessions at the nodes that know them, as far as they answer within the limit. Never
   * fails; what can't be told now ends with the lease.
   */
  public CompletableFuture<Void> closeSessions(Duration limit) {
    return sessions.close(limit);
  }

  /** Drops all connections. */
  public void disconnect() {
    sessions.disconnect();
  }
}
