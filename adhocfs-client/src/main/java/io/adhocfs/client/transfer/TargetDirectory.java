package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A directory that is copied into. No call waits. Whatever is made stays unreachable for others, or
 * writable for its owner, until it is finished.
 */
interface TargetDirectory extends AutoCloseable {

  /**
   * A file to write, or one to leave alone.
   *
   * @param skipped whether it is to stay as it is; it can still be linked to
   */
  record Opened(TargetFile file, boolean skipped) {}

  /** What the directory itself is. */
  Facts facts();

  /** Makes a directory or finds it. */
  CompletableFuture<TargetDirectory> makeDirectory(byte[] name);

  /** Makes an empty file, or empties or replaces what is there as the options say. */
  CompletableFuture<Opened> openFile(byte[] name, Facts source);

  /** Makes a symbolic link with the source's attributes; false = skipped. */
  CompletableFuture<Boolean> symlink(byte[] name, byte[] target, Facts source);

  /** Makes a FIFO, socket or device node with the source's attributes; false = skipped. */
  CompletableFuture<Boolean> makeNode(byte[] name, Facts source);

  /** Gives a file of this copy one more name; false = skipped. */
  CompletableFuture<Boolean> link(byte[] name, TargetFile file);

  /** Sets extended attributes; left out where the file system has no such thing. */
  CompletableFuture<Void> setAttributes(List<ExtendedAttribute> attributes);

  /** Gives the directory the source's attributes, after everything in it is done. */
  CompletableFuture<Void> finish(Facts source);

  /** To be called when nothing in it is used any more. */
  @Override
  void close();
}
