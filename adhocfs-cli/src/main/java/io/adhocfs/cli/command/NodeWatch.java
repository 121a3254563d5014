package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Output;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.client.admin.NodeAnswers;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Checks the nodes while a command waits for them, from one second on, and prints once which nodes
 * do not answer: otherwise the command would be silent until its deadline, without a reason that
 * its user could see.
 */
final class NodeWatch implements AutoCloseable {
  /** A dead daemon is known at once; a daemon on a busy machine may take this long. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private static final long FIRST_LOOK_MILLIS = 1000;
  private static final long LOOK_MILLIS_MAX = 30_000;

  /** The message names this many nodes, and only counts the rest. */
  private static final int NAMED_MAX = 4;

  private final InstanceDescription description;
  private final Output output;
  private final CountDownLatch over = new CountDownLatch(1);

  /** Used by the watching thread only: the nodes that did not answer in time at the last look. */
  private Set<NodeId> lateBefore = Set.of();

  private NodeWatch(InstanceDescription description, Output output) {
    this.description = description;
    this.output = output;
  }

  /** Begins to watch, in a thread that never keeps the process alive. */
  static NodeWatch start(InstanceDescription description, Output output) {
    var watch = new NodeWatch(description, output);
    Thread.ofPlatform().daemon().name("adhocfs-node-watch").start(watch::run);
    return watch;
  }

  private void run() {
    try {
      long pauseMillis = FIRST_LOOK_MILLIS;
      while (!over.await(pauseMillis, TimeUnit.MILLISECONDS)) {
        if (look()) {
          return;
        }
        pauseMillis = Math.min(LOOK_MILLIS_MAX, 2 * pauseMillis);
      }
    } catch (FsException | InterruptedException leftToTheCommand) {
      // The command meets the same error and reports it.
    }
  }

  /** Checks all nodes once; answers whether a message was printed. */
  private boolean look() throws FsException {
    ClusterMap map = AdminConnection.knownMap(description.instance());
    List<NodeId> nodes = map.nodes().stream().map(ClusterMap.Node::id).toList();
    NodeAnswers<Reply.Map> answers;
    try (AdminConnection connection = AdminConnection.open(description.instance())) {
      answers = connection.askMaps(nodes, PATIENCE);
    }
    Set<NodeId> late = new HashSet<>();
    List<NodeId> silent = new ArrayList<>();
    answers
        .failures()
        .forEach((node, failure) -> {
          if (hasLeft(node, answers)) {
            return;
          }
          // A refused connection is certain at once; on a busy machine an answer may be late.
          if (failure.error() == FsError.UNREACHABLE || lateBefore.contains(node)) {
            silent.add(node);
          } else {
            late.add(node);
          }
        });
    lateBefore = late;
    if (silent.isEmpty() || over.getCount() == 0) {
      return false;
    }
    output.note(sentence(map, silent, nodes.size(), description.instance().name()));
    return true;
  }

  private static boolean hasLeft(NodeId node, NodeAnswers<Reply.Map> answers) {
    return answers.answers().values().stream()
        .map(answer -> answer.map().node(node))
        .anyMatch(known -> known == null || !known.isMember());
  }

  private static String sentence(ClusterMap map, List<NodeId> silent, int nodes, String instance) {
    List<String> named =
        silent.stream()
            .limit(NAMED_MAX)
            .map(id -> {
              ClusterMap.Node node = map.node(id);
              return node == null ? id.toString() : id + " (" + node.address() + ")";
            })
            .toList();
    boolean all = silent.size() == nodes;
    String who =
        (silent.size() == 1 ? "node " : "nodes ")
            + String.join(", ", named)
            + (silent.size() > NAMED_MAX ? " and " + (silent.size() - NAMED_MAX) + " more" : "");
    return "adhocfs: waiting: %s %s not answer%s; 'adhocfs status --name %s' shows why, 'adhocfs start --name %s' starts daemons that are down"
        .formatted(
            who,
            silent.size() == 1 ? "does" : "do",
            all ? "" : ", and the data there cannot be reached",
            instance,
            instance);
  }

  @Override
  public void close() {
    over.countDown();
  }
}
