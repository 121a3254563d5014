package io.adhocfs.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class DescriptorSharesTest {
  @Test
  void sharesNeverExceedTheLimitAndReachTheirMost() throws Exception {
    for (long limit = DescriptorShares.NEEDED; limit < 20_000; limit += 7) {
      DescriptorShares shares = DescriptorShares.of(limit);
      assertThat(
              DescriptorShares.FIXED
                  + shares.chunkFiles()
                  + shares.databaseFiles()
                  + shares.connections()
                  + shares.unproved())
          .as("of %d", limit)
          .isLessThanOrEqualTo((int) limit);
    }
    DescriptorShares all = DescriptorShares.of(Long.MAX_VALUE);
    assertThat(all.chunkFiles()).isEqualTo(1024);
    assertThat(all.connections()).isEqualTo(4096);
    assertThat(all.warning()).isNull();
    assertThat(DescriptorShares.of(12_000))
        .isEqualTo(
            new DescriptorShares(
                12_000, all.chunkFiles(), all.databaseFiles(), all.connections(), all.unproved()));
  }

  @Test
  void aLowLimitIsSaidAndTooLowAOneIsRefusedWithTheNumberThatIsNeeded() throws Exception {
    assertThat(DescriptorShares.of(1024).warning()).contains("1024", "ulimit -Hn");
    assertThatThrownBy(() -> DescriptorShares.of(DescriptorShares.NEEDED - 1))
        .hasMessageContaining(String.valueOf(DescriptorShares.NEEDED))
        .hasMessageContaining("ulimit");
  }
}
