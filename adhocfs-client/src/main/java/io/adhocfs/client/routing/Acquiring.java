package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What daemons say in the flags of their answers: that tokens are to be taken before data is moved,
 * that they do not know on whose behalf a request came, and that another session keeps what it has
 * read of an inode. One for the connections of a session. Thread-safe.
 */
final class Acquiring implements RpcClient.FlagListener {
  /** For so long what a daemon said last is believed. */
  private static final long BELIEVED_NANOS = 2_000_000_000L;

  private static final Duration PATIENCE = Duration.ofSeconds(5);

  /** Who is to be introduced to whom. */
  private record Meeting(NodeId node, int party) {}

  private final RpcClient rpc;
  private final Consumer<Request> keptElsewhere;
  private final Parties parties;
  private final Timers timers;
  private final Map<NodeId, Long> limitedUntil = new ConcurrentHashMap<>();
  private final Set<Meeting> met = ConcurrentHashMap.newKeySet();
  private final Set<Meeting> underWay = ConcurrentHashMap.newKeySet();

  /**
   * @param keptElsewhere hears that another session keeps what it has read of a request's inode
   */
  Acquiring(RpcClient rpc, Parties parties, Timers timers, Consumer<Request> keptElsewhere) {
    this.rpc = rpc;
    this.keptElsewhere = keptElsewhere;
    this.parties = parties;
    this.timers = timers;
  }

  @Override
  public void answered(NodeId node, Request request, int requestFlags, int answerFlags) {
    if ((answerFlags & Frame.KEPT_ELSEWHERE) != 0) {
      keptElsewhere.accept(request);
    }
    if ((answerFlags & Frame.ACQUIRE_FIRST) != 0) {
      limitedUntil.put(node, timers.nanoTime() + BELIEVED_NANOS);
    }
    int party = requestFlags & Frame.PARTY_MAX;
    if ((answerFlags & Frame.UNKNOWN_PARTY) != 0 && party != 0) {
      introduce(new Meeting(node, party));
    }
  }

  /** A request is about to go: whoever lists jobs is to know of them, limited or not. */
  void meet(NodeId node, int party) {
    if (party == 0 || parties.introduction(party).job().isEmpty()) {
      return;
    }
    var meeting = new Meeting(node, party);
    if (!met.contains(meeting)) {
      introduce(meeting);
    }
  }

  /** A node may have been started anew, and then knows nobody. */
  void lost(NodeId node) {
    met.removeIf(meeting -> meeting.node().equals(node));
  }

  private void introduce(Meeting meeting) {
    if (!underWay.add(meeting)) {
      return;
    }
    var _ =
        rpc.call(
                meeting.node(),
                parties.introduction(meeting.party()),
                Unpooled.EMPTY_BUFFER,
                TrafficClass.CONTROL,
                Deadline.after(PATIENCE))
            .handle((response, _) -> {
              if (response != null) {
                response.payload().release();
                met.add(meeting);
              }
              return underWay.remove(meeting);
            });
  }

  /** What is to be asked for before a request is sent, or null for nothing. */
  DataRequest.@Nullable AcquireData before(NodeId node, Request request) {
    return !limitedUntil.isEmpty()
            && request instanceof DataRequest.OfSpans moved
            && isLimited(node)
        ? new DataRequest.AcquireData(moved.inode(), moved.layout().dataset(), moved.spanBytes())
        : null;
  }

  private boolean isLimited(NodeId node) {
    Long until = limitedUntil.get(node);
    if (until == null) {
      return false;
    }
    if (timers.nanoTime() - until > 0) {
      limitedUntil.remove(node, until);
      return false;
    }
    return true;
  }
}
