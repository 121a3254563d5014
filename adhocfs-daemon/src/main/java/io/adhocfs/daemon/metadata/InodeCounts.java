package io.adhocfs.daemon.metadata;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SlotId;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many inodes lie in the slots of this node. Those of slots that come are counted in the
 * background, so the figures grow for a while. Metadata thread only, but for the figures.
 */
public final class InodeCounts implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(InodeCounts.class);

  /** About so many records are looked at before other work has its turn. */
  private static final int RECORDS_AT_ONCE = 4000;

  private final SlotStore store;

  // Written by the metadata thread, read by any.
  private volatile long files;
  private volatile long directories;

  /** What the counts have of each slot. */
  private final int[] filesOf = new int[SlotId.COUNT];

  private final int[] directoriesOf = new int[SlotId.COUNT];

  /** Slots that are not in the counts yet. */
  private final BitSet uncounted = new BitSet(SlotId.COUNT);

  private @Nullable MetadataThread thread;
  private boolean counting;

  InodeCounts(SlotStore store) {
    this.store = store;
  }

  /** Sets where it counts what comes. Once, before any slot is taken up. */
  public void countOn(MetadataThread metadataThread) {
    thread = metadataThread;
  }

  /** How many inodes that are no directories lie here. Any thread. */
  public long files() {
    return files;
  }

  /** How many directories lie here. Any thread. */
  public long directories() {
    return directories;
  }

  /** An inode has come or gone. */
  void counted(FileAttributes attributes, int delta) {
    // A slot that has not been counted yet is counted as it is then.
    int slot = attributes.id().slotValue();
    if (!uncounted.get(slot)) {
      count(slot, attributes.isDirectory(), delta);
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
  private void count(int slot, boolean directory, int delta) {
    if (directory) {
      directoriesOf[slot] += delta;
      directories += delta;
    } else {
      filesOf[slot] += delta;
      files += delta;
    }
  }

  @Override
  public void takeUp(BitSet slots) {
    uncounted.or(slots);
    countLater();
  }

  @Override
  public void forget(BitSet slots) {
    for (int slot = slots.nextSetBit(0); slot >= 0; slot = slots.nextSetBit(slot + 1)) {
      count(slot, false, -filesOf[slot]);
      count(slot, true, -directoriesOf[slot]);
    }
    uncounted.andNot(slots);
  }

  @Override
  public List<String> kept(BitSet slots) {
    return slots.stream()
        .filter(slot -> filesOf[slot] != 0 || directoriesOf[slot] != 0 || uncounted.get(slot))
        .mapToObj(slot -> "counts of slot " + slot)
        .toList();
  }

  private void countLater() {
    if (thread != null && !counting) {
      counting = true;
      thread.execute(() -> {
        counting = false;
        try {
          if (countSome()) {
            countLater();
          }
        } catch (FsException e) {
          LOG.warn("files and directories are not all counted: {}", e.getMessage());
        }
      });
    }
  }

  /** Counts some more, whole slots; answers whether there are more. */
  private boolean countSome() throws FsException {
    int budget = RECORDS_AT_ONCE;
    try (SlotStore.Cursor cursor = store.cursor()) {
      int slot = uncounted.nextSetBit(0);
      while (slot >= 0 && budget-- > 0) {
        boolean any = cursor.seek(Keys.key(slot, RecordKind.INODE));
        int found = any ? Keys.slot(cursor.key()) : SlotId.COUNT;
        if (found > slot) {
          // Nothing lies in between.
          uncounted.clear(slot, found);
        } else {
          while (any && Keys.isKind(cursor.key(), slot, RecordKind.INODE)) {
            boolean directory = Records.typeOfAttributes(cursor.value()) == FileType.DIRECTORY;
            count(slot, directory, 1);
            budget--;
            any = cursor.next();
          }
          uncounted.clear(slot);
        }
        slot = uncounted.nextSetBit(slot);
      }
    }
    return !uncounted.isEmpty();
  }
}
