package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.InodeId;

/** Changes some attributes of an inode and keeps the rest. Not thread-safe; used once. */
public final class AttributeEdit {
  private final FileAttributes before;
  private int mode;
  private int uid;
  private int gid;
  private int linkCount;
  private long sizeBytes;
  private long atimeNanos;
  private long mtimeNanos;
  private long ctimeNanos;
  private InodeId parent;
  private int partitionExponent;
  private long dataGeneration;
  private long dataVersion;
  private boolean mayHaveHoles;
  private boolean hasExtendedAttributes;
  private FileLayout layout;

  private AttributeEdit(FileAttributes before) {
    this.before = before;
    mode = before.mode();
    uid = before.uid();
    gid = before.gid();
    linkCount = before.linkCount();
    sizeBytes = before.sizeBytes();
    atimeNanos = before.atimeNanos();
    mtimeNanos = before.mtimeNanos();
    ctimeNanos = before.ctimeNanos();
    parent = before.parent();
    partitionExponent = before.partitionExponent();
    dataGeneration = before.dataGeneration();
    dataVersion = before.dataVersion();
    mayHaveHoles = before.mayHaveHoles();
    hasExtendedAttributes = before.hasExtendedAttributes();
    layout = before.layout();
  }

  public static AttributeEdit of(FileAttributes before) {
    return new AttributeEdit(before);
  }

  public AttributeEdit mode(int value) {
    mode = value;
    return this;
  }

  public AttributeEdit uid(int value) {
    uid = value;
    return this;
  }

  public AttributeEdit gid(int value) {
    gid = value;
    return this;
  }

  public AttributeEdit dataset(int id) {
    layout = layout.inDataset(id);
    return this;
  }

  public AttributeEdit addLinks(int delta) {
    linkCount = Math.addExact(linkCount, delta);
    return this;
  }

  public AttributeEdit sizeBytes(long value) {
    sizeBytes = value;
    return this;
  }

  public AttributeEdit atime(long nanos) {
    atimeNanos = nanos;
    return this;
  }

  public AttributeEdit mtime(long nanos) {
    mtimeNanos = nanos;
    return this;
  }

  public AttributeEdit parent(InodeId value) {
    parent = value;
    return this;
  }

  public AttributeEdit links(int value) {
    linkCount = value;
    return this;
  }

  public AttributeEdit partitionExponent(int value) {
    partitionExponent = value;
    return this;
  }

  public AttributeEdit dataVersion(long value) {
    dataVersion = value;
    return this;
  }

  public AttributeEdit ctime(long nanos) {
    ctimeNanos = nanos;
    return this;
  }

  public AttributeEdit dataGeneration(long value) {
    dataGeneration = value;
    return this;
  }

  public AttributeEdit layout(FileLayout value) {
    layout = value;
    return this;
  }

  public AttributeEdit mayHaveHoles() {
    mayHaveHoles = true;
    return this;
  }

  public AttributeEdit hasExtendedAttributes(boolean value) {
    hasExtendedAttributes = value;
    return this;
  }

  /** The inode, not its content, has changed. */
  public AttributeEdit touched(long nowNanos) {
    ctimeNanos = Times.ctime(before, nowNanos);
    return this;
  }

  /** The content has changed: of a file its bytes, of a directory its entries. */
  public AttributeEdit contentChanged(long nowNanos) {
    mtimeNanos = Times.mtime(before, nowNanos);
    dataVersion = before.dataVersion() + 1;
    return touched(nowNanos);
  }

  public FileAttributes done() {
    return new FileAttributes(
        before.id(),
        before.type(),
        mode,
        uid,
        gid,
        linkCount,
        sizeBytes,
        atimeNanos,
        mtimeNanos,
        ctimeNanos,
        before.deviceNumber(),
        parent,
        partitionExponent,
        dataGeneration,
        dataVersion,
        mayHaveHoles,
        hasExtendedAttributes,
        layout);
  }
}
