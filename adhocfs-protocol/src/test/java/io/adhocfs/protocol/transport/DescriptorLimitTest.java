package io.adhocfs.protocol.transport;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class DescriptorLimitTest {
  @Test
  void readsTheSoftLimitOfTheKernelsTable() {
    String head =
        "Limit                     Soft Limit           Hard Limit           Units     \n";
    assertThat(
            DescriptorLimit.parse(
                head
                    + "Max processes             127           127          processes \n"
                    + "Max open files            1024                 4096                 files     \n"))
        .isEqualTo(1024);
    assertThat(
            DescriptorLimit.parse(
                head + "Max open files            unlimited            unlimited            files"))
        .isEqualTo(Long.MAX_VALUE);
    assertThat(DescriptorLimit.parse(head)).isEqualTo(Long.MAX_VALUE);
    assertThat(DescriptorLimit.ofThisProcess()).isPositive();
  }
}
