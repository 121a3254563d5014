package io.adhocfs.daemon.chunk;

import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.model.FsError;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** The formats of chunk records, for {@code RecordsFuzzTest}. */
public final class ChunkFormats {
  private static final Set<FsError> CORRUPT = EnumSet.of(FsError.CORRUPT);

  private ChunkFormats() {}

  public static List<Format<?>> all() {
    return List.of(
        new Format<>(
            "a chunk record",
            ChunkFormats::chunk,
            ChunkRecord::encode,
            ChunkRecord::decode,
            CORRUPT,
            true),
        new Format<>(
            "a generation record",
            random -> new GenerationRecord(random.nextLong(1000), random.nextLong(1000)),
            GenerationRecord::encode,
            GenerationRecord::decode,
            CORRUPT,
            true));
  }

  private static ChunkRecord chunk(Random random) {
    int exponent = 12 + random.nextInt(11);
    ChunkRecord record = ChunkRecord.open(exponent, random.nextLong());
    if (random.nextBoolean()) {
      record = record.sealed(random.ints(record.blockCount()).toArray());
    }
    if (random.nextBoolean()) {
      record = record.withLost(random.nextInt(record.blockCount()));
    }
    if (random.nextBoolean()) {
      int first = random.nextInt(record.blockCount());
      record = record.withOpen(first, first);
    }
    return record;
  }
}
