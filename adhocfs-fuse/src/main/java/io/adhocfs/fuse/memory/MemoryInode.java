package io.adhocfs.fuse.memory;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import java.util.Arrays;
import java.util.Comparator;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One inode. The lock of the namespace guards its entries and parent; the inode's own monitor,
 * which may be taken inside that lock, guards everything else.
 */
final class MemoryInode {
  private static final FileLayout LAYOUT = new FileLayout(512 << 10, 0, 1, 0, false);

  /**
   * The position of an entry in a listing: by hash, so that a cookie finds its position again after
   * any change. Without a name: behind all entries of that hash.
   */
  record Position(long hash, @Nullable EntryName name) {
    private static final Comparator<Position> ORDER =
        (a, b) -> {
          int byHash = Long.compare(a.hash, b.hash);
          if (byHash != 0 || a.name == b.name) {
            return byHash;
          }
          if (a.name == null || b.name == null) {
            return a.name == null ? 1 : -1;
          }
          return Arrays.compareUnsigned(a.name.bytes(), b.name.bytes());
        };

    static Position of(EntryName name) {
      return new Position(name.hash(), name);
    }

    static Position behind(long hash) {
      return new Position(hash, null);
    }
  }

  final InodeId id;
  final FileType type;
  final long deviceNumber;
  final byte[] linkTarget;
  final MemoryData data;

  /** For a directory; guarded by the namespace. */
  final NavigableMap<Position, MemoryInode> entries = new TreeMap<>(Position.ORDER);

  /** For a directory; guarded by the namespace. */
  MemoryInode parent;

  int mode;
  int uid;
  int gid;
  int linkCount;
  int openCount;
  long atimeNanos;
  long mtimeNanos;
  long ctimeNanos;

  MemoryInode(InodeId id, NewInode made, long nowNanos, AtomicLong availableBytes) {
    this.id = id;
    this.type = made.type();
    this.mode = made.mode();
    this.uid = made.owner().uid();
    this.gid = made.owner().gid();
    this.deviceNumber = made.deviceNumber();
    this.linkTarget = made.symlinkTarget();
    this.data = new MemoryData(availableBytes);
    this.linkCount = type == FileType.DIRECTORY ? 2 : 1;
    this.atimeNanos = nowNanos;
    this.mtimeNanos = nowNanos;
    this.ctimeNanos = nowNanos;
    this.parent = this;
  }

  boolean isDirectory() {
    return type == FileType.DIRECTORY;
  }

  synchronized FileAttributes attributes() {
    long sizeBytes =
        switch (type) {
          case REGULAR -> data.sizeBytes();
          case SYMLINK -> linkTarget.length;
          case DIRECTORY, FIFO, SOCKET, CHARACTER_DEVICE, BLOCK_DEVICE -> 0;
        };
    return new FileAttributes(
        id,
        type,
        mode,
        uid,
        gid,
        linkCount,
        sizeBytes,
        atimeNanos,
        mtimeNanos,
        ctimeNanos,
        deviceNumber,
        isDirectory() ? parent.id : InodeId.NONE,
        0,
        0,
        0,
        false,
        LAYOUT);
  }

  /** To be called when the entries of a directory, or the bytes of a file, have changed. */
  synchronized void contentChanged(long nowNanos) {
    mtimeNanos = nowNanos;
    ctimeNanos = nowNanos;
  }

  /** Adds to the link count; the bytes go with the last name and the last handle. */
  synchronized void changeLinkCount(int by, long nowNanos) {
    linkCount += by;
    ctimeNanos = nowNanos;
    freeIfUnused();
  }

  synchronized void opened() {
    openCount++;
  }

  synchronized void closed() {
    openCount--;
    freeIfUnused();
  }

  synchronized boolean isUnused() {
    return linkCount == 0 && openCount == 0;
  }

  private void freeIfUnused() {
    if (linkCount == 0 && openCount == 0) {
      data.free();
    }
  }
}
