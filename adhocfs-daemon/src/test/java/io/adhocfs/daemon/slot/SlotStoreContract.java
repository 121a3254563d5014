package io.adhocfs.daemon.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every slot store does. */
abstract class SlotStoreContract {
  private static final int SLOT = 40_000;

  SlotStore store;

  /** A store without records. */
  abstract SlotStore open() throws Exception;

  /** The same records after the process has ended and another has opened them. */
  abstract SlotStore reopen(SlotStore store) throws Exception;

  @BeforeEach
  void openStore() throws Exception {
    store = open();
  }

  @AfterEach
  void closeStore() {
    store.close();
  }

  private static byte[] key(int slot, long number) {
    return Keys.key(slot, RecordKind.INODE, number);
  }

  private static byte[] value(int number) {
    return new byte[] {(byte) number};
  }

  private void put(long number, int value) throws FsException {
    var batch = new SlotBatch();
    batch.put(key(SLOT, number), value(value));
    store.commit(batch);
  }

  private static List<Long> numbers(SlotStore.Cursor cursor, byte[] from) throws FsException {
    List<Long> numbers = new ArrayList<>();
    for (boolean found = cursor.seek(from); found; found = cursor.next()) {
      numbers.add(Keys.number(cursor.key(), 0));
    }
    return numbers;
  }

  private List<Long> numbers() throws FsException {
    try (SlotStore.Cursor cursor = store.cursor()) {
      return numbers(cursor, new byte[0]);
    }
  }

  @Test
  void keepsWhatWasCommitted() throws Exception {
    assertThat(store.get(key(SLOT, 1))).isNull();
    put(1, 10);
    put(2, 20);
    put(1, 11);
    assertThat(store.get(key(SLOT, 1))).isEqualTo(value(11));
    store = reopen(store);
    assertThat(store.get(key(SLOT, 1))).isEqualTo(value(11));
    assertThat(numbers()).containsExactly(1L, 2L);
  }

  @Test
  void theLastChangeOfAKeyCounts() throws Exception {
    var first = new SlotBatch();
    first.put(key(SLOT, 1), value(1));
    first.put(key(SLOT, 2), value(2));
    first.put(key(SLOT, 3), value(3));
    var second = new SlotBatch();
    second.remove(key(SLOT, 1));
    second.removeRange(key(SLOT, 2), key(SLOT, 4));
    second.put(key(SLOT, 3), value(33));
    second.remove(key(SLOT, 99));
    store.commit(first, second);
    assertThat(numbers()).containsExactly(3L);
    assertThat(store.get(key(SLOT, 3))).isEqualTo(value(33));
  }

