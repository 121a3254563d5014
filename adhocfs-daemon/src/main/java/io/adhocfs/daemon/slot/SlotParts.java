package io.adhocfs.daemon.slot;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SlotId;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The slots whose state is in memory, and all parts that take part in their life. Metadata thread
 * only.
 */
public final class SlotParts {
  private static final int KIND_CODES = 256;

  private final SlotStore store;

  /** In the order in which they are told. */
  private final List<SlotPart> parts = new ArrayList<>();

  /** By the code of a kind, who is shown such records. */
  private final List<List<SlotPart>> shownTo = new ArrayList<>(KIND_CODES);

  private int leastKind = KIND_CODES - 1;
  private final BitSet takenUp = new BitSet(SlotId.COUNT);

  /** Knows no part yet. */
  public SlotParts(SlotStore store) {
    this.store = store;
    for (int code = 0; code < KIND_CODES; code++) {
      shownTo.add(new ArrayList<>(2));
    }
  }

  /** Adds a part, before any slot is taken up; those that were added first are told first. */
  public void add(SlotPart part) {
    if (!takenUp.isEmpty()) {
      throw new IllegalStateException("a part that comes after the first slots");
    }
    parts.add(part);
    for (RecordKind kind : part.kinds()) {
      shownTo.get(Byte.toUnsignedInt(kind.code())).add(part);
      leastKind = Math.min(leastKind, Byte.toUnsignedInt(kind.code()));
    }
  }

  /** Slots are about to be this node's. */
  public void expect(BitSet slots) {
    parts.forEach(part -> part.expect(slots));
  }

  /**
   * Takes up what is stored of slots that are this node's now, and goes on with what was under way
   * in them. Before requests for the slots are served.
   *
   * @throws FsException what the storage says: what could be read is taken up, the rest is not
   */
  public void takeUp(BitSet slots) throws FsException {
    requireNothingKept(slots, "come");
    takenUp.or(slots);
    show(slots);
    for (SlotPart part : parts) {
      part.takeUp(slots);
    }
  }

  private void show(BitSet slots) throws FsException {
    try (SlotStore.Cursor cursor = store.cursor()) {
      int slot = slots.nextSetBit(0);
      while (slot >= 0 && cursor.seek(Keys.prefix(slot, (byte) leastKind))) {
        int found = Keys.slot(cursor.key());
        if (found > slot) {
          slot = slots.nextSetBit(found);
          // Its records of other kinds come first: seek again within it.
          if (slot != found || Byte.toUnsignedInt(Keys.kindCode(cursor.key())) < leastKind) {
            continue;
          }
        }
        boolean any = true;
        while (any && Keys.slot(cursor.key()) == slot) {
          for (SlotPart part : shownTo.get(Byte.toUnsignedInt(Keys.kindCode(cursor.key())))) {
            part.found(slot, cursor.key(), cursor.value());
          }
          any = cursor.next();
        }
        slot = slots.nextSetBit(slot + 1);
      }
    }
  }

  /** Forgets slots that are no longer this node's, when the map says so. */
  public void forget(BitSet slots) {
    takenUp.andNot(slots);
    parts.forEach(part -> part.forget(slots));
    requireNothingKept(slots, "have gone");
  }

  private void requireNothingKept(BitSet slots, String when) {
    if (Invariants.CHECKED) {
      for (SlotPart part : parts) {
        List<String> kept = part.kept(slots);
        Invariants.require(
            kept.isEmpty(),
            () ->
                "%s keeps of slots that %s: %s"
                    .formatted(part.getClass().getSimpleName(), when, kept));
      }
    }
  }

  /** The slots that have been taken up and not been forgotten; a copy. */
  public BitSet takenUp() {
    return (BitSet) takenUp.clone();
  }

  /** Operations under way that a restart would have to go on with. */
  public int pending() {
    return parts.stream().mapToInt(SlotPart::pending).sum();
  }
}
