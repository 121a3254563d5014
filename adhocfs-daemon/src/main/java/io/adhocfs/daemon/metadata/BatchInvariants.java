package io.adhocfs.daemon.metadata;

import io.adhocfs.daemon.slot.Invariants;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordChange;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What must hold of every batch when it is written: nobody else holds a lock on what it changes, a
 * file that lies inline has no bytes past its size, and the effect of an operation that is in one
 * batch as a whole counts every name that it makes or removes: in the inode that the name stands
 * for, and in its directory. Metadata thread only.
 */
final class BatchInvariants {
  private final SlotStore slots;
  private final @Nullable Object holder;
  private final boolean whole;
  private final ChangedKeys locks;

  /** The last change of each key. */
  private final Map<ByteBuffer, RecordChange> changes = new LinkedHashMap<>();

  private boolean ranges;

  /** How many names come or go: of an inode, in a directory, and of directories in a directory. */
  private final Map<InodeId, Integer> names = new HashMap<>();

  private final Map<InodeId, Integer> entries = new HashMap<>();
  private final Map<InodeId, Integer> subdirectories = new HashMap<>();

  /** What the batch adds to what a directory keeps, over its parts that change. */
  private final Map<InodeId, Long> sizes = new HashMap<>();

  private final Map<InodeId, Integer> links = new HashMap<>();

  private BatchInvariants(
      SlotStore slots, @Nullable Object holder, boolean whole, ChangedKeys locks) {
    this.slots = slots;
    this.holder = holder;
    this.whole = whole;
    this.locks = locks;
  }

  /**
   * Looks at a batch before it is written.
   *
   * @param holder whose locks are its own; null = it holds none
   * @param whole whether all that its operation changes is in it
   */
  static void require(
      SlotStore slots, SlotBatch batch, @Nullable Object holder, boolean whole, ChangedKeys locks)
      throws FsException {
    new BatchInvariants(slots, holder, whole, locks).check(batch);
  }

  private void check(SlotBatch batch) throws FsException {
    for (RecordChange change : batch.changes()) {
      ranges |= change instanceof RecordChange.RangeRemoved;
      changes.put(ByteBuffer.wrap(change.key()), change);
    }
    for (RecordChange change : changes.values()) {
      if (isOf(change, RecordKind.DENTRY)) {
        checkEntry(change);
      }
    }
    for (RecordChange change : changes.values()) {
      if (isOf(change, RecordKind.INODE)) {
        checkInode(change);
      } else if (isOf(change, RecordKind.SHARE)) {
        checkShare(change);
      }
    }
    if (whole && !ranges) {
      requireCounted();
    }
  }

  private static boolean isOf(RecordChange change, RecordKind kind) {
    return !(change instanceof RecordChange.RangeRemoved)
        && Keys.kindCode(change.key()) == kind.code();
  }

  private static byte @Nullable [] after(RecordChange change) {
    return change instanceof RecordChange.Put put ? put.value() : null;
  }

  private void requireFree(RecordChange change, @Nullable Object other, Object what) {
    Invariants.require(
        other == null,
        () -> "%s changes %s, which %s has locked: %s".formatted(holder, what, other, change));
  }

  private void checkEntry(RecordChange change) throws FsException {
    byte[] key = change.key();
    var directory = new InodeId(Keys.number(key, 0));
    EntryName name =
        EntryName.of(Arrays.copyOfRange(key, Keys.PREFIX_BYTES + 2 * Long.BYTES, key.length));
    requireFree(change, locks.otherHolderOfEntry(holder, directory, name), name);
    count(directory, slots.get(key), -1);
    count(directory, after(change), 1);
  }

  private void count(InodeId directory, byte @Nullable [] value, int delta) throws FsException {
    if (value != null) {
      Dentry entry = Records.dentry(value);
      names.merge(entry.inode(), delta, Integer::sum);
      entries.merge(directory, delta, Integer::sum);
      if (entry.type() == FileType.DIRECTORY) {
        subdirectories.merge(directory, delta, Integer::sum);
      }
    }
  }

  private void checkInode(RecordChange change) throws FsException {
    var id = new InodeId(Keys.number(change.key(), 0));
    requireFree(change, locks.otherHolderOfInode(holder, id), id);
    byte[] value = after(change);
    FileAttributes before = attributes(slots.get(change.key()));
    FileAttributes after = attributes(value);
    FileAttributes known = after == null ? before : after;
    if (known == null) {
      return;
    }
    if (!known.isDirectory()) {
      checkNames(id, before, after);
    } else if (before != null && after != null) {
      add(id, before, after);
    }
    if (after != null && after.isRegular() && after.layout().inline()) {
      checkInline(after);
    }
  }

  private static @Nullable FileAttributes attributes(byte @Nullable [] value) throws FsException {
    return value == null ? null : Records.attributes(value, "an inode of a batch");
  }

  private void checkNames(
      InodeId id, @Nullable FileAttributes before, @Nullable FileAttributes after) {
    int delta = (after == null ? 0 : after.linkCount()) - (before == null ? 0 : before.linkCount());
    if (whole && !ranges) {
      Invariants.require(
          delta == names.getOrDefault(id, 0),
          () ->
              "inode %s has %d links more, and %d names more: %s"
                  .formatted(id, delta, names.getOrDefault(id, 0), changes.values()));
    }
  }

  private void add(InodeId directory, FileAttributes before, FileAttributes after) {
    sizes.merge(directory, after.sizeBytes() - before.sizeBytes(), Long::sum);
    links.merge(directory, after.linkCount() - before.linkCount(), Integer::sum);
  }

  private void checkInline(FileAttributes file) throws FsException {
    byte[] key = Keys.key(file.id().slotValue(), RecordKind.INLINE_DATA, file.id().value());
    RecordChange change = changes.get(ByteBuffer.wrap(key));
    byte[] data = change == null ? slots.get(key) : after(change);
    Invariants.require(
        data == null || data.length <= file.sizeBytes(),
        () ->
            "inode %s has %d bytes inline and a size of %d"
                .formatted(file.id(), data == null ? 0 : data.length, file.sizeBytes()));
  }

  private void checkShare(RecordChange change) throws FsException {
    var directory = new InodeId(Keys.number(change.key(), 0));
    int partition = Math.toIntExact(Keys.number(change.key(), 1));
    requireFree(
        change,
        locks.otherHolderOfShare(holder, directory, partition),
        directory + "/" + partition);
    byte[] before = slots.get(change.key());
    byte[] after = after(change);
    if (before != null && after != null) {
      add(
          directory,
          Records.share(directory, partition, before).attributes(),
          Records.share(directory, partition, after).attributes());
    }
  }

  private void requireCounted() {
    entries.forEach((directory, delta) -> {
      // The parts of a directory that goes, or comes, are not counted.
      if (sizes.containsKey(directory)) {
        Invariants.require(
            sizes.getOrDefault(directory, 0L) == (long) delta
                && links
                    .getOrDefault(directory, 0)
                    .equals(subdirectories.getOrDefault(directory, 0)),
            () ->
                "directory %s counts %d entries and %d links more, and has %d and %d more: %s"
                    .formatted(
                        directory,
                        sizes.getOrDefault(directory, 0L),
                        links.getOrDefault(directory, 0),
                        delta,
                        subdirectories.getOrDefault(directory, 0),
                        changes.values()));
      }
    });
  }
}
