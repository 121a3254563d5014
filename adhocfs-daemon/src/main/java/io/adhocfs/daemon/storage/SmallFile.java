package io.adhocfs.daemon.storage;

import io.adhocfs.protocol.model.FsException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A file that is read whole and replaced whole, so that a crash leaves the old or the new one. One
 * thread at a time replaces it.
 */
public interface SmallFile {
  /** Longer files are not read. */
  int BYTES_MAX = 64 << 20;

  /** The file at a path of the local disk. */
  static SmallFile at(Path path) {
    return new LocalFile(path);
  }

  /**
   * What it holds, or null where there is none.
   *
   * @throws FsException CORRUPT for one that is too long, STORAGE_FAILED
   */
  byte @Nullable [] read() throws FsException;

  /**
   * Replaces it; on return it survives a power failure. Blocks on the disk.
   *
   * @throws FsException NO_SPACE, STORAGE_FAILED; the old file is still there
   */
  void replace(byte[] content) throws FsException;

  /** Its place, for people. */
  @Override
  String toString();
}
