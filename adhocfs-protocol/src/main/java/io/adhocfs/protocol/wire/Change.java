package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TransactionId;
import io.adhocfs.protocol.placement.Placement;
import java.util.ArrayList;
import java.util.List;

/**
 * One slot's part of an operation over several slots: what must hold, and what becomes of it on
 * commit. An expectation that does not hold is CHANGED (the coordinator plans again); what no plan
 * can mend is its own error (NOT_EMPTY, TOO_MANY_LINKS).
 *
 * <p>Times are the acting client's clock, nanoseconds since 1970.
 */
public sealed interface Change {
  /** The slot whose owner is asked. */
  int slotValue();

  /** Code of this kind of change; part of the wire and disk format. */
  int code();

  /** Appends the fields. */
  void encode(WireWriter out);

  /**
   * A dentry is made, or points elsewhere. Also sets the directory's times, entry count and, for
   * directories, link count.
   *
   * @param expected the inode it points to before; NONE = there is no such name
   */
  record PutEntry(EntryKey entry, InodeId inode, FileType fileType, InodeId expected, long nowNanos)
      implements Change {
    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public int code() {
      return 1;
    }

    @Override
    public void encode(WireWriter out) {
      entry.write(out);
      out.inode(inode);
      out.byteValue(fileType.code());
      out.inode(expected);
      out.longValue(nowNanos);
    }

    static PutEntry decode(WireReader in) throws FsException {
      return new PutEntry(
          EntryKey.read(in),
          in.inode(),
          FileType.ofCode(in.byteValue()),
          in.inode(),
          in.longValue());
    }
  }

  /** A dentry goes. Also sets the directory's times and counts. */
  record RemoveEntry(EntryKey entry, InodeId expected, long nowNanos) implements Change {
    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public int code() {
      return 2;
    }

    @Override
    public void encode(WireWriter out) {
      entry.write(out);
      out.inode(expected);
      out.longValue(nowNanos);
    }

    static RemoveEntry decode(WireReader in) throws FsException {
      return new RemoveEntry(EntryKey.read(in), in.inode(), in.longValue());
    }
  }

  /**
   * An inode that is no directory gets or loses names (or, with delta 0, only a new ctime). At
   * links 0 and without pins it is reclaimed.
   */
  record AdjustLinks(InodeId inode, int delta, long nowNanos) implements Change {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public int code() {
      return 3;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.intValue(delta);
      out.longValue(nowNanos);
    }

    static AdjustLinks decode(WireReader in) throws FsException {
      return new AdjustLinks(in.inode(), in.intValue(), in.longValue());
    }
  }

  /**
   * A directory's inode is made in this slot; the answer to the prepare says which.
   *
   * @param newInode a directory
   */
  record NewDirectory(SlotId slot, InodeId parent, NewInode newInode, int dataset, long nowNanos)
      implements Change {
    public NewDirectory {
      if (newInode.type() != FileType.DIRECTORY) {
        throw new IllegalArgumentException("mkdir of a " + newInode.type());
      }
    }

    @Override
    public int slotValue() {
      return slot.value();
    }

    @Override
    public int code() {
      return 4;
    }

    @Override
    public void encode(WireWriter out) {
      out.intValue(slot.value());
      out.inode(parent);
      Values.writeNewDirectory(out, newInode);
      out.intValue(dataset);
      out.longValue(nowNanos);
    }

    static NewDirectory decode(WireReader in) throws FsException {
      return new NewDirectory(
          new SlotId(in.intValue()),
          in.inode(),
          Values.readNewDirectory(in),
          in.intValue(),
          in.longValue());
    }
  }

  /**
   * A directory's inode goes. Its partition 0 must be empty, and takes no new entries from the
   * prepare on; of a spread one, its other partitions are closed in the same transaction.
   *
   * @param partitionExponent k that it is expected to have
   */
  record RemoveEmptyDirectory(InodeId directory, int partitionExponent) implements Change {
    @Override
    public int slotValue() {
      return directory.slotValue();
    }

    @Override
    public int code() {
      return 5;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.intValue(partitionExponent);
    }

    static RemoveEmptyDirectory decode(WireReader in) throws FsException {
      return new RemoveEmptyDirectory(in.inode(), in.intValue());
    }
  }

