package io.adhocfs.daemon.slot;

import io.adhocfs.protocol.model.FsException;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;

/**
 * Part of the life of slots: whoever keeps in memory what follows from records, or has something
 * under way that records tell of. Known to {@link SlotParts}, and to no list besides.
 *
 * <p>Metadata thread only.
 */
public interface SlotPart {
  /** The kinds of records that it is shown of slots that come. */
  default Set<RecordKind> kinds() {
    return Set.of();
  }

  /**
   * Slots are about to be this node's: what it remembers of them from earlier times is wrong. No
   * thread asks for anything of them yet.
   */
  default void expect(BitSet slots) {}

  /**
   * A record of its kinds, of a slot that is this node's now. Other records may not have been shown
   * yet.
   *
   * @throws FsException CORRUPT
   */
  default void found(int slot, byte[] key, byte[] value) throws FsException {}

  /**
   * Goes on with what was under way in slots, all of whose records all parts have been shown.
   * Before requests for them are served.
   *
   * @throws FsException what the storage says
   */
  default void takeUp(BitSet slots) throws FsException {}

  /**
   * Forgets slots that are another node's now, which goes on with what is under way in them;
   * whoever waits for something in them is told to ask there.
   */
  default void forget(BitSet slots) {}

  /**
   * What it keeps in memory of slots that a record says too, in words. Once slots are forgotten it
   * keeps nothing of them: then what it knows after it has been shown their records again is what
   * any other node would know. Asked for by self-checks only; it may look through all it has.
   */
  default List<String> kept(BitSet slots) {
    return List.of();
  }

  /**
   * Says in words what a part has in some slots, as {@link #kept} does.
   *
   * @param all what it has in any slot
   * @param slotOf the slot of one of them
   */
  static <T> List<String> inWords(
      BitSet slots, Stream<T> all, ToIntFunction<T> slotOf, Function<T, String> words) {
    return all.filter(one -> slots.get(slotOf.applyAsInt(one))).map(words).toList();
  }

  /** How many operations it has under way that a restart would have to go on with. */
  default int pending() {
    return 0;
  }
}
