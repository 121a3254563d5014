package io.adhocfs.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ClockSkewTest {
  private static final long LIMIT = 100;

  @Test
  void whatTheWayTakesIsNoSkew() {
    // Asked at 1,000, answered at 4,000; the node read its clock somewhere in between.
    for (long clock : new long[] {1000, 2500, 4000}) {
      ClockSkew skew = ClockSkew.of(clock, 1000, 4000);
      assertThat(skew.surelyNanos()).isZero();
      // Not known to be right either: there is reason to ask again.
      assertThat(skew.isWithin(LIMIT)).isFalse();
    }
  }

  @Test
  void onlyWhatExceedsTheWayIsTold() {
    assertThat(ClockSkew.of(5000, 1000, 4000).surelyNanos()).isEqualTo(1000);
    assertThat(ClockSkew.of(400, 1000, 4000).surelyNanos()).isEqualTo(-600);
  }

  @Test
  void aQuickAnswerOfARightClockIsEnough() {
    assertThat(ClockSkew.of(1050, 1000, 1100).isWithin(LIMIT)).isTrue();
    assertThat(ClockSkew.of(1201, 1000, 1100).isWithin(LIMIT)).isFalse();
    assertThat(ClockSkew.of(899, 1000, 1100).isWithin(LIMIT)).isFalse();
  }
}
