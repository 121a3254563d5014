package io.adhocfs.client.simulation;

import io.adhocfs.client.simulation.SimulatedRpc.Fate;
import io.adhocfs.client.simulation.SimulatedRpc.Fates;
import io.adhocfs.client.simulation.SimulatedRpc.Sent;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** The connections of all sessions of one client, which can be told to fail. */
public final class SimulatedConnections {
  /** Between the ids of a client's sessions. */
  public static final long ID_STEP = 1000;

  private final SimulatedCluster cluster;
  private final List<Sent> sent = new ArrayList<>();
  private final List<ByteBuf> given = new ArrayList<>();
  private final Set<NodeId> down = new HashSet<>();
  private final List<SimulatedRpc> made = new ArrayList<>();
  private long nextId;
  public Fates fates = (_, _) -> Fate.ARRIVES;

  SimulatedConnections(SimulatedCluster cluster, long firstSession) {
    this.cluster = cluster;
    this.nextId = firstSession;
  }

  synchronized SessionId nextId() {
    long id = nextId;
    nextId += ID_STEP;
    return new SessionId(id);
  }

  synchronized RpcClient connect(SessionId session) {
    var rpc = new SimulatedRpc(cluster, this, session.value());
    made.add(rpc);
    return rpc;
  }

  /** How many sessions there are that have not been closed. */
  public synchronized long open() {
    return made.stream().filter(rpc -> !rpc.isClosed()).count();
  }

  /** How many sessions there have been. */
  public synchronized int sessions() {
    return made.size();
  }

  synchronized void add(Sent one) {
    sent.add(one);
  }

  synchronized void add(ByteBuf payload) {
    given.add(payload);
  }

  /** What has been sent since {@link #forgetSent}. */
  public synchronized List<Sent> sent() {
    return List.copyOf(sent);
  }

  public synchronized long sent(Predicate<Request> which) {
    return sent.stream().filter(one -> which.test(one.request())).count();
  }

  public synchronized void forgetSent() {
    sent.clear();
  }

  /** Nobody answers at this node's address, or somebody does again. */
  public synchronized void setDown(NodeId node, boolean isDown) {
    if (isDown) {
      down.add(node);
    } else {
      down.remove(node);
    }
  }

  synchronized boolean isDown(NodeId node) {
    return down.contains(node);
  }

  /** Payloads of answers that were not released. */
  public synchronized long unreleased() {
    return given.stream().filter(buffer -> buffer.refCnt() > 0).count();
  }
}
