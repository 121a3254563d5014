package io.adhocfs.client.routing;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** Sessions that no client has and that send nothing, for tests of what goes by their state. */
public final class LoneSessions {
  private LoneSessions() {}

  private static final class Nowhere implements RpcClient {
    @Override
    public CompletableFuture<Response> call(
        NodeId node,
        Request request,
        ByteBuf payload,
        TrafficClass trafficClass,
        int flags,
        Deadline deadline) {
      throw new AssertionError(request + " to " + node);
    }

    @Override
    public void useMap(ClusterMap map) {}

    @Override
    public void close() {}
  }

  private static final class Standing implements Timers {
    @Override
    public long nanoTime() {
      return 0;
    }

    @Override
    public Timer after(long delayNanos, Runnable action) {
      throw new AssertionError("nothing is to come later");
    }
  }

  public static Session session(long id, long leaseEndNanos) {
    var rpc = new Nowhere();
    var acquiring = new Acquiring(rpc, new Parties("", "", 0), new Standing(), _ -> {});
    return new Session(new SessionId(id), rpc, acquiring, leaseEndNanos);
  }

  /** A node has ended a session. */
  public static void lose(Session session, NodeId node, ClusterMap map) {
    var _ = session.lose(node, map);
  }

  /** Three nodes, of which node k has the slots that k is the rest of by 3, but for some. */
  public static ClusterMap map(long epoch, Map<Integer, NodeId> moved) {
    List<Node> nodes =
        IntStream.range(0, 3)
            .mapToObj(i -> new Node(new NodeId(i), "h" + i, 7000, "", 1, NodeState.ACTIVE))
            .toList();
    var owners = new short[SlotId.COUNT];
    for (int slot = 0; slot < owners.length; slot++) {
      NodeId owner = moved.get(slot);
      owners[slot] = (short) (owner == null ? slot % 3 : owner.value());
    }
    return new ClusterMap(new Epoch(epoch), nodes, owners);
  }
}
