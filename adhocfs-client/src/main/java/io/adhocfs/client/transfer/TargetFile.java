package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A file that is copied into, under a temporary name until {@link #publish}. No call waits. After
 * {@link #close}, either publish or discard is called, once.
 */
interface TargetFile {

  /** Writes all of the buffer, which it releases whatever happens. Several may be under way. */
  CompletableFuture<Void> write(long offset, ByteBuf data);

  /** As {@link SourceFile#read}, to compare. */
  CompletableFuture<ByteBuf> read(long offset, int lengthBytes);

  /** Sets extended attributes; does nothing where the target's file system has no such thing. */
  CompletableFuture<Void> setAttributes(List<ExtendedAttribute> attributes);

  /**
   * After all writes: gives it a size and the source's attributes and answers what it is then. Data
   * that was acknowledged is with the daemons or the host's kernel.
   */
  CompletableFuture<Facts> finish(Facts source, long sizeBytes);

  /** To be called once, whatever happened; errors of earlier writes are told here at the latest. */
  CompletableFuture<Void> close();

  /**
   * Gives the file its final name, atomically; what had that name is replaced. Where it fails, the
   * file is still to be discarded.
   *
   * @return false = something has got the name meanwhile that is to stay; this file is gone
   */
  CompletableFuture<Boolean> publish();

  /** Removes what is not whole. */
  CompletableFuture<Void> discard();
}
