package io.adhocfs.daemon.simulation;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.InodeOperations.Keeping;
import io.adhocfs.client.OpenFile;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.netty.buffer.ByteBuf;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * The first eight bytes of files, kept by a process as a kernel keeps pages: until somebody says
 * that they are to be dropped.
 */
final class KeptNumbers {
  private final ClientProcess process;
  private final Map<InodeId, Long> kept = new HashMap<>();

  /** How often something was to be dropped: what is read meanwhile is not kept. */
  private int drops;

  KeptNumbers(ClientProcess process, AdhocFileSystem fs) {
    this.process = process;
    fs.inodes().keptBy(this::drop);
  }

  private CompletableFuture<Void> drop(InodeId inode) {
    written(inode);
    return CompletableFuture.completedFuture(null);
  }

  /** The process itself has written the file: nobody tells it of that. */
  void written(InodeId inode) {
    drops++;
    kept.remove(inode);
  }

  /** Opens a file whose number is kept from now on. */
  OpenFile open(AdhocFileSystem fs, InodeId inode) throws FsException {
    return process.await(fs.inodes().open(inode, Keeping.READ_DATA));
  }

  /** The number at the beginning of the file, as it is kept, or as it is now; 0 = there is none. */
  long number(OpenFile file) throws FsException {
    Long known = kept.get(file.inode());
    if (known != null) {
      return known;
    }
    int before = drops;
    long read = read(process, file);
    if (drops == before) {
      kept.put(file.inode(), read);
    }
    return read;
  }

  static long read(ClientProcess process, OpenFile file) throws FsException {
    ByteBuf got = process.await(file.readBuffer(0, Long.BYTES, null));
    try {
      return got.readableBytes() < Long.BYTES ? 0 : got.getLong(got.readerIndex());
    } finally {
      got.release();
    }
  }
}
