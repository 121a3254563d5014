package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;

/**
 * Extended attributes of an inode: small values under names of the form {@code namespace.name},
 * asked at the owner of the inode's slot, answered on the metadata thread. Who may do what is
 * checked by whoever asks, as everywhere.
 */
public sealed interface ExtendedAttributeRequest extends Request {
  /** The most bytes of a name. */
  int NAME_BYTES_MAX = 255;

  /** The most bytes of a value. */
  int VALUE_BYTES_MAX = 64 << 10;

  /** The most bytes of all names of an inode, each with an end mark. */
  int NAMES_BYTES_MAX = 64 << 10;

  /** The most bytes of all names and values of an inode. */
  int TOTAL_BYTES_MAX = 1 << 20;

  InodeId inode();

  @Override
  default Subject subject() {
    return new Subject.OfInode(inode());
  }

  @Override
  default int slotValue() {
    return inode().slotValue();
  }

  /**
   * Sets a value. Answered with the inode's attributes.
   *
   * @param mode the MODE constants
   */
  record SetExtendedAttribute(
      OperationStamp stamp, InodeId inode, byte[] name, byte[] value, int mode, long nowNanos)
      implements ExtendedAttributeRequest {
    /** Made or replaced. */
    public static final int MODE_SET = 0;

    /** Made; EXISTS if it is there. */
    public static final int MODE_CREATE = 1;

    /** Replaced; NO_ATTRIBUTE if it is not there. */
    public static final int MODE_REPLACE = 2;

    @Override
    public MessageType type() {
      return MessageType.SET_EXTENDED_ATTRIBUTE;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
      out.bytes(name);
      out.bytes(value);
      out.intValue(mode);
      out.longValue(nowNanos);
    }

    static SetExtendedAttribute decode(WireReader in) throws FsException {
      return new SetExtendedAttribute(
          OperationStamp.read(in),
          in.inode(),
          in.bytes(),
          in.bytes(),
          in.intValue(),
          in.longValue());
    }
  }

  /** The value of one: NO_ATTRIBUTE if it is not there. */
  record GetExtendedAttribute(InodeId inode, byte[] name) implements ExtendedAttributeRequest {
    @Override
    public MessageType type() {
      return MessageType.GET_EXTENDED_ATTRIBUTE;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.bytes(name);
    }

    static GetExtendedAttribute decode(WireReader in) throws FsException {
      return new GetExtendedAttribute(in.inode(), in.bytes());
    }
  }

  /** All names, each with a 0 behind it, as listxattr(2) tells them. */
  record ListExtendedAttributes(InodeId inode) implements ExtendedAttributeRequest {
    @Override
    public MessageType type() {
      return MessageType.LIST_EXTENDED_ATTRIBUTES;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
    }

    static ListExtendedAttributes decode(WireReader in) throws FsException {
      return new ListExtendedAttributes(in.inode());
    }
  }

  /** Removes one: NO_ATTRIBUTE if it is not there. Answered with the inode's attributes. */
  record RemoveExtendedAttribute(OperationStamp stamp, InodeId inode, byte[] name, long nowNanos)
      implements ExtendedAttributeRequest {
    @Override
    public MessageType type() {
      return MessageType.REMOVE_EXTENDED_ATTRIBUTE;
    }

    @Override
    public void encode(WireWriter out) {
      stamp.write(out);
      out.inode(inode);
      out.bytes(name);
      out.longValue(nowNanos);
    }

    static RemoveExtendedAttribute decode(WireReader in) throws FsException {
      return new RemoveExtendedAttribute(
          OperationStamp.read(in), in.inode(), in.bytes(), in.longValue());
    }
  }
}
