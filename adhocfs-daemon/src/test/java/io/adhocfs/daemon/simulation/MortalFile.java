package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;

/** A small file as one process has it: it may die before and after each change. */
final class MortalFile implements SmallFile {
  private final SmallFile file;
  private final Runnable mayDie;

  /**
   * @param mayDie throws the process's death, should it be its time, and if it has died
   */
  MortalFile(SmallFile file, Runnable mayDie) {
    this.file = file;
    this.mayDie = mayDie;
  }

  @Override
  public byte @Nullable [] read() throws FsException {
    return file.read();
  }

  @Override
  public void replace(byte[] content) throws FsException {
    mayDie.run();
    file.replace(content);
    mayDie.run();
  }

  @Override
  public String toString() {
    return file.toString();
  }
}
