package io.adhocfs.protocol.placement;

import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.Stream;

/**
 * Slots that have lost everything: their owner is gone with its disk, and others have taken them up
 * empty. Each loss of nodes has a number, 1 for the first. Immutable; part of the cluster map,
 * since whoever learns that it owns such a slot must learn at the same moment that the slot was
 * lost.
 */
public final class LostSlots {
  /** So many losses are counted: the numbers of a lost slot's inodes have one byte for it. */
  public static final int LOSSES_MAX = 127;

  /** Nothing was ever lost. */
  public static final LostSlots NONE = new LostSlots(List.of(), new byte[0], 0, 0);

  /** How far apart the first numbers of a slot before and after a loss are. */
  private static final long NUMBERS_OF_A_LOSS = (InodeId.COUNTER_MAX + 1) / (LOSSES_MAX + 1);

  private final List<NodeId> nodes;
  private final byte[] lossOf;
  private final int losses;
  private final int searched;

  /**
   * @param nodes that were given up as lost
   * @param lossOf of each slot the number of its last loss, 0 = none; empty = none of any; taken
   *     over
   * @param losses how many losses there were
   * @param searched up to which loss it has been written down which chunks are missing
   */
  public LostSlots(List<NodeId> nodes, byte[] lossOf, int losses, int searched) {
    if (losses < 0 || losses > LOSSES_MAX || searched < 0 || searched > losses) {
      throw new IllegalArgumentException(searched + " of " + losses + " losses searched");
    }
    if (lossOf.length != (losses == 0 ? 0 : SlotId.COUNT)) {
      throw new IllegalArgumentException(losses + " losses of " + lossOf.length + " slots");
    }
    for (byte loss : lossOf) {
      if (loss < 0 || loss > losses) {
        throw new IllegalArgumentException("loss " + loss + " of " + losses);
      }
    }
    this.nodes = List.copyOf(nodes);
    this.lossOf = lossOf;
    this.losses = losses;
    this.searched = searched;
  }

  /** The nodes that were given up as lost. */
  public List<NodeId> nodes() {
    return nodes;
  }

  /** How many losses there were. */
  public int losses() {
    return losses;
  }

  /** Up to which loss it has been written down which chunks are missing. */
  public int searched() {
    return searched;
  }

  /** Whether every loss has been searched. */
  public boolean isSearched() {
    return searched == losses;
  }

  /** A copy of the table of losses by slot; empty where there were none. */
  public byte[] table() {
    return lossOf.clone();
  }

  /** The number of the last loss of a slot; 0 = it was never lost. */
  public int lossOf(int slot) {
    return losses == 0 ? 0 : lossOf[slot];
  }

  public boolean wasLost(int slot) {
    return lossOf(slot) != 0;
  }

  /**
   * Whether it is not known yet what a slot had: a chunk that has no record there may have been
   * lost or never have been.
   */
  public boolean awaitsSearch(int slot) {
    return lossOf(slot) > searched;
  }

  /**
   * The first number that a slot's inodes and transactions may have, where no number of it is known
   * to have been given out: far above all that it may have given out before it was lost.
   */
  public long firstNumber(int slot) {
    // The root has the first number of its slot.
    return NUMBERS_OF_A_LOSS * lossOf(slot) + (slot == SlotId.ROOT.value() ? 2 : 1);
  }

  /**
   * With one more loss, of nodes and the slots that they had; where they had none, it is no loss to
   * be searched for.
   *
   * @throws IllegalStateException after {@link #LOSSES_MAX} losses
   */
  public LostSlots with(List<NodeId> more, BitSet slots) {
    List<NodeId> all = Stream.concat(nodes.stream(), more.stream()).distinct().toList();
    if (slots.isEmpty()) {
      return new LostSlots(all, lossOf, losses, searched);
    }
    if (losses == LOSSES_MAX) {
      throw new IllegalStateException("there were " + losses + " losses already");
    }
    byte[] table = losses == 0 ? new byte[SlotId.COUNT] : lossOf.clone();
    for (int slot = slots.nextSetBit(0); slot >= 0; slot = slots.nextSetBit(slot + 1)) {
      table[slot] = (byte) (losses + 1);
    }
    return new LostSlots(all, table, losses + 1, searched);
  }

  /** With the losses up to this number searched. */
  public LostSlots searchedUpTo(int number) {
    return new LostSlots(nodes, lossOf, losses, Math.max(searched, number));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LostSlots lost
        && nodes.equals(lost.nodes)
        && losses == lost.losses
        && searched == lost.searched
        && Arrays.equals(lossOf, lost.lossOf);
  }

  @Override
  public int hashCode() {
    return 31 * losses + searched;
  }

  @Override
  public String toString() {
    return nodes + " lost: " + losses + " losses, " + searched + " searched";
  }
}
