package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;

/** A file system that is copied from or into, by path. All calls wait. */
interface CopyPlace {

  /**
   * What a path is; null where there is nothing.
   *
   * @param followLink whether a symbolic link at the path's end stands for what it points to
   */
  @Nullable Facts facts(byte[] path, boolean followLink) throws FsException;

  SourceDirectory openSource(byte[] directory) throws FsException;

  TargetDirectory openTarget(byte[] directory) throws FsException;
}