  /** A directory gets another parent (or, with the same one, only a new ctime). */
  record SetParent(InodeId directory, InodeId expectedParent, InodeId newParent, long nowNanos)
      implements Change {
    @Override
    public int slotValue() {
      return directory.slotValue();
    }

    @Override
    public int code() {
      return 6;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.inode(expectedParent);
      out.inode(newParent);
      out.longValue(nowNanos);
    }

    static SetParent decode(WireReader in) throws FsException {
      return new SetParent(in.inode(), in.inode(), in.inode(), in.longValue());
    }
  }

  /**
   * Holds the one token under which directories move to other parents, so that the check for cycles
   * sees a tree that stands still. Changes nothing.
   */
  record TakeRenameToken() implements Change {
    @Override
    public int slotValue() {
      return SlotId.ROOT.value();
    }

    @Override
    public int code() {
      return 7;
    }

    @Override
    public void encode(WireWriter out) {}
  }

  /**
   * A directory's entries spread: its home keeps those of partition 0, the copies of the rest,
   * which have been staged elsewhere, go.
   *
   * @param partitionExponent k that it gets; it must have 0
   * @param entries of partition 0
   * @param subdirectories of partition 0
   */
  record SpreadDirectory(InodeId directory, int partitionExponent, long entries, int subdirectories)
      implements Change {
    @Override
    public int slotValue() {
      return directory.slotValue();
    }

    @Override
    public int code() {
      return 8;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.intValue(partitionExponent);
      out.longValue(entries);
      out.intValue(subdirectories);
    }

    static SpreadDirectory decode(WireReader in) throws FsException {
      return new SpreadDirectory(in.inode(), in.intValue(), in.longValue(), in.intValue());
    }
  }

  /**
   * A partition of a directory opens with what has been staged for it.
   *
   * @param share what the partition keeps of its own
   * @param partition 1 or more
   * @param transaction which has staged the entries
   */
  record OpenShare(FileAttributes share, int partition, TransactionId transaction)
      implements Change {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(share.id(), partition).value();
    }

    @Override
    public int code() {
      return 9;
    }

    @Override
    public void encode(WireWriter out) {
      Values.writeAttributes(out, share);
      out.intValue(partition);
      out.longValue(transaction.value());
    }

    static OpenShare decode(WireReader in) throws FsException {
      return new OpenShare(
          Values.readAttributes(in), in.intValue(), new TransactionId(in.longValue()));
    }
  }

  /** A partition of a directory that is removed closes. It must be empty. */
  record CloseShare(InodeId directory, int partition, int partitionExponent) implements Change {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(directory, partition).value();
    }

    @Override
    public int code() {
      return 10;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.intValue(partition);
      out.intValue(partitionExponent);
    }

    static CloseShare decode(WireReader in) throws FsException {
      return new CloseShare(in.inode(), in.intValue(), in.intValue());
    }
  }

  /** A partition of a spread directory, 0 among them, gets new attributes. */
  record SetShareAttributes(
      InodeId directory, int partition, int partitionExponent, AttributeChange change)
      implements Change {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(directory, partition).value();
    }

    @Override
    public int code() {
      return 11;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.intValue(partition);
      out.intValue(partitionExponent);
      Values.writeAttributeChange(out, change);
    }

    static SetShareAttributes decode(WireReader in) throws FsException {
      return new SetShareAttributes(
          in.inode(), in.intValue(), in.intValue(), Values.readAttributeChange(in));
    }
  }

  static void writeAll(WireWriter out, List<Change> changes) {
    out.intValue(changes.size());
    for (Change change : changes) {
      out.byteValue(change.code());
      change.encode(out);
    }
  }

  static List<Change> readAll(WireReader in) throws FsException {
    int count = in.count(1);
    if (count == 0) {
      throw new FsException(FsError.BAD_MESSAGE, "no changes");
    }
    List<Change> changes = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int code = in.byteValue();
      changes.add(
          switch (code) {
            case 1 -> PutEntry.decode(in);
            case 2 -> RemoveEntry.decode(in);
            case 3 -> AdjustLinks.decode(in);
            case 4 -> NewDirectory.decode(in);
            case 5 -> RemoveEmptyDirectory.decode(in);
            case 6 -> SetParent.decode(in);
            case 7 -> new TakeRenameToken();
            case 8 -> SpreadDirectory.decode(in);
            case 9 -> OpenShare.decode(in);
            case 10 -> CloseShare.decode(in);
            case 11 -> SetShareAttributes.decode(in);
            default -> throw new FsException(FsError.BAD_MESSAGE, "a change of kind " + code);
          });
    }
    return changes;
  }
}
