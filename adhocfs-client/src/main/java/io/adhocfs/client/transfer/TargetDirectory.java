package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A directory that is copied into. No call waits. Whatever is made gets its name when it is whole,
 * in one step, in which what had the name is replaced; a directory that is made stays unreachable
 * for others until it is finished.
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

  /**
   * Removes what ended runs have left here under temporary names; what live ones are writing stays.
   */
  CompletableFuture<Void> removeAbandoned();

  /** Makes an empty file under a temporary name, unless what is there stays by the options. */
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
