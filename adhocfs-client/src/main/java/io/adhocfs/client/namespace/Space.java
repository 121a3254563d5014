package io.adhocfs.client.namespace;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest.GetCapacity;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Space and inodes of all nodes together. Thread-safe. */
public final class Space {
  private static final Logger log = LoggerFactory.getLogger(Space.class);

  /** Space of all nodes, each disk counted once; and inodes that they keep. */
  public record Totals(StorageSpace.Sum space, long inodesUsed) {}

  private static final int AT_ONCE_MAX = 64;

  /** How long a node that has answered before is waited for: statfs must not hang on one. */
  private static final long KNOWN_NODE_LIMIT_NANOS = 2_000_000_000L;

  private final Router router;
  private final Map<NodeId, Reply.Capacity> last = new ConcurrentHashMap<>();

  public Space(Router router) {
    this.router = router;
  }

  /**
   * Asks every node that stores something. One that does not answer within two seconds counts with
   * what it said last; if it never said anything, its failure is the answer.
   *
   * @param limited begins an operation that ends after so many nanoseconds, or with the caller's
   */
  public CompletableFuture<Totals> totals(
      Operation operation, java.util.function.LongFunction<Operation> limited) {
    List<NodeId> nodes =
        router.map().nodes().stream()
            .filter(ClusterMap.Node::isMember)
            .map(ClusterMap.Node::id)
            .toList();
    return Parallel.run(
            nodes.size(),
            AT_ONCE_MAX,
            i -> {
              NodeId node = nodes.get(i);
              Operation asking =
                  last.containsKey(node) ? limited.apply(KNOWN_NODE_LIMIT_NANOS) : operation;
              return Completion.compose(
                  operation.share(
                      router.send(asking, node, new GetCapacity()).thenApply(Answers::reply)),
                  (reply, failure) -> {
                    if (reply instanceof Reply.Capacity capacity) {
                      last.put(node, capacity);
                    } else if (failure != null && !last.containsKey(node)) {
                      return CompletableFuture.failedFuture(failure);
                    } else if (failure != null) {
                      log.debug("{} counts as before: {}", node, Failures.of(failure).getMessage());
                    } else {
                      return CompletableFuture.failedFuture(Answers.unexpected(reply));
                    }
                    return CompletableFuture.completedFuture(true);
                  });
            })
        .thenApply(_ -> {
          List<StorageSpace> spaces = new ArrayList<>();
          long used = 0;
          for (NodeId node : nodes) {
            Reply.Capacity capacity = last.get(node);
            if (capacity != null) {
              spaces.add(capacity.space());
              used += capacity.inodesUsed();
            }
          }
          return new Totals(StorageSpace.sum(spaces), used);
        });
  }
}
