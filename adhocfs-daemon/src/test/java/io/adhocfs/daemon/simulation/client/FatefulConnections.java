package io.adhocfs.daemon.simulation.client;

import io.adhocfs.daemon.simulation.ClientProcess;
import io.adhocfs.daemon.simulation.SimulatedNetwork;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The connections of all sessions of one client. Writes down what is sent and answered, and has
 * requests fail as it is told; the others go over the simulated network.
 */
final class FatefulConnections {
  /** A request that was sent, in which session. */
  record Sent(SessionId session, NodeId node, Request request) {}

  /** What becomes of one request. */
  enum Fate {
    /** The network brings it and its answer. */
    ARRIVES,
    /** It does not go, and its sender knows. */
    UNREACHABLE,
    /** It does not arrive, but its sender cannot know. */
    LOST,
    /** It arrives, but its sender does not hear. */
    REPLY_LOST,
    /** It is refused. */
    OVERLOADED,
    /** It does not arrive, and nobody says so before its deadline. */
    UNANSWERED
  }

  /** Decides about each request. */
  @FunctionalInterface
  interface Fates {
    Fate of(NodeId node, Request request);
  }

  /** By default everything arrives. */
  Fates fates = (_, _) -> Fate.ARRIVES;

  private final SimulatedNetwork network;
  private final List<Session> sessions = new ArrayList<>();
  private final List<Sent> sent = new ArrayList<>();
  private final List<Sent> answered = new ArrayList<>();
  private final List<ByteBuf> payloads = new ArrayList<>();
  private final Set<NodeId> down = new HashSet<>();

  FatefulConnections(SimulatedNetwork network) {
    this.network = network;
  }

  /** Takes the connections of a session under control. */
  RpcClient around(ClientProcess process, SessionId id, RpcClient connections) {
    var session = new Session(process, id, connections);
    sessions.add(session);
    return session;
  }

  /** The session that the client had as its n-th, from 0. */
  SessionId session(int number) {
    return sessions.get(number).id;
  }

  /** How many sessions there have been. */
  int sessions() {
    return sessions.size();
  }

  /** How many sessions there are that have not been closed. */
  long open() {
    return sessions.stream().filter(session -> !session.closed).count();
  }

  /** What has been sent since {@link #forgetSent}. */
  List<Sent> sent() {
    return List.copyOf(sent);
  }

  long sent(Predicate<Request> which) {
    return sent.stream().filter(one -> which.test(one.request())).count();
  }

  void forgetSent() {
    sent.clear();
  }

  /** Whether a node has confirmed a session. */
  boolean wasRenewed(NodeId node) {
    return wasAnswered(node, ControlRequest.RenewSession.class);
  }

  /** Whether a node has confirmed the end of a session. */
  boolean wasClosed(NodeId node) {
    return wasAnswered(node, ControlRequest.CloseSession.class);
  }

  private boolean wasAnswered(NodeId node, Class<? extends Request> request) {
    return answered.stream()
        .anyMatch(one -> one.node().equals(node) && request.isInstance(one.request()));
  }

  /** Nobody answers at this node's address, or somebody does again. */
  void setDown(NodeId node, boolean isDown) {
    if (isDown) {
      down.add(node);
    } else {
      down.remove(node);
    }
  }

  /** Payloads of answers that were not released. */
  long unreleased() {
    return payloads.stream().filter(buffer -> buffer.refCnt() > 0).count();
  }

  private static @Nullable OperationStamp stamp(Request request) {
    try {
      for (RecordComponent part : request.getClass().getRecordComponents()) {
        if (part.getType() == OperationStamp.class) {
          return (OperationStamp) part.getAccessor().invoke(request);
        }
      }
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(request.type() + " has a component that cannot be read", e);
    }
    return null;
  }

  private static byte[] encoded(Request request) {
    ByteBuf buffer = Unpooled.buffer();
    request.encode(new WireWriter(buffer));
    byte[] bytes = ByteBufUtil.getBytes(buffer);
    buffer.release();
    return bytes;
  }

