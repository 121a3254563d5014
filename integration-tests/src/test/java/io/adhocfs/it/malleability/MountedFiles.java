package io.adhocfs.it.malleability;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A directory through a mount. */
final class MountedFiles implements CheckedFiles {
  private final Path root;
  private final Path directory;
  private @Nullable FileChannel held;

  MountedFiles(Path root, String directory) throws IOException {
    this.root = root;
    this.directory = Files.createDirectory(root.resolve(directory));
  }

  private Path path(String name) {
    return directory.resolve(name);
  }

  @Override
  public void create(String name) throws IOException {
    Files.write(path(name), new byte[0]);
  }

  private static void writeAll(FileChannel file, long offset, byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) {
      int written = file.write(left, offset + left.position());
      if (written <= 0) {
        throw new IOException("a write of " + left.remaining() + " bytes wrote " + written);
      }
    }
  }

  @Override
  public void write(String name, long offset, byte[] bytes) throws IOException {
    try (FileChannel file = FileChannel.open(path(name), StandardOpenOption.WRITE)) {
      writeAll(file, offset, bytes);
    }
  }

  @Override
  public void append(String name, byte[] bytes) throws IOException {
    Files.write(path(name), bytes, StandardOpenOption.APPEND);
  }

  @Override
  public void truncate(String name, long sizeBytes) throws IOException {
    try (FileChannel file = FileChannel.open(path(name), StandardOpenOption.WRITE)) {
      file.truncate(sizeBytes);
    }
  }

  @Override
  public byte[] read(String name) throws IOException {
    return Files.readAllBytes(path(name));
  }

  @Override
  public void rename(String from, String to) throws IOException {
    Files.move(path(from), path(to), StandardCopyOption.ATOMIC_MOVE);
  }

  @Override
  public void link(String existing, String name) throws IOException {
    Files.createLink(path(name), path(existing));
  }

  @Override
  public void remove(String name) throws IOException {
    Files.delete(path(name));
  }

  @Override
  public void makeDirectory(String name) throws IOException {
    Files.createDirectory(path(name));
  }

  @Override
  public void removeDirectory(String name) throws IOException {
    Files.delete(path(name));
  }

  @Override
  public Set<String> list() throws IOException {
    Set<String> names = new HashSet<>();
    try (Stream<Path> entries = Files.list(directory)) {
      entries.forEach(entry -> {
        if (!names.add(String.valueOf(entry.getFileName()))) {
          throw new AssertionError(entry + " is listed twice");
        }
      });
    }
    return names;
  }

  @Override
  public void hold(String name) throws IOException {
    held =
        FileChannel.open(
            path(name),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
  }

  private FileChannel held() {
    FileChannel file = held;
    if (file == null) {
      throw new IllegalStateException("nothing is held");
    }
    return file;
  }

  @Override
  public void writeHeld(long offset, byte[] bytes) throws IOException {
    writeAll(held(), offset, bytes);
  }

  @Override
  public byte[] readHeld() throws IOException {
    FileChannel file = held();
    ByteBuffer bytes = ByteBuffer.allocate((int) file.size());
    while (bytes.hasRemaining()) {
      if (file.read(bytes, bytes.position()) <= 0) {
        throw new IOException("the file ends at " + bytes.position());
      }
    }
    return bytes.array();
  }

  @Override
  public void addOneLocked(String path) throws IOException {
    try (FileChannel file =
            FileChannel.open(
                root.resolve(path), StandardOpenOption.READ, StandardOpenOption.WRITE);
        var _ = file.lock()) {
      ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
      int there = file.read(number, 0);
      number.clear();
      long before = there == Long.BYTES ? number.getLong(0) : 0;
      writeAll(file, 0, ByteBuffer.allocate(Long.BYTES).putLong(0, before + 1).array());
    }
  }

  @Override
  public void close() throws IOException {
    if (held != null) {
      held.close();
    }
  }
}
