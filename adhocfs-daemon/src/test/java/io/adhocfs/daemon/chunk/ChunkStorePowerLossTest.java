package io.adhocfs.daemon.chunk;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.slot.MemorySlotStore;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * The power of a disk fails while chunks are written, cut and synced: what a sync has returned for
 * is there, whatever was changed since is old or new, and no other bytes show.
 */
class ChunkStorePowerLossTest {
  private static final int ROUNDS = Boolean.getBoolean("adhocfs.full") ? 5000 : 200;
  private static final int CHUNK = 64 << 10;
  private static final int CHUNKS = 4;
  private static final int UNIT = 4096;
  private static final int UNITS_OF_A_CHUNK = CHUNK / UNIT;
  private static final InodeId FILE = InodeId.of(new SlotId(5), 9);
  private static final FileLayout LAYOUT = new FileLayout(CHUNK, 5, 1, 0, false);

  /** One life of a disk. */
  private static final class Life {
    final SplittableRandom random;
    final MemoryDisk disk = new MemoryDisk(1L << 30);
    final MemorySlotStore records = new MemorySlotStore();

    /** Per unit the byte that it is full of, and those that it was full of since the last sync. */
    final byte[] now = new byte[CHUNKS * UNITS_OF_A_CHUNK];

    final List<BitSet> possible = new ArrayList<>();

    /** Chunks that have been there at a sync. */
    final BitSet synced = new BitSet();

    final BitSet written = new BitSet();
    long generation = 1;
    byte stamp;

    Life(long seed) {
      random = new SplittableRandom(seed);
      for (byte _ : now) {
        possible.add(new BitSet(256));
      }
      forgetWhatWas();
    }

    void forgetWhatWas() {
      for (int unit = 0; unit < now.length; unit++) {
        possible.get(unit).clear();
        possible.get(unit).set(Byte.toUnsignedInt(now[unit]));
      }
    }

    FileChunkStore open() throws Exception {
      return new FileChunkStore(
          Threads.SYSTEM,
          disk,
          records,
          new FileChunkStore.Limits(1 << 20, 0, 4),
          new FileChunkStore.Sealing(true, 0),
          PooledByteBufAllocator.DEFAULT);
    }

    void set(int unit, byte value) {
      now[unit] = value;
      possible.get(unit).set(Byte.toUnsignedInt(value));
    }

    void write(FileChunkStore store) {
      int unit = random.nextInt(now.length);
      int within = unit % UNITS_OF_A_CHUNK;
      int units = 1 + random.nextInt(UNITS_OF_A_CHUNK - within);
      stamp = (byte) (stamp == 127 ? 1 : stamp + 1);
      ByteBuf payload = PooledByteBufAllocator.DEFAULT.directBuffer(units * UNIT);
      for (int i = 0; i < units * UNIT; i++) {
        payload.writeByte(stamp);
      }
      var span = new ChunkSpan(unit / UNITS_OF_A_CHUNK, within * UNIT, units * UNIT);
      assertThat(store.write(FILE, LAYOUT, generation, List.of(span), payload))
          .containsOnly(SpanOutcome.DONE);
      payload.release();
      written.set(unit / UNITS_OF_A_CHUNK);
      for (int i = unit; i < unit + units; i++) {
        set(i, stamp);
      }
    }

    void cut(FileChunkStore store) throws Exception {
      int unit = random.nextInt(now.length);
      generation++;
      store.discardOnDisk(
          FILE, LAYOUT, generation, (long) unit * UNIT, FileLayout.FILE_BYTES_MAX, _ -> true);
      for (int i = unit; i < now.length; i++) {
        set(i, (byte) 0);
      }
      // What is written there from now on is another chunk, which nobody has synced.
      int firstGone = (unit + UNITS_OF_A_CHUNK - 1) / UNITS_OF_A_CHUNK;
      written.clear(firstGone, CHUNKS);
      synced.clear(firstGone, CHUNKS);
      if (random.nextInt(3) == 0) {
        store.syncDiscards(List.of(new ChunkStore.Dropped(FILE, LAYOUT)));
        forgetWhatWas();
      }
    }

    void sync(FileChunkStore store) throws Exception {
      store.sync(FILE);
      forgetWhatWas();
      synced.or(written);
    }

    void check(FileChunkStore store) {
      for (int chunk = 0; chunk < CHUNKS; chunk++) {
        var span = new ChunkSpan(chunk, 0, CHUNK);
        ChunkStore.ChunkBytes answer = store.read(FILE, LAYOUT, generation, List.of(span));
        if (answer.outcomes()[0] == SpanOutcome.DONE) {
          for (int i = 0; i < CHUNK; i++) {
            int value = answer.payload().getUnsignedByte(answer.payload().readerIndex() + i);
            int unit = chunk * UNITS_OF_A_CHUNK + i / UNIT;
            assertThat(possible.get(unit).get(value))
                .as("byte %d of chunk %d is %d, not of %s", i, chunk, value, possible.get(unit))
                .isTrue();
          }
        } else {
          // What nobody has synced may have come in pieces that do not fit together.
          assertThat(synced.get(chunk)).as("chunk " + chunk + " was synced once").isFalse();
        }
        answer.payload().release();
      }
    }
  }

  @Test
  void whatWasSyncedIsThereAndNothingForeign() throws Exception {
    Long given = Long.getLong("adhocfs.seed");
    long seed = given != null ? given : System.nanoTime();
    System.out.println("replay with -Dadhocfs.seed=" + seed);
    for (int round = 0; round < ROUNDS; round++) {
      var life = new Life(seed + round);
      FileChunkStore store = life.open();
      try {
        int steps = 1 + life.random.nextInt(40);
        for (int step = 0; step < steps; step++) {
          switch (life.random.nextInt(8)) {
            case 0 -> life.sync(store);
            case 1 -> life.cut(store);
            default -> life.write(store);
          }
        }
      } finally {
        // A process that dies seals nothing more.
        store.goWithData();
        store.close();
      }
      life.disk.losePower(life.random);
      life.records.losePower(life.random.nextInt(life.records.unsyncedCommits() + 1));
      store = life.open();
      store.dropUnsynced();
      try {
        life.check(store);
      } catch (AssertionError e) {
        throw new AssertionError("seed " + (seed + round) + ": " + e.getMessage(), e);
      } finally {
        store.close();
      }
    }
  }
}
