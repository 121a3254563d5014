package io.adhocfs.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What may be a name. */
final class EntryNameTest {
  private static FsError refusal(byte... bytes) {
    try {
      throw new AssertionError("accepted " + EntryName.of(bytes));
    } catch (FsException e) {
      return e.error();
    }
  }

  @Test
  void takesOneTo255BytesOfAnything() throws FsException {
    for (int value = 1; value < 256; value++) {
      if (value != '/' && value != '.') {
        byte[] bytes = {(byte) value};
        assertThat(EntryName.of(bytes).bytes()).isEqualTo(bytes);
      }
    }
    byte[] longest = new byte[255];
    Arrays.fill(longest, (byte) 0xFF);
    assertThat(EntryName.of(longest).length()).isEqualTo(255);
    assertThat(EntryName.ofText("...").length()).isEqualTo(3);
    assertThat(EntryName.ofText(".a").length()).isEqualTo(2);
  }

  @Test
  void refusesEverythingElseByItsError() {
    byte[] tooLong = new byte[256];
    Arrays.fill(tooLong, (byte) 'a');
    assertThat(refusal(tooLong)).isEqualTo(FsError.NAME_TOO_LONG);
    assertThat(refusal()).isEqualTo(FsError.NOT_FOUND);
    assertThat(refusal((byte) 'a', (byte) '/')).isEqualTo(FsError.INVALID);
    assertThat(refusal((byte) 'a', (byte) 0, (byte) 'b')).isEqualTo(FsError.INVALID);
    assertThat(refusal((byte) '.')).isEqualTo(FsError.INVALID);
    assertThat(refusal((byte) '.', (byte) '.')).isEqualTo(FsError.INVALID);
  }

  @Test
  void isEqualByItsBytes() throws FsException {
    // The same text to a reader, other bytes.
    EntryName composed = EntryName.ofText("\u00e9");
    EntryName decomposed = EntryName.ofText("e\u0301");
    assertThat(composed).isNotEqualTo(decomposed).isEqualTo(EntryName.ofText("\u00e9"));
    EntryName one = EntryName.of(new byte[] {(byte) 0xFE});
    EntryName two = EntryName.of(new byte[] {(byte) 0xFF});
    assertThat(one.toString()).isEqualTo(two.toString());
    assertThat(one).isNotEqualTo(two);
  }

  @Test
  void identifiersCheckTheirRange() {
    assertThatThrownBy(() -> new SlotId(SlotId.COUNT)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new SlotId(-1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new NodeId(1 << 16)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new SessionId(0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> InodeId.of(SlotId.ROOT, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> InodeId.of(SlotId.ROOT, 1L << 48))
        .isInstanceOf(IllegalArgumentException.class);
    InodeId last = InodeId.of(new SlotId(SlotId.COUNT - 1), InodeId.COUNTER_MAX);
    assertThat(last.value()).isEqualTo(-1);
    assertThat(last.slotValue()).isEqualTo(SlotId.COUNT - 1);
    assertThat(last).isGreaterThan(InodeId.ROOT);
    assertThat(InodeId.ROOT.slot()).isEqualTo(SlotId.ROOT);
  }
}
