package io.adhocfs.daemon.migration;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BatchNumberTest {
  private static Node node(int id, long incarnation) {
    return new Node(new NodeId(id), "host", 1, "", incarnation, NodeState.ACTIVE);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 32_767, 32_768, 65_534})
  void ofOneNodeTheLaterIsLarger(int id) {
    long first = BatchNumber.of(node(id, 1), 1);
    long second = BatchNumber.of(node(id, 1), 2);
    long afterRestart = BatchNumber.of(node(id, 2), 1);
    assertThat(BatchNumber.source(first)).isEqualTo(id);
    assertThat(BatchNumber.isLater(second, first)).isTrue();
    assertThat(BatchNumber.isLater(first, second)).isFalse();
    assertThat(BatchNumber.isLater(first, first)).isFalse();
    assertThat(BatchNumber.isLater(afterRestart, second)).isTrue();
    assertThat(BatchNumber.isLater(second, afterRestart)).isFalse();
  }

  @Test
  void ofTwoNodesNeitherIsLater() {
    long one = BatchNumber.of(node(1, 1), 7);
    long other = BatchNumber.of(node(2, 1), 3);
    assertThat(BatchNumber.isLater(one, other)).isFalse();
    assertThat(BatchNumber.isLater(other, one)).isFalse();
  }
}
