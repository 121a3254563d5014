package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordChange;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.daemon.slot.SlotStream;
import io.adhocfs.protocol.model.FsException;
import java.util.HexFormat;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Records as one process has them open: it may die before and after each commit and sync. */
final class MortalStore implements SlotStore {
  private final SlotStore records;
  private final Runnable mayDie;
  private final Consumer<String> tracer;
  private final SlotStream stream = new SlotStream();

  /**
   * @param mayDie throws the process's death, should it be its time, and if it has died
   */
  MortalStore(SlotStore records, Runnable mayDie, Consumer<String> tracer) {
    this.tracer = tracer;
    this.records = records;
    this.mayDie = mayDie;
  }

  @Override
  public byte @Nullable [] get(byte[] key) throws FsException {
    return records.get(key);
  }

  @Override
  public Cursor cursor() {
    return records.cursor();
  }

  @Override
  public Cursor cursor(byte[] end) {
    return records.cursor(end);
  }

  @Override
  public void commit(SlotBatch... batches) throws FsException {
    mayDie.run();
    for (SlotBatch batch : batches) {
      batch.changes().forEach(change -> tracer.accept("commits " + told(change)));
    }
    records.commit(batches);
    mayDie.run();
    for (SlotBatch batch : batches) {
      stream.publish(batch);
    }
  }

  private static String told(RecordChange change) {
    return switch (change) {
      case RecordChange.Put put -> "put " + told(put.key());
      case RecordChange.Removed removed -> "removal of " + told(removed.key());
      case RecordChange.RangeRemoved range -> "removal from " + told(range.key());
    };
  }

  private static String told(byte[] key) {
    return "slot %d %s %s"
        .formatted(
            Keys.slot(key),
            kind(Keys.kindCode(key)),
            HexFormat.of().formatHex(key, Keys.PREFIX_BYTES, key.length));
  }

  private static String kind(byte code) {
    for (RecordKind kind : RecordKind.values()) {
      if (kind.code() == code) {
        return kind.name();
      }
    }
    return "kind " + code;
  }

  @Override
  public void sync() throws FsException {
    mayDie.run();
    records.sync();
    mayDie.run();
  }

  @Override
  public SlotStream stream() {
    return stream;
  }

  @Override
  public void close() {}
}
