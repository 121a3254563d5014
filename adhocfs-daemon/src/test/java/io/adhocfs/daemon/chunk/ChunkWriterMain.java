package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A process to be killed: writes and cuts files, and says each step on standard output before it
 * begins ({@code >}) and after it is done ({@code =}).
 */
final class ChunkWriterMain {
  static final int CHUNK = 16 << 10;
  static final int FILES = 5;
  static final int CHUNKS = 8;
  static final FileLayout LAYOUT = new FileLayout(CHUNK, 500, 1, 0, false);

  private ChunkWriterMain() {}

  static InodeId inode(int file, long incarnation) {
    return InodeId.of(new SlotId(file), incarnation);
  }

  static FileChunkStore open(Path directory, RocksSlotStore database) throws Exception {
    return new FileChunkStore(
        Threads.SYSTEM,
        new LocalDisk(directory.resolve("chunks")),
        database,
        new FileChunkStore.Limits(1 << 20, 0, 3),
        // At once, so that deaths meet chunks at every step.
        new FileChunkStore.Sealing(true, 0),
        PooledByteBufAllocator.DEFAULT);
  }

  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[0]);
    var random = new Random(Long.parseLong(arguments[1]));
    var database = new RocksSlotStore(directory.resolve("metadata"), 1 << 28);
    FileChunkStore store = open(directory, database);
    var generations = new long[FILES];
    var incarnations = new long[FILES];
    Arrays.fill(generations, 1);
    Arrays.fill(incarnations, 1);
    for (long step = 1; ; step++) {
      int file = random.nextInt(FILES);
      int chunk = random.nextInt(CHUNKS);
      InodeId inode = inode(file, incarnations[file]);
      switch (random.nextInt(10)) {
        case 0 -> {
          long generation = ++generations[file];
          say("> cut", file, incarnations[file], chunk, generation);
          store.discard(
              inode, LAYOUT, generation, (long) chunk * CHUNK, Long.MAX_VALUE, slot -> true);
          say("= cut", file, incarnations[file], chunk, generation);
        }
        case 1 -> {
          say("> forget", file, incarnations[file], 0, 0);
          store.discard(inode, LAYOUT, ChunkStore.FORGET, 0, Long.MAX_VALUE, slot -> true);
          say("= forget", file, incarnations[file], 0, 0);
          incarnations[file]++;
          generations[file] = 1;
        }
        default -> {
          ByteBuf payload = PooledByteBufAllocator.DEFAULT.directBuffer(CHUNK);
          while (payload.readableBytes() < CHUNK) {
            payload.writeLong(step);
          }
          say("> write", file, incarnations[file], chunk, step);
          SpanOutcome[] outcomes =
              store.write(
                  inode,
                  LAYOUT,
                  generations[file],
                  List.of(new ChunkSpan(chunk, 0, CHUNK)),
                  payload);
          payload.release();
          if (outcomes[0] != SpanOutcome.DONE) {
            throw new IllegalStateException("write " + outcomes[0]);
          }
          say("= write", file, incarnations[file], chunk, step);
        }
      }
    }
  }

  private static void say(String what, int file, long incarnation, int chunk, long value) {
    System.out.println(what + " " + file + " " + incarnation + " " + chunk + " " + value);
    System.out.flush();
  }
}
