package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** An open file that is copied into. No call waits. */
interface TargetFile {

  /** Writes all of the buffer, which it releases whatever happens. Several may be under way. */
  CompletableFuture<Void> write(long offset, ByteBuf data);

  /** As {@link SourceFile#read}, to compare. */
  CompletableFuture<ByteBuf> read(long offset, int lengthBytes);

  /** Sets extended attributes; does nothing where the target's file system has no such thing. */
  CompletableFuture<Void> setAttributes(List<ExtendedAttribute> attributes);

  /**
   * After all writes: gives it the source's size and attributes and answers what it is then. Data
   * that was acknowledged is with the daemons or the host's kernel.
   */
  CompletableFuture<Facts> finish(Facts source);

  /** To be called once, whatever happened; errors of earlier writes are told here at the latest. */
  CompletableFuture<Void> close();
}