  private final class Session implements RpcClient {
    private final ClientProcess process;
    private final SessionId id;
    private final RpcClient connections;
    private final TreeMap<Long, byte[]> underWay = new TreeMap<>();
    private long overBelow;
    private boolean closed;

    Session(ClientProcess process, SessionId id, RpcClient connections) {
      this.process = process;
      this.id = id;
      this.connections = connections;
    }

    @Override
    public CompletableFuture<Response> call(
        NodeId node,
        Request request,
        ByteBuf payload,
        TrafficClass trafficClass,
        int flags,
        Deadline deadline) {
      var one = new Sent(id, node, request);
      sent.add(one);
      requireTrueStamp(request);
      Fate fate = closed ? Fate.ARRIVES : fateOf(one);
      var answer = new CompletableFuture<Response>();
      if (fate == Fate.ARRIVES || fate == Fate.REPLY_LOST) {
        boolean heard = fate == Fate.ARRIVES;
        var _ =
            connections
                .call(node, request, payload, trafficClass, flags, deadline)
                .handle((response, failure) -> give(one, heard, response, failure, answer));
        return answer;
      }
      payload.release();
      switch (fate) {
        case UNREACHABLE -> failSoon(answer, FsError.UNREACHABLE, node + " is not reachable");
        case LOST -> failSoon(answer, FsError.CONNECTION_LOST, node + " is lost");
        case OVERLOADED -> failSoon(answer, FsError.OVERLOADED, node + " is busy");
        case UNANSWERED -> {
          if (deadline.bounded()) {
            fail(answer, deadline.patienceNanos(), FsError.TIMED_OUT, node + " did not answer");
          }
        }
        case ARRIVES, REPLY_LOST -> throw new IllegalStateException("sent before");
      }
      return answer;
    }

    /** The number of an operation stands for one request, and for none once it is over. */
    private void requireTrueStamp(Request request) {
      OperationStamp stamp = stamp(request);
      if (stamp == null) {
        return;
      }
      overBelow = Math.max(overBelow, stamp.acknowledgedBelow());
      underWay.headMap(overBelow).clear();
      byte[] bytes = encoded(request);
      byte[] before = underWay.putIfAbsent(stamp.sequence(), bytes);
      if (stamp.sequence() < overBelow || (before != null && !Arrays.equals(before, bytes))) {
        var wrong =
            new AssertionError(
                "%s: all below %d are over, and before it was %s"
                    .formatted(request, overBelow, Arrays.toString(before)));
        // Not here: the client would take it for the failure of this request.
        var _ =
            process.after(
                0,
                () -> {
                  throw wrong;
                });
      }
    }

    private Fate fateOf(Sent one) {
      return down.contains(one.node()) ? Fate.UNREACHABLE : fates.of(one.node(), one.request());
    }

    private void failSoon(CompletableFuture<Response> answer, FsError error, String message) {
      fail(answer, network.latency(), error, message);
    }

    private void fail(
        CompletableFuture<Response> answer, long delayNanos, FsError error, String message) {
      var _ =
          process.after(
              delayNanos, () -> answer.completeExceptionally(new FsException(error, message)));
    }

    private boolean give(
        Sent one,
        boolean heard,
        @Nullable Response response,
        @Nullable Throwable failure,
        CompletableFuture<Response> answer) {
      if (response != null) {
        answered.add(one);
      }
      if (!heard) {
        if (response != null) {
          response.payload().release();
        }
        return answer.completeExceptionally(
            new FsException(FsError.CONNECTION_LOST, "the answer of " + one.node() + " is lost"));
      }
      if (response == null) {
        return answer.completeExceptionally(
            failure == null ? new IllegalStateException("no answer") : FsException.of(failure));
      }
      if (response.payload().isReadable()) {
        payloads.add(response.payload());
      }
      if (!answer.complete(response)) {
        response.payload().release();
        return false;
      }
      return true;
    }

    @Override
    public void onFlags(FlagListener listener) {
      connections.onFlags(listener);
    }

    @Override
    public void onTerms(TermListener listener) {
      connections.onTerms(listener);
    }

    @Override
    public void useMap(ClusterMap map) {
      connections.useMap(map);
    }

    @Override
    public void close() {
      closed = true;
      connections.close();
    }
  }
}
