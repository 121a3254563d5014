package io.adhocfs.malleability;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.StorageSpace;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class ResizePlanTest {
  private static final NodeId N0 = new NodeId(0);
  private static final NodeId N1 = new NodeId(1);
  private static final NodeId N2 = new NodeId(2);
  private static final NodeId N3 = new NodeId(3);

  private static StorageSpace on(String disk, long available) {
    return new StorageSpace(disk, 1000, available, 10, 1000, available);
  }

  /** N0 leaves, and each of the others gets 100 bytes of it. */
  private static ResizePlan plan(Map<NodeId, StorageSpace> space) {
    SortedMap<NodeId, SortedMap<NodeId, Long>> bytes = new TreeMap<>();
    bytes.put(N0, new TreeMap<>(Map.of(N1, 100L, N2, 100L, N3, 100L)));
    return new ResizePlan(
        new Change.Shrink(List.of(N0)),
        SlotPlan.of(new short[SlotId.COUNT], new TreeMap<>(Map.of(N1, 1, N2, 1, N3, 1))),
        bytes,
        new TreeMap<>(space));
  }

  @Test
  void nodesThatShareADiskShareItsRoom() {
    ResizePlan tight =
        plan(Map.of(N0, on("a", 0), N1, on("b", 250), N2, on("b", 250), N3, on("b", 240)));
    assertThat(tight.shortage(1.02))
        .isEqualTo(new ResizePlan.Shortage(List.of(N1, N2, N3), 300, 250));
    assertThat(
            plan(Map.of(N0, on("a", 0), N1, on("b", 310), N2, on("b", 310), N3, on("b", 310)))
                .shortage(1.02))
        .isNull();
  }

  @Test
  void whatStaysOnItsDiskTakesNothingOfIt() {
    assertThat(
            plan(Map.of(N0, on("a", 50), N1, on("a", 50), N2, on("a", 50), N3, on("b", 150)))
                .shortage(1.02))
        .isNull();
  }

  @Test
  void aCapacityBoundsItsNodeAlone() {
    StorageSpace bounded = new StorageSpace("a", 1000, 900, 10, 500, 90);
    assertThat(plan(Map.of(N0, on("a", 900), N1, on("a", 900), N2, bounded)).shortage(1.02))
        .isEqualTo(new ResizePlan.Shortage(List.of(N2), 100, 90));
  }

  @Test
  void nodesThatHaveNotToldTheirSpaceAreNotJudged() {
    assertThat(plan(Map.of()).shortage(1.02)).isNull();
    assertThat(plan(Map.of(N1, on("", 100))).shortage(1.02))
        .isEqualTo(new ResizePlan.Shortage(List.of(N1), 100, 100));
  }
}
