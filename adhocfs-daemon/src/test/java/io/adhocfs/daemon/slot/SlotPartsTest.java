package io.adhocfs.daemon.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SlotPartsTest {
  private final MemorySlotStore store = new MemorySlotStore();
  private final SlotParts parts = new SlotParts(store);
  private final List<String> told = new ArrayList<>();

  /** Says what it is told. */
  private final class Part implements SlotPart {
    private final String name;
    private final Set<RecordKind> kinds;

    Part(String name, RecordKind... kinds) {
      this.name = name;
      this.kinds = Set.of(kinds);
    }

    @Override
    public Set<RecordKind> kinds() {
      return kinds;
    }

    @Override
    public void expect(BitSet slots) {
      told.add(name + " expects " + slots);
    }

    @Override
    public void found(int slot, byte[] key, byte[] value) {
      told.add("%s finds %d of %d".formatted(name, value[0], slot));
    }

    @Override
    public void takeUp(BitSet slots) {
      told.add(name + " takes up " + slots);
    }

    @Override
    public void forget(BitSet slots) {
      told.add(name + " forgets " + slots);
    }

    @Override
    public int pending() {
      return 2;
    }
  }

  private static BitSet slots(int... slots) {
    var bits = new BitSet();
    for (int slot : slots) {
      bits.set(slot);
    }
    return bits;
  }

  private void put(int slot, RecordKind kind, int value) throws FsException {
    var batch = new SlotBatch();
    batch.put(Keys.key(slot, kind, value), new byte[] {(byte) value});
    store.commit(batch);
  }

  @Test
  void partsAreShownTheirKindsOfSlotsThatComeAndGoOnAfterwards() throws Exception {
    put(3, RecordKind.INODE, 1);
    put(3, RecordKind.PIN, 2);
    put(3, RecordKind.LOCK, 3);
    put(4, RecordKind.LOCK, 4);
    put(9, RecordKind.INODE, 5);
    put(9, RecordKind.DENTRY, 6);
    put(65_535, RecordKind.PIN, 7);
    put(65_535, RecordKind.CHUNK_FLOOR, 8);
    parts.add(new Part("a", RecordKind.LOCK));
    parts.add(new Part("b", RecordKind.PIN, RecordKind.LOCK));
    parts.add(new Part("c"));
    parts.takeUp(slots(2, 3, 9, 65_535));
    assertThat(told)
        .containsExactly(
            "b finds 2 of 3",
            "a finds 3 of 3",
            "b finds 3 of 3",
            "b finds 7 of 65535",
            "a takes up {2, 3, 9, 65535}",
            "b takes up {2, 3, 9, 65535}",
            "c takes up {2, 3, 9, 65535}");
    assertThat(parts.takenUp()).isEqualTo(slots(2, 3, 9, 65_535));
    assertThat(parts.pending()).isEqualTo(6);
  }

  @Test
  void allPartsHearOfSlotsThatAreExpectedAndThatHaveGone() throws Exception {
    parts.add(new Part("a"));
    parts.add(new Part("b"));
    parts.expect(slots(1));
    parts.takeUp(slots(1));
    told.clear();
    parts.expect(slots(5));
    parts.forget(slots(1));
    assertThat(told)
        .containsExactly("a expects {5}", "b expects {5}", "a forgets {1}", "b forgets {1}");
    assertThat(parts.takenUp().isEmpty()).isTrue();
  }

  @Test
  void noPartComesLate() throws Exception {
    parts.takeUp(slots(1));
    assertThatThrownBy(() -> parts.add(new Part("a"))).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aPartThatKeepsSomethingOfASlotThatHasGoneViolatesAnInvariant() throws FsException {
    parts.add(
        new SlotPart() {
          @Override
          public List<String> kept(BitSet slots) {
            return slots.get(5) ? List.of("a promise") : List.of();
          }
        });
    parts.takeUp(slots(4));
    parts.forget(slots(4));
    assertThatThrownBy(() -> parts.takeUp(slots(4, 5)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("of slots that come: [a promise]");
    assertThatThrownBy(() -> parts.forget(slots(5)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("of slots that have gone: [a promise]");
  }
}
