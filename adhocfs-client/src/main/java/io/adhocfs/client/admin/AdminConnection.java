package io.adhocfs.client.admin;

import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.Unpooled;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;

/** Asks daemons and waits for their answers. Thread-safe. */
public final class AdminConnection implements AutoCloseable {
  private static final Duration RETRY_PAUSE = Duration.ofMillis(50);

  private final RpcClient rpc;

  /**
   * A connection to the nodes that an instance's file names.
   *
   * @throws FsException NOT_FOUND when it names none: the instance never came up
   */
  public static AdminConnection open(Instance instance) throws FsException {
    long session = 0;
    while (session == 0) {
      session = new SecureRandom().nextLong();
    }
    return new AdminConnection(
        new NettyRpcClient(
            new InstanceIdentity(instance.id(), instance.secret()),
            new SessionId(session),
            PeerRole.ADMIN,
            1,
            knownMap(instance)));
  }

  /**
   * The map with the addresses that an instance's file names.
   *
   * @throws FsException as {@link #open}
   */
  public static ClusterMap knownMap(Instance instance) throws FsException {
    if (instance.nodes().isEmpty()) {
      throw new FsException(
          FsError.NOT_FOUND,
          "instance '%s' has not come up: take down what is left of it with 'adhocfs down --name %s'"
              .formatted(instance.name(), instance.name()));
    }
    return ClusterMap.initial(instance.nodes());
  }

  /** Takes the client over: closing this closes it. */
  public AdminConnection(RpcClient rpc) {
    this.rpc = rpc;
  }

  /** One question to one node. Errors as {@link RpcClient#call}. */
  public <T extends Reply> T ask(NodeId node, Request request, Class<T> answer, Duration patience)
      throws FsException {
    return await(node, start(node, request, answer, Deadline.after(patience)));
  }

  /** The same question to several nodes at once. */
  public <T extends Reply> NodeAnswers<T> askAll(
      Collection<NodeId> nodes, Request request, Class<T> answer, Duration patience) {
    Deadline deadline = Deadline.after(patience);
    Map<NodeId, CompletableFuture<T>> underWay = new TreeMap<>();
    for (NodeId node : nodes) {
      underWay.put(node, start(node, request, answer, deadline));
    }
    var answers = new TreeMap<NodeId, T>();
    var failures = new TreeMap<NodeId, FsException>();
    underWay.forEach((node, future) -> {
      try {
        answers.put(node, await(node, future));
      } catch (FsException e) {
        failures.put(node, e);
      }
    });
    return new NodeAnswers<>(answers, failures);
  }

  /**
   * The same question to several nodes that are known to run, asked again of those that cannot be
   * reached, until they answer or the patience is over. For questions that may be asked twice.
   */
  public <T extends Reply> NodeAnswers<T> askUntilAnswered(
      Collection<NodeId> nodes, Request request, Class<T> answer, Duration patience) {
    long limit = System.nanoTime() + patience.toNanos();
    NodeAnswers<T> first = askAll(nodes, request, answer, patience);
    var answers = new TreeMap<NodeId, T>(first.answers());
    var failures = new TreeMap<NodeId, FsException>(first.failures());
    while (!failures.isEmpty() && System.nanoTime() - limit < 0) {
      LockSupport.parkNanos(RETRY_PAUSE.toNanos());
      NodeAnswers<T> next =
          askAll(
              List.copyOf(failures.keySet()),
              request,
              answer,
              Duration.ofNanos(Math.max(1, limit - System.nanoTime())));
      answers.putAll(next.answers());
      failures.clear();
      failures.putAll(next.failures());
    }
    return new NodeAnswers<>(answers, failures);
  }

  /** The maps that these nodes have. */
  public NodeAnswers<Reply.Map> askMaps(Collection<NodeId> nodes, Duration patience) {
    return askAll(nodes, new ControlRequest.GetMap(), Reply.Map.class, patience);
  }

  /**
   * The newest of the maps that nodes gave, which this connection uses from then on.
   *
   * @param known the map to begin with
   */
  public ClusterMap useNewest(ClusterMap known, NodeAnswers<Reply.Map> answers) {
    ClusterMap newest = known;
    for (Reply.Map answer : answers.answers().values()) {
      newest = newest.merge(answer.map());
    }
    rpc.useMap(newest);
    return newest;
  }

  /** Takes addresses from this map from now on, where it is newer. */
  public void useMap(ClusterMap map) {
    rpc.useMap(map);
  }

  private <T extends Reply> CompletableFuture<T> start(
      NodeId node, Request request, Class<T> answer, Deadline deadline) {
    return rpc.call(node, request, Unpooled.EMPTY_BUFFER, TrafficClass.CONTROL, deadline)
        .thenApply(response -> take(node, response, answer));
  }

  private static <T extends Reply> T take(NodeId node, Response response, Class<T> answer) {
    response.payload().release();
    if (!answer.isInstance(response.reply())) {
      throw new CompletionException(
          new FsException(
              FsError.BAD_MESSAGE,
              "node %s answered %s where %s was expected"
                  .formatted(node, response.reply().type(), answer.getSimpleName())));
    }
    return answer.cast(response.reply());
  }

  private static <T> T await(NodeId node, CompletableFuture<T> future) throws FsException {
    try {
      return future.get();
    } catch (ExecutionException | CancellationException e) {
      Throwable cause = FsException.unwrapped(e);
      if (cause instanceof FsException failure) {
        throw failure;
      }
      throw new FsException(FsError.INTERNAL, "node " + node + ": " + cause, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "waiting for node " + node, e);
    }
  }

  @Override
  public void close() {
    rpc.close();
  }
}
