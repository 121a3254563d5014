package io.adhocfs.daemon.transaction;

import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.Samples;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** The formats of records of transactions, for {@code RecordsFuzzTest}. */
public final class TransactionFormats {
  private static final Set<FsError> CORRUPT = EnumSet.of(FsError.CORRUPT);

  private TransactionFormats() {}

  public static List<Format<?>> all() {
    return List.of(
        new Format<>(
            "a prepared transaction",
            TransactionFormats::promise,
            TransactionRecords::promise,
            value -> TransactionRecords.promise(value),
            CORRUPT,
            false),
        new Format<List<Integer>>(
            "a decision",
            random -> random.ints(random.nextInt(6), 0, 1 << 16).boxed().toList(),
            TransactionRecords::slots,
            value -> TransactionRecords.slots(value),
            CORRUPT,
            true));
  }

  private static TransactionRecords.Promise promise(Random random) {
    var samples = new Samples(random.nextLong());
    List<Change> changes = new ArrayList<>();
    List<InodeId> made = new ArrayList<>();
    for (int left = 1 + random.nextInt(3); left > 0; left--) {
      changes.add(samples.of(Change.class));
      made.add(samples.of(InodeId.class));
    }
    return new TransactionRecords.Promise(changes, made);
  }
}
