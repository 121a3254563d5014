package io.adhocfs.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SlurmNodesTest {
  @Test
  void expandsRangesWithTheirZeros() {
    assertThat(SlurmNodes.expand("cn[008-011,7],gpu1,r[1-2]n[09-10]"))
        .containsExactly(
            "cn008", "cn009", "cn010", "cn011", "cn7", "gpu1", "r1n09", "r1n10", "r2n09", "r2n10");
  }

  @Test
  void refusesWhatIsNoList() {
    for (String list : new String[] {"a[1", "a1]", "a[]", "a[1-2-3]", "a[x]", "a[1-99999999]"}) {
      assertThatThrownBy(() -> SlurmNodes.expand(list))
          .as(list)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
