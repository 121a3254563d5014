package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.placement.Placement;
import java.util.List;

/**
 * Operations over several slots (architecture, section 5): from their coordinator to the
 * participants, and back from a participant that was left alone. Answered on the metadata thread.
 */
public sealed interface TransactionRequest extends Request {
  /**
   * Validate, lock the keys, write a prepare record; the answer is the promise to follow the
   * decision. CHANGED when an expectation does not hold.
   *
   * @param changes all of one node, in ascending order of their slots
   */
  record Prepare(TransactionId transaction, List<Change> changes) implements TransactionRequest {
    @Override
    public int slotValue() {
      return changes.getFirst().slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.PREPARE;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(transaction.value());
      Change.writeAll(out, changes);
    }

    static Prepare decode(WireReader in) throws FsException {
      return new Prepare(new TransactionId(in.longValue()), Change.readAll(in));
    }
  }

  /** The outcome, for every change of the transaction at the receiver. Idempotent. */
  record Decide(TransactionId transaction, boolean commit, List<SlotId> slots)
      implements TransactionRequest {
    @Override
    public int slotValue() {
      return slots.getFirst().value();
    }

    @Override
    public MessageType type() {
      return MessageType.DECIDE;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(transaction.value());
      out.flag(commit);
      out.intValue(slots.size());
      slots.forEach(slot -> out.intValue(slot.value()));
    }

    static Decide decode(WireReader in) throws FsException {
      return new Decide(new TransactionId(in.longValue()), in.flag(), readSlots(in));
    }
  }

  /** What became of a transaction; asked at the owner of the coordinator's slot. */
  record QueryOutcome(TransactionId transaction) implements TransactionRequest {
    @Override
    public int slotValue() {
      return transaction.coordinator().value();
    }

    @Override
    public MessageType type() {
      return MessageType.QUERY_OUTCOME;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(transaction.value());
    }

    static QueryOutcome decode(WireReader in) throws FsException {
      return new QueryOutcome(new TransactionId(in.longValue()));
    }
  }

  /**
   * Makes room for the entries that a partition of a directory is to have: what older stagings have
   * left goes. Idempotent. The staging lasts until its transaction is decided.
   *
   * @param partitionExponent k that the directory is to have
   * @param transaction of the directory's slot; later ones have higher numbers
   */
  record BeginStaging(
      InodeId directory, int partition, int partitionExponent, TransactionId transaction)
      implements TransactionRequest {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(directory, partition).value();
    }

    @Override
    public MessageType type() {
      return MessageType.BEGIN_STAGING;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.intValue(partition);
      out.intValue(partitionExponent);
      out.longValue(transaction.value());
    }

    static BeginStaging decode(WireReader in) throws FsException {
      return new BeginStaging(
          in.inode(), in.intValue(), in.intValue(), new TransactionId(in.longValue()));
    }
  }

  /**
   * Some more entries of a partition, invisible until the transaction commits. CHANGED when there
   * is no such staging, or it has fewer entries than were sent before. Idempotent.
   *
   * @param sentBefore how many entries this staging has been sent before these
   */
  record StageEntries(
      InodeId directory,
      int partition,
      TransactionId transaction,
      long sentBefore,
      List<StagedEntry> entries)
      implements TransactionRequest {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(directory, partition).value();
    }

    @Override
    public MessageType type() {
      return MessageType.STAGE_ENTRIES;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.intValue(partition);
      out.longValue(transaction.value());
      out.longValue(sentBefore);
      out.list(entries, (to, entry) -> entry.write(to));
    }

    static StageEntries decode(WireReader in) throws FsException {
      return new StageEntries(
          in.inode(),
          in.intValue(),
          new TransactionId(in.longValue()),
          in.longValue(),
          StagedEntry.readAll(in));
    }
  }

  private static List<SlotId> readSlots(WireReader in) throws FsException {
    List<SlotId> slots = in.list(4, item -> new SlotId(item.intValue()));
    if (slots.isEmpty()) {
      throw new FsException(FsError.BAD_MESSAGE, "no slots");
    }
    return slots;
  }
}
