package io.adhocfs.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class AttributeChangeTest {
  @Test
  void setsWhatItWasGiven() {
    AttributeChange change = AttributeChange.NONE.withUid(-1).withMtimeNanos(7);
    assertThat(change.setsUid() && change.setsMtime()).isTrue();
    assertThat(change.setsMode() || change.setsGid() || change.setsAtime() || change.setsDataset())
        .isFalse();
    assertThat(change.uid()).isEqualTo(-1);
    assertThat(change.mtimeNanos()).isEqualTo(7);
    assertThat(change.isEmpty()).isFalse();
    assertThat(AttributeChange.NONE.isEmpty()).isTrue();
    assertThat(AttributeChange.NONE.withCtimeNanos(0).isEmpty()).isFalse();
  }

  @Test
  void theChangeTimeIsTheClocksUnlessItIsGiven() {
    assertThat(AttributeChange.NONE.withMode(0600).at(5).ctimeNanos()).isEqualTo(5);
    assertThat(AttributeChange.NONE.withCtimeNanos(-3).at(5).ctimeNanos()).isEqualTo(-3);
  }

  @Test
  void aChangeOfTheDatasetAloneLeavesTheChangeTime() {
    assertThat(AttributeChange.NONE.withDataset(1).setsCtime()).isFalse();
    assertThat(AttributeChange.NONE.withDataset(1).withUid(2).setsCtime()).isTrue();
  }

  @Test
  void aNewOwnerTakesSetIdBitsAwayUnlessTheModeIsSet() {
    assertThat(AttributeChange.NONE.withGid(1).takesSetIdAway()).isTrue();
    assertThat(AttributeChange.NONE.withSetIdCleared().takesSetIdAway()).isTrue();
    assertThat(AttributeChange.NONE.withGid(1).withMode(06755).takesSetIdAway()).isFalse();
    assertThat(AttributeChange.NONE.withMtimeNanos(1).takesSetIdAway()).isFalse();
  }

  @Test
  void modesHaveNoOtherBits() {
    assertThatThrownBy(() -> AttributeChange.NONE.withMode(010000))
        .isInstanceOf(IllegalArgumentException.class);
    int mode = AttributeChange.NONE.withMode(0).mask();
    assertThatThrownBy(() -> new AttributeChange(mode, -1, 0, 0, 0, 0, 0, 0).check())
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.INVALID));
    assertThatCode(() -> new AttributeChange(0, -1, 0, 0, 0, 0, 0, 0).check())
        .doesNotThrowAnyException();
  }
}