  @Test
  void aRangeEndsBeforeItsEnd() throws Exception {
    for (int number = 1; number <= 5; number++) {
      put(number, number);
    }
    var batch = new SlotBatch();
    batch.removeRange(key(SLOT, 2), key(SLOT, 4));
    store.commit(batch);
    assertThat(numbers()).containsExactly(1L, 4L, 5L);
    assertThatThrownBy(() -> batch.removeRange(key(SLOT, 2), key(SLOT + 1, 4)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void cursorsGoByTheBytesOfKeys() throws Exception {
    var batch = new SlotBatch();
    for (int slot : new int[] {65_535, 0, 32_768, 32_767}) {
      batch.put(key(slot, slot), value(1));
    }
    store.commit(batch);
    assertThat(numbers()).containsExactly(0L, 32_767L, 32_768L, 65_535L);
    try (SlotStore.Cursor cursor = store.cursor(key(32_768, 32_768))) {
      assertThat(numbers(cursor, key(1, 0))).containsExactly(32_767L);
      assertThat(cursor.seek(key(40_000, 0))).isFalse();
    }
  }

  @Test
  void cursorsSeeTheRecordsAsTheyWere() throws Exception {
    put(1, 1);
    put(2, 2);
    try (SlotStore.Cursor cursor = store.cursor()) {
      put(3, 3);
      var batch = new SlotBatch();
      batch.remove(key(SLOT, 1));
      batch.put(key(SLOT, 2), value(22));
      store.commit(batch);
      assertThat(numbers(cursor, new byte[0])).containsExactly(1L, 2L);
      assertThat(cursor.seek(key(SLOT, 2))).isTrue();
      assertThat(cursor.value()).isEqualTo(value(2));
    }
    assertThat(numbers()).containsExactly(2L, 3L);
  }

  private static String told(SlotChange change) {
    return switch (change) {
      case RecordChange.Put(byte[] key, byte[] value) ->
          "put " + Keys.number(key, 0) + " " + value[0];
      case RecordChange.Removed(byte[] key) -> "removed " + Keys.number(key, 0);
      case RecordChange.RangeRemoved(byte[] from, byte[] to) ->
          "removed " + Keys.number(from, 0) + " to " + Keys.number(to, 0);
      case ChunkWritten written -> "written " + written.chunkIndex();
    };
  }

  private static BitSet slots(int... slots) {
    var bits = new BitSet();
    for (int slot : slots) {
      bits.set(slot);
    }
    return bits;
  }

  @Test
  void theStreamIsToldOfEveryChangeInOrder() throws Exception {
    List<String> told = new ArrayList<>();
    put(1, 1);
    assertThat(store.stream().isHeard()).isFalse();
    try (var _ = store.stream().listenBeforeAnswer(slots(SLOT), change -> told.add(told(change)))) {
      assertThat(store.stream().isHeard()).isTrue();
      var first = new SlotBatch();
      first.put(key(SLOT, 2), value(2));
      first.put(key(SLOT + 1, 3), value(3));
      first.removeRange(key(SLOT, 5), key(SLOT, 7));
      var second = new SlotBatch();
      second.remove(key(SLOT, 2));
      store.commit(first, second);
    }
    put(9, 9);
    assertThat(told).containsExactly("put 2 2", "removed 5 to 7", "removed 2");
    assertThat(store.stream().isHeard()).isFalse();
  }

  @Test
  void listenersHearOfTheirOwnSlotsAndAtTheirOwnTime() throws Exception {
    List<String> before = new ArrayList<>();
    List<String> after = new ArrayList<>();
    List<Runnable> later = new ArrayList<>();
    try (var first =
            store.stream().listenBeforeAnswer(slots(SLOT, 7), change -> before.add(told(change)));
        var _ =
            store.stream()
                .listenAfter(slots(SLOT), later::add, change -> after.add(told(change)))) {
      put(1, 1);
      first.only(slots(7));
      put(2, 2);
      var other = new SlotBatch();
      other.put(key(7, 3), value(3));
      store.commit(other);
      assertThat(before).containsExactly("put 1 1", "put 3 3");
      assertThat(after).isEmpty();
      later.forEach(Runnable::run);
      assertThat(after).containsExactly("put 1 1", "put 2 2");
    }
  }

  @Test
  void behavesAsASortedMap() throws Exception {
    long seed = new Random().nextLong();
    var random = new Random(seed);
    NavigableMap<byte[], byte[]> model = new TreeMap<>(Arrays::compareUnsigned);
    for (int round = 0; round < 300; round++) {
      var batches = new SlotBatch[1 + random.nextInt(3)];
      for (int i = 0; i < batches.length; i++) {
        batches[i] = new SlotBatch();
        for (int change = random.nextInt(6); change > 0; change--) {
          int slot = random.nextInt(3) * 32_767;
          byte[] key = key(slot, random.nextInt(40));
          switch (random.nextInt(8)) {
            case 0 -> {
              byte[] end = key(slot, Keys.number(key, 0) + random.nextInt(10));
              batches[i].removeRange(key, end);
              model.subMap(key, end).clear();
            }
            case 1, 2 -> {
              batches[i].remove(key);
              model.remove(key);
            }
            default -> {
              byte[] value = value(random.nextInt(128));
              batches[i].put(key, value);
              model.put(key, value);
            }
          }
        }
      }
      store.commit(batches);
      if (round % 50 == 49) {
        store = reopen(store);
      }
    }
    List<String> found = new ArrayList<>();
    try (SlotStore.Cursor cursor = store.cursor()) {
      for (boolean any = cursor.seek(new byte[0]); any; any = cursor.next()) {
        found.add(Arrays.toString(cursor.key()) + Arrays.toString(cursor.value()));
      }
    }
    List<String> wanted = new ArrayList<>();
    for (Map.Entry<byte[], byte[]> one : model.entrySet()) {
      wanted.add(Arrays.toString(one.getKey()) + Arrays.toString(one.getValue()));
    }
    assertThat(found).as("seed " + seed).isEqualTo(wanted);
  }
}
