package io.adhocfs.protocol.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.wire.ControlValues;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SlotSetTest {
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());

  private static ByteBuf written(SlotSet slots) {
    ByteBuf out = Unpooled.buffer();
    ControlValues.writeSlots(new WireWriter(out), slots);
    return out;
  }

  private static SlotSet back(SlotSet slots) throws FsException {
    return ControlValues.readSlots(new WireReader(written(slots)));
  }

  @Test
  void comesBackInTheShortestForm() throws FsException {
    SlotSet all = SlotSet.of(IntStream.range(0, SlotId.COUNT));
    assertThat(back(all)).isEqualTo(all);
    assertThat(written(all).readableBytes()).isEqualTo(9);
    SlotSet few = SlotSet.of(3, 65535, 0);
    assertThat(back(few)).isEqualTo(few);
    assertThat(written(few).readableBytes()).isEqualTo(11);
    SlotSet even = SlotSet.of(IntStream.range(0, SlotId.COUNT / 2).map(i -> 2 * i));
    assertThat(back(even)).isEqualTo(even);
    assertThat(written(even).readableBytes()).isEqualTo(8197);
    assertThat(back(SlotSet.EMPTY)).isEqualTo(SlotSet.EMPTY);
  }

  @Test
  void randomSetsComeBack() throws FsException {
    var random = new SplittableRandom(SEED);
    for (int i = 0; i < 200; i++) {
      int start = random.nextInt(SlotId.COUNT);
      int length = random.nextInt(SlotId.COUNT - start + 1);
      int part = 1 + random.nextInt(100);
      SlotSet slots =
          SlotSet.of(
              random
                  .ints(length, start, start + length + 1)
                  .filter(slot -> slot < SlotId.COUNT && slot % 100 < part));
      assertThat(back(slots)).as("seed %d, set %d", SEED, i).isEqualTo(slots);
      assertThat(slots.stream().count()).isEqualTo(slots.size());
      assertThat(written(slots).readableBytes()).isLessThanOrEqualTo(8197);
    }
  }

  @Test
  void isASetAndHasItsOrder() {
    SlotSet slots = SlotSet.of(9, 3, 9, 4);
    assertThat(slots).containsExactly(3, 4, 9);
    assertThat(slots.size()).isEqualTo(3);
    assertThat(slots.minus(SlotSet.of(4))).containsExactly(3, 9);
    assertThat(slots.plus(SlotSet.of(1))).containsExactly(1, 3, 4, 9);
    assertThat(slots.intersects(SlotSet.of(4))).isTrue();
    assertThat(slots.intersects(SlotSet.of(5))).isFalse();
    assertThat(slots).hasToString("3 slots 3-4, 9");
    assertThatThrownBy(() -> SlotSet.of(SlotId.COUNT)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void refusesFormsThatCannotBe() {
    for (byte[] bytes :
        new byte[][] {
          {3, 0, 0, 0, 0},
          {0, 0, 0, 0, 2, 0, 5, 0, 5},
          {1, 0, 0, 0, 1, 0, 5},
          {1, 0, 0, 0, 2, 0, 5, 0, 4},
          {2, 0, 0, 0, 1, 0},
        }) {
      assertThatThrownBy(
              () -> ControlValues.readSlots(new WireReader(Unpooled.wrappedBuffer(bytes))))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
