package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.storage.SmallFile;
import org.jspecify.annotations.Nullable;

/** A small file in memory, which survives everything. */
final class MemoryFile implements SmallFile {
  private final String name;
  private byte @Nullable [] content;

  MemoryFile(String name) {
    this.name = name;
  }

  @Override
  public byte @Nullable [] read() {
    return content == null ? null : content.clone();
  }

  @Override
  public void replace(byte[] newContent) {
    content = newContent.clone();
  }

  @Override
  public String toString() {
    return name;
  }
}
