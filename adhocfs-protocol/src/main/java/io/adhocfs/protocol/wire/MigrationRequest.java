package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.control.SlotSet;
import io.adhocfs.protocol.model.FsException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Slots on their way from their owner to the node that is to own them: asked by the source at the
 * target, by daemons only. Requests of one batch are carried out in the order in which they come.
 */
public sealed interface MigrationRequest extends Request {
  /** In {@link ReceiveRecords}, instead of the length of a value: there is none any more. */
  int GONE = -1;

  /** In {@link ReceiveRecords}, instead of the length of a value: the end of a range follows. */
  int RANGE_GONE = -2;

  /** Number of the batch; drawn by its source, never used again. */
  long batch();

  @Override
  default int slotValue() {
    return NO_SLOT;
  }

  /** A batch begins: whatever the receiver has of its slots, which it does not own, is dropped. */
  record BeginReceive(long batch, SlotSet slots) implements MigrationRequest {
    @Override
    public MessageType type() {
      return MessageType.BEGIN_RECEIVE;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(batch);
      ControlValues.writeSlots(out, slots);
    }

    static BeginReceive decode(WireReader in) throws FsException {
      return new BeginReceive(in.longValue(), ControlValues.readSlots(in));
    }
  }

  /**
   * Records, as payload: {@code [length: 4][key][length: 4][value]} each; a length of -1 in place
   * of the value's removes the record, and with that of a chunk its bytes; a length of -2 is
   * followed by another {@code [length: 4][key]}: all records from the key on go, up to that one
   * (exclusive).
   */
  record ReceiveRecords(long batch) implements MigrationRequest {
    @Override
    public MessageType type() {
      return MessageType.RECEIVE_RECORDS;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(batch);
    }

    static ReceiveRecords decode(WireReader in) throws FsException {
      return new ReceiveRecords(in.longValue());
    }
  }

  /**
   * A chunk, or a part of one: its record, and the payload's bytes from an offset on.
   *
   * @param clears whether what was received of it before goes first
   */
  record ReceiveChunk(long batch, byte[] key, byte[] chunkRecord, boolean clears, int offsetBytes)
      implements MigrationRequest {
    @Override
    public MessageType type() {
      return MessageType.RECEIVE_CHUNK;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(batch);
      out.bytes(key);
      out.bytes(chunkRecord);
      out.flag(clears);
      out.intValue(offsetBytes);
    }

    static ReceiveChunk decode(WireReader in) throws FsException {
      return new ReceiveChunk(in.longValue(), in.bytes(), in.bytes(), in.flag(), in.intValue());
    }
  }

  /** What was received so far is made to survive a power failure. */
  record SyncReceived(long batch) implements MigrationRequest {
    @Override
    public MessageType type() {
      return MessageType.SYNC_RECEIVED;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(batch);
    }

    static SyncReceived decode(WireReader in) throws FsException {
      return new SyncReceived(in.longValue());
    }
  }

  /**
   * Everything has been sent; an answer promises that the receiver, synced, can own these slots.
   *
   * @param slots some or all of the batch's
   * @param floors by inode, generations below which writes are refused also where no record says so
   * @param lastingFloors the same, of which the receiver is to make records
   * @param outlivesPower whether somebody was promised, here or where the slots were before, that
   *     bytes survive a power failure: the receiver is to keep the order of steps that this needs
   */
  record FinishReceive(
      long batch,
      SlotSet slots,
      Map<Long, Long> floors,
      Map<Long, Long> lastingFloors,
      boolean outlivesPower)
      implements MigrationRequest {
    public FinishReceive {
      floors = Map.copyOf(floors);
      lastingFloors = Map.copyOf(lastingFloors);
    }

    @Override
    public MessageType type() {
      return MessageType.FINISH_RECEIVE;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(batch);
      ControlValues.writeSlots(out, slots);
      writeFloors(out, floors);
      writeFloors(out, lastingFloors);
      out.flag(outlivesPower);
    }

    private static void writeFloors(WireWriter out, Map<Long, Long> floors) {
      out.intValue(floors.size());
      floors.forEach((inode, generation) -> {
        out.longValue(inode);
        out.longValue(generation);
      });
    }

    static FinishReceive decode(WireReader in) throws FsException {
      long batch = in.longValue();
      SlotSet slots = ControlValues.readSlots(in);
      return new FinishReceive(batch, slots, readFloors(in), readFloors(in), in.flag());
    }

    private static Map<Long, Long> readFloors(WireReader in) throws FsException {
      int count = in.count(2 * Long.BYTES);
      Map<Long, Long> floors = LinkedHashMap.newLinkedHashMap(count);
      for (int i = 0; i < count; i++) {
        floors.put(in.longValue(), in.longValue());
      }
      return floors;
    }
  }

  /** The batch comes to nothing: what was received is dropped. */
  record AbandonReceive(long batch) implements MigrationRequest {
    @Override
    public MessageType type() {
      return MessageType.ABANDON_RECEIVE;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(batch);
    }

    static AbandonReceive decode(WireReader in) throws FsException {
      return new AbandonReceive(in.longValue());
    }
  }
}
