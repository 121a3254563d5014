package io.adhocfs.protocol.placement;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The formulas are part of the on-disk format: the values pinned here never change. */
final class PlacementTest {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());

  private static EntryName name(String text) throws FsException {
    return EntryName.ofText(text);
  }

  @Test
  void hashesOfNamesArePinned() throws FsException {
    assertThat(Long.toHexString(name("a").hash())).isEqualTo("7363195b0f4b270f");
    assertThat(Long.toHexString(name("data.bin").hash())).isEqualTo("22e5f762bd66dbd6");
    assertThat(Long.toHexString(name("checkpoint-000123.h5").hash())).isEqualTo("3b63395adaa54d12");
    assertThat(Long.toHexString(name("\u00e9t\u00e9").hash())).isEqualTo("2293842d9af5c12a");
    assertThat(Long.toHexString(EntryName.of(new byte[] {(byte) 0xFF, 1}).hash()))
        .isEqualTo("2a75b1a4b5e7b79b");
    assertThat(Long.toHexString(name("x".repeat(255)).hash())).isEqualTo("15f4a9cc15645ece");
  }

  @Test
  void slotsArePinned() throws FsException {
    InodeId directory = InodeId.of(new SlotId(0x1234), 77);
    assertThat(Placement.partitionSlot(directory, 0)).isEqualTo(new SlotId(0x1234));
    assertThat(Placement.partitionSlot(directory, 1).value()).isEqualTo(0x1235);
    assertThat(Placement.partitionSlot(directory, 65535).value()).isEqualTo(0x1233);
    assertThat(Placement.newDirectorySlot(InodeId.ROOT, name("home")).value()).isEqualTo(31531);
    assertThat(Placement.newDirectorySlot(directory, name("home")).value()).isEqualTo(54268);
    assertThat(Placement.wideFirstSlot(InodeId.ROOT)).isEqualTo(31022);
    assertThat(Placement.wideFirstSlot(directory)).isEqualTo(61149);
    assertThat(Placement.entrySlot(directory, 0, name("a"))).isEqualTo(new SlotId(0x1234));
    assertThat(Placement.entrySlot(directory, 8, name("a")).value()).isEqualTo(0x1234 + 0xE6);
  }

  @Test
  void partitionsAreTheTopBitsOfTheHash() throws FsException {
    var random = new SplittableRandom(SEED);
    for (int i = 0; i < 2000; i++) {
      EntryName name = name("n" + random.nextLong());
      assertThat(name.hash()).isBetween(EntryName.HASH_MIN, Long.MAX_VALUE);
      assertThat(Placement.partition(name, 0)).isZero();
      for (int k = 1; k <= 16; k++) {
        int partition = Placement.partition(name, k);
        assertThat(partition).isBetween(0, (1 << k) - 1);
        // Doubling splits each partition in two neighbours, so a listing in hash order goes on.
        assertThat(partition >> 1).isEqualTo(Placement.partition(name, k - 1));
      }
    }
  }

  @Test
  void chunksOfAWideFileLieOneSlotFurtherEach() {
    var wide = new FileLayout(4096, SlotId.COUNT - 2, 1, 0, false);
    assertThat(Placement.chunkSlot(wide, 0)).isEqualTo(new SlotId(SlotId.COUNT - 2));
    assertThat(Placement.chunkSlot(wide, 1)).isEqualTo(new SlotId(SlotId.COUNT - 1));
    assertThat(Placement.chunkSlot(wide, 2)).isEqualTo(new SlotId(0));
    assertThat(Placement.chunkSlot(wide, 1L << 51)).isEqualTo(new SlotId(SlotId.COUNT - 2));
    var local = new FileLayout(4096, 5, 0, 0, false);
    assertThat(Placement.chunkSlot(local, 1L << 50)).isEqualTo(new SlotId(5));
  }

  @Test
  void newDirectoriesSpread() throws FsException {
    Set<Integer> slots = new HashSet<>();
    for (int i = 0; i < 4096; i++) {
      slots.add(Placement.newDirectorySlot(InodeId.ROOT, name("rank-" + i)).value());
    }
    // Drawn at random, 4096 of 65536 slots would be 3970 different ones.
    assertThat(slots).hasSizeGreaterThan(3850);
  }
}
