package io.adhocfs.it.malleability;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryListing;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A directory through the Java client. */
final class NativeFiles implements CheckedFiles {
  private static final long LOCK_OWNER = 1;

  private final AdhocFileSystem fileSystem;
  private final String directory;
  private @Nullable OpenFile held;

  /**
   * @param fileSystem stays the caller's
   */
  NativeFiles(AdhocFileSystem fileSystem, String directory) throws FsException {
    this.fileSystem = fileSystem;
    this.directory = "/" + directory;
    fileSystem.createDirectory(AdhocPath.ofText(this.directory), 0755);
  }

  private AdhocPath path(String name) throws FsException {
    return AdhocPath.ofText(directory + "/" + name);
  }

  @Override
  public void create(String name) throws FsException {
    fileSystem.open(path(name), OpenOptions.CREATE_EMPTY).close();
  }

  @Override
  public void write(String name, long offset, byte[] bytes) throws FsException {
    try (OpenFile file = fileSystem.open(path(name), OpenOptions.READ_WRITE)) {
      file.write(offset, ByteBuffer.wrap(bytes));
    }
  }

  @Override
  public void append(String name, byte[] bytes) throws FsException {
    try (OpenFile file = fileSystem.open(path(name), OpenOptions.READ_WRITE)) {
      file.append(ByteBuffer.wrap(bytes));
    }
  }

  @Override
  public void truncate(String name, long sizeBytes) throws FsException {
    fileSystem.truncate(path(name), sizeBytes);
  }

  private static byte[] readAll(OpenFile file) throws FsException {
    ByteBuffer bytes = ByteBuffer.allocate((int) file.size());
    int read = file.read(0, bytes);
    if (read != bytes.capacity()) {
      throw new AssertionError(read + " bytes of " + bytes.capacity() + " were read");
    }
    return bytes.array();
  }

  @Override
  public byte[] read(String name) throws FsException {
    try (OpenFile file = fileSystem.open(path(name), OpenOptions.READ)) {
      return readAll(file);
    }
  }

  @Override
  public void rename(String from, String to) throws FsException {
    fileSystem.rename(path(from), path(to), RenameMode.REPLACE);
  }

  @Override
  public void link(String existing, String name) throws FsException {
    fileSystem.link(path(existing), path(name));
  }

  @Override
  public void remove(String name) throws FsException {
    fileSystem.remove(path(name));
  }

  @Override
  public void makeDirectory(String name) throws FsException {
    fileSystem.createDirectory(path(name), 0755);
  }

  @Override
  public void removeDirectory(String name) throws FsException {
    fileSystem.remove(path(name));
  }

  @Override
  public Set<String> list() throws FsException {
    Set<String> names = new HashSet<>();
    DirectoryListing listing = fileSystem.list(AdhocPath.ofText(directory), false);
    for (DirectoryItem item = listing.next(); item != null; item = listing.next()) {
      if (!names.add(new String(item.name().bytes(), UTF_8))) {
        throw new AssertionError(item.name() + " is listed twice");
      }
    }
    return names;
  }

  @Override
  public void hold(String name) throws FsException {
    held = fileSystem.open(path(name), OpenOptions.CREATE);
  }

  private OpenFile held() {
    OpenFile file = held;
    if (file == null) {
      throw new IllegalStateException("nothing is held");
    }
    return file;
  }

  @Override
  public void writeHeld(long offset, byte[] bytes) throws FsException {
    held().write(offset, ByteBuffer.wrap(bytes));
  }

  @Override
  public byte[] readHeld() throws FsException {
    return readAll(held());
  }

  @Override
  public void addOneLocked(String path) throws Exception {
    try (OpenFile file = fileSystem.open(AdhocPath.ofText("/" + path), OpenOptions.READ_WRITE)) {
      var whole = new FileLock(LockKind.POSIX, LockMode.EXCLUSIVE, 0, FileLock.TO_THE_END, 1);
      file.awaitLockAsync(LOCK_OWNER, whole).get();
      ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
      int there = file.read(0, number);
      long before = there == Long.BYTES ? number.getLong(0) : 0;
      file.write(0, ByteBuffer.allocate(Long.BYTES).putLong(0, before + 1));
      file.releaseLocksAsync(LOCK_OWNER).get();
    }
  }

  @Override
  public void close() throws IOException {
    if (held != null) {
      held.close();
    }
  }
}
