package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.PinNumber;
import io.adhocfs.protocol.placement.Placement;
import java.util.List;

/**
 * Names and inodes: asked at the owner of a dentry's or an inode's slot, answered on the metadata
 * thread. Times are the caller's clock, nanoseconds since 1970.
 *
 * <p>Long, since a family is one file: the compiler holds its services to all of it, and each
 * record is read and written a few lines from the next.
 */
public sealed interface NamespaceRequest extends Request {
  /** The inode behind a name, with its attributes where the receiver owns it too. */
  record Lookup(EntryKey entry) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.LOOKUP;
    }

    @Override
    public void encode(WireWriter out) {
      entry.write(out);
    }

    @Override
    public Subject subject() {
      return Subject.of(entry);
    }

    static Lookup decode(WireReader in) throws FsException {
      return new Lookup(EntryKey.read(in));
    }
  }

  /** What an inode is now. */
  record GetAttributes(InodeId inode) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.GET_ATTRIBUTES;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    static GetAttributes decode(WireReader in) throws FsException {
      return new GetAttributes(in.inode());
    }
  }

  /**
   * What some partitions of a directory, all of them the receiver's, keep of their own, added up:
   * entries as size, subdirectories as links (partition 0: 2 more), the latest times; beside what
   * all partitions keep alike. Partition 0's part is the inode itself, of any type, as its owner
   * keeps it. SPREAD_CHANGED where there is no such partition.
   */
  record GetShares(InodeId directory, List<Integer> partitions) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(directory, partitions.getFirst()).value();
    }

    @Override
    public MessageType type() {
      return MessageType.GET_SHARES;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.list(partitions, WireWriter::intValue);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(directory);
    }

    static GetShares decode(WireReader in) throws FsException {
      InodeId directory = in.inode();
      List<Integer> partitions = in.list(Integer.BYTES, WireReader::intValue);
      if (partitions.isEmpty()) {
        throw new FsException(FsError.BAD_MESSAGE, "no partitions");
      }
      return new GetShares(directory, partitions);
    }
  }

  /**
   * Changes attributes, not the size.
   *
   * @param change with its change time: the receiver's clock plays no part
   */
  record SetAttributes(OperationStamp stamp, InodeId inode, AttributeChange change)
      implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.SET_ATTRIBUTES;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
      Values.writeAttributeChange(out, change);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    static SetAttributes decode(WireReader in) throws FsException {
      return new SetAttributes(OperationStamp.read(in), in.inode(), Values.readAttributeChange(in));
    }
  }

  /**
   * Sets a file's size, up or down. Answered when every chunk owner has cut; raises the data
   * generation when it cuts.
   */
  record Truncate(OperationStamp stamp, InodeId inode, long sizeBytes, long nowNanos)
      implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.TRUNCATE;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
      out.longValue(sizeBytes);
      out.longValue(nowNanos);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    @Override
    public InodeId changesDataOf() {
      return inode;
    }

    static Truncate decode(WireReader in) throws FsException {
      return new Truncate(OperationStamp.read(in), in.inode(), in.longValue(), in.longValue());
    }
  }

  /**
   * Makes an inode that is no directory and its dentry, in one batch. An existing name is an error
   * when exclusive, else the answer.
   *
   * @param pin number of the pin to set on the inode for this session; 0 = none
   * @param dataSlot one of the maker's node, for all chunks, should they be wanted there; {@link
   *     #NO_SLOT} = unknown
   */
  record Create(
      OperationStamp stamp,
      EntryKey entry,
      NewInode newInode,
      boolean exclusive,
      long pin,
      int dataSlot,
      long nowNanos)
      implements NamespaceRequest {
    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.CREATE;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      entry.write(out);
      Values.writeNewInode(out, newInode);
      out.flag(exclusive);
      out.longValue(pin);
      out.intValue(dataSlot);
      out.longValue(nowNanos);
    }

    @Override
    public Subject subject() {
      return Subject.of(entry);
    }

    static Create decode(WireReader in) throws FsException {
      return new Create(
          OperationStamp.read(in),
          EntryKey.read(in),
          Values.readNewInode(in),
          in.flag(),
          in.longValue(),
          in.intValue(),
          in.longValue());
    }
  }

  /**
   * Makes a directory; its inode is drawn in a slot of its own.
   *
   * @param newInode a directory
   * @param directorySlot one of the maker's node, for the inode, should it be wanted there; {@link
   *     #NO_SLOT} = unknown
   */
  record MakeDirectory(
      OperationStamp stamp, EntryKey entry, NewInode newInode, int directorySlot, long nowNanos)
      implements NamespaceRequest {
    public MakeDirectory {
      if (newInode.type() != FileType.DIRECTORY) {
        throw new IllegalArgumentException("mkdir of a " + newInode.type());
      }
    }

    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.MAKE_DIRECTORY;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      entry.write(out);
      Values.writeNewDirectory(out, newInode);
      out.intValue(directorySlot);
      out.longValue(nowNanos);
    }

    @Override
    public Subject subject() {
      return Subject.of(entry);
    }

    static MakeDirectory decode(WireReader in) throws FsException {
      return new MakeDirectory(
          OperationStamp.read(in),
          EntryKey.read(in),
          Values.readNewDirectory(in),
          in.intValue(),
          in.longValue());
    }
  }

  /**
   * Removes a name of anything but a directory. The data goes with the last name and the last pin.
   */
  record Unlink(OperationStamp stamp, EntryKey entry, long nowNanos) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.UNLINK;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      entry.write(out);
      out.longValue(nowNanos);
    }

    @Override
    public Subject subject() {
      return Subject.of(entry);
    }

    static Unlink decode(WireReader in) throws FsException {
      return new Unlink(OperationStamp.read(in), EntryKey.read(in), in.longValue());
    }
  }

  /** Removes an empty directory. */
  record RemoveDirectory(OperationStamp stamp, EntryKey entry, long nowNanos)
      implements NamespaceRequest {
    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.REMOVE_DIRECTORY;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      entry.write(out);
      out.longValue(nowNanos);
    }

    @Override
    public Subject subject() {
      return Subject.of(entry);
    }

    static RemoveDirectory decode(WireReader in) throws FsException {
      return new RemoveDirectory(OperationStamp.read(in), EntryKey.read(in), in.longValue());
    }
  }

  /** Gives an inode that is no directory one more name. */
  record Link(OperationStamp stamp, InodeId inode, EntryKey entry, long nowNanos)
      implements NamespaceRequest {
    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.LINK;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
      entry.write(out);
      out.longValue(nowNanos);
    }

    @Override
    public Subject subject() {
      return Subject.of(entry);
    }

    static Link decode(WireReader in) throws FsException {
      return new Link(OperationStamp.read(in), in.inode(), EntryKey.read(in), in.longValue());
    }
  }

  /**
   * Moves a name, atomically, over an existing target where POSIX allows it. Asked at the owner of
   * the new name.
   *
   * @param flags the FLAG constants, as renameat2
   */
  record Rename(OperationStamp stamp, EntryKey from, EntryKey to, int flags, long nowNanos)
      implements NamespaceRequest {
    public static final int FLAG_NO_REPLACE = 1;
    public static final int FLAG_EXCHANGE = 2;

    @Override
    public int slotValue() {
      return to.slot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.RENAME;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      from.write(out);
      to.write(out);
      out.intValue(flags);
      out.longValue(nowNanos);
    }

    @Override
    public Subject subject() {
      return Subject.of(from);
    }

    static Rename decode(WireReader in) throws FsException {
      return new Rename(
          OperationStamp.read(in),
          EntryKey.read(in),
          EntryKey.read(in),
          in.intValue(),
          in.longValue());
    }
  }

  /** The target of a symlink. */
  record ReadSymlink(InodeId inode) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.READ_SYMLINK;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    static ReadSymlink decode(WireReader in) throws FsException {
      return new ReadSymlink(in.inode());
    }
  }

  /**
   * A page of one partition of a directory, in order of the names' hashes. Names of equal hash are
   * never split between two pages.
   *
   * @param partitionExponent k as the sender knows it
   * @param afterHash cookie of the last entry seen; 0 = from the start
   * @param maxBytes of the encoded page, a target
   * @param withAttributes whether to add the attributes of inodes that the receiver owns
   */
  record ReadDirectory(
      InodeId directory,
      int partitionExponent,
      int partition,
      long afterHash,
      int maxBytes,
      boolean withAttributes)
      implements NamespaceRequest {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(directory, partition).value();
    }

    @Override
    public MessageType type() {
      return MessageType.READ_DIRECTORY;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.intValue(partitionExponent);
      out.intValue(partition);
      out.longValue(afterHash);
      out.intValue(maxBytes);
      out.flag(withAttributes);
    }

    @Override
    public Subject subject() {
      return new Subject.OfPart(directory, partition);
    }

    static ReadDirectory decode(WireReader in) throws FsException {
      return new ReadDirectory(
          in.inode(), in.intValue(), in.intValue(), in.longValue(), in.intValue(), in.flag());
    }
  }

  /**
   * Attributes, and a pin: the inode's data lives until the pin is released or the session ends. A
   * pin of a session on an inode is one number; the higher one counts.
   *
   * @param pin number of the pin to set on the inode for this session, a {@link PinNumber}; 0 =
   *     none
   */
  record Open(InodeId inode, long pin) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.OPEN;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.longValue(pin);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    static Open decode(WireReader in) throws FsException {
      return new Open(in.inode(), in.longValue());
    }
  }

  /** Releases pins up to a number, inode by inode; all of one node. */
  record ReleasePins(List<PinRelease> releases) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return NO_SLOT;
    }

    @Override
    public MessageType type() {
      return MessageType.RELEASE_PINS;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(releases, (to, pin) -> pin.write(to));
    }

    static ReleasePins decode(WireReader in) throws FsException {
      return new ReleasePins(PinRelease.readAll(in));
    }
  }

  /** Attributes and, of a file whose data lies inline, the bytes asked for as payload. */
  record ReadInline(InodeId inode, long offset, int lengthBytes) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.READ_INLINE;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.longValue(offset);
      out.intValue(lengthBytes);
    }

    @Override
    public long replyPayloadBytesMax() {
      return Math.max(0, lengthBytes);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    static ReadInline decode(WireReader in) throws FsException {
      return new ReadInline(in.inode(), in.longValue(), in.intValue());
    }
  }

  /**
   * Writes the payload into a file whose data lies inline, grows the size as needed. NOT_INLINE
   * when it does not, or would grow past the limit.
   */
  record WriteInline(OperationStamp stamp, InodeId inode, long offset, long nowNanos)
      implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.WRITE_INLINE;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
      out.longValue(offset);
      out.longValue(nowNanos);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    @Override
    public InodeId changesDataOf() {
      return inode;
    }

    static WriteInline decode(WireReader in) throws FsException {
      return new WriteInline(OperationStamp.read(in), in.inode(), in.longValue(), in.longValue());
    }
  }

  /**
   * Moves a file's inline data to its first chunk, once and for good; the answer has the new
   * layout.
   */
  record LeaveInline(OperationStamp stamp, InodeId inode) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.LEAVE_INLINE;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    @Override
    public InodeId changesDataOf() {
      return inode;
    }

    static LeaveInline decode(WireReader in) throws FsException {
      return new LeaveInline(OperationStamp.read(in), in.inode());
    }
  }

  /**
   * Tells the owner of data written to chunks: grows the size (never shrinks it), sets mtime and
   * ctime unless they are later, raises the data version. STALE_GENERATION when the file was cut
   * since; ranges that were cleared since don't matter.
   *
   * @param solidFromBytes from where on everything up to the end has been written; behind the size
   *     that the owner knows, it leaves a hole
   * @param sizeBytes the end of what was written; 0 = only the times
   */
  record ReportWrite(
      InodeId inode, long dataGeneration, long solidFromBytes, long sizeBytes, long mtimeNanos)
      implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.REPORT_WRITE;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.longValue(dataGeneration);
      out.longValue(solidFromBytes);
      out.longValue(sizeBytes);
      out.longValue(mtimeNanos);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    @Override
    public InodeId changesDataOf() {
      return inode;
    }

    static ReportWrite decode(WireReader in) throws FsException {
      return new ReportWrite(
          in.inode(), in.longValue(), in.longValue(), in.longValue(), in.longValue());
    }
  }

  /** Makes everything acknowledged for the slots of this node survive a power failure. */
  record SyncInode(InodeId inode) implements NamespaceRequest {
    @Override
    public int slotValue() {
      return inode.slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.SYNC_INODE;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
    }

    @Override
    public Subject subject() {
      return new Subject.OfInode(inode);
    }

    static SyncInode decode(WireReader in) throws FsException {
      return new SyncInode(in.inode());
    }
  }
}
