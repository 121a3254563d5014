package io.adhocfs.malleability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Node 1 has left, and its daemon still runs. */
@Timeout(20)
class DepartedNodesTest {
  private static final Node STAYING = new Node(new NodeId(0), "h", 1, "", 1, NodeState.ACTIVE);
  private static final Node LEFT = new Node(new NodeId(1), "h", 2, "", 1, NodeState.GONE);

  @TempDir private Path home;
  private final List<Place> removed = new ArrayList<>();

  @AfterEach
  void clearInterrupt() {
    var _ = Thread.interrupted();
  }

  private DepartedNodes departed(CompletableFuture<Response> answer) throws FsException {
    ClusterMap first = ClusterMap.initial(List.of(STAYING));
    ClusterMap map = first.next(List.of(STAYING, LEFT), first.owners());
    var directory = new InstanceDirectory(home);
    InstanceDescription description =
        directory.create(
            new InstanceDescription(
                new Instance("some", "00", new byte[32], Settings.DEFAULT, List.of(STAYING)),
                List.of(new Place(STAYING.id(), "", "/0"), new Place(LEFT.id(), "", "/1")),
                Instant.EPOCH));
    var agreement =
        new Agreement(new AdminConnection(new Answering(answer)), ControlState.initial(map));
    return new DepartedNodes(
        agreement,
        new RecordedInstance(directory, description),
        new RemovingLauncher(),
        new AnsweringNodes(agreement));
  }

  private void expectInterrupted(CompletableFuture<Response> answer) throws FsException {
    DepartedNodes departed = departed(answer);
    long startNanos = System.nanoTime();
    Thread.currentThread().interrupt();
    assertThatThrownBy(departed::awaitEnds)
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.INTERRUPTED));
    assertThat(Duration.ofNanos(System.nanoTime() - startNanos)).isLessThan(Duration.ofSeconds(5));
    assertThat(removed).isEmpty();
  }

  @Test
  void endsWhenItIsInterruptedBetweenTwoQuestions() throws Exception {
    expectInterrupted(
        CompletableFuture.completedFuture(
            new Response(new Reply.Status(running()), Unpooled.EMPTY_BUFFER, new Epoch(1))));
  }

  @Test
  void anUnansweredQuestionThatIsInterruptedRemovesNoRunningNode() throws Exception {
    expectInterrupted(new CompletableFuture<>());
  }

  @Test
  void removesWhatASilentNodeHasLeft() throws Exception {
    var silent = new CompletableFuture<Response>();
    silent.completeExceptionally(new FsException(FsError.UNREACHABLE, "gone"));
    assertThat(departed(silent).awaitEnds()).isEmpty();
    assertThat(removed).extracting(Place::id).containsExactly(LEFT.id());
  }

  private static NodeStatus running() {
    return new NodeStatus(
        LEFT.id(),
        "",
        "",
        1,
        "",
        NodeState.GONE,
        1,
        0,
        StorageSpace.NONE,
        0,
        0,
        0,
        0,
        0,
        1,
        1,
        1,
        0);
  }

  /** Gives the same answer to every question. */
  private record Answering(CompletableFuture<Response> answer) implements RpcClient {
    @Override
    public CompletableFuture<Response> call(
        NodeId node,
        Request request,
        ByteBuf payload,
        TrafficClass trafficClass,
        int flags,
        Deadline deadline) {
      return answer;
    }

    @Override
    public void useMap(ClusterMap map) {}

    @Override
    public void close() {}
  }

  private final class RemovingLauncher implements NodeLauncher {
    @Override
    public void check(InstanceDescription instance, List<Place> places) {}

    @Override
    public List<Node> start(InstanceDescription instance, List<Place> places) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void remove(InstanceDescription instance, Place place) {
      removed.add(place);
    }
  }
}
