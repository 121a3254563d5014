package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.storage.BackingDisk;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A file system of this host. */
public final class LocalDisk implements Disk {
  private final Path directory;
  private final BackingDisk below;

  /** The one below a directory, which may not be there yet. */
  public LocalDisk(Path directory) {
    this.directory = directory;
    below = new BackingDisk(directory);
  }

  @Override
  public Path directory() {
    return directory;
  }

  @Override
  public @Nullable DiskFile open(Path path, boolean create) throws FsException {
    int descriptor = NativeFile.open(path, create);
    return descriptor < 0 ? null : new LocalFile(descriptor);
  }

  @Override
  public @Nullable Extent extent(Path path) throws FsException {
    return NativeFile.extent(path);
  }

  @Override
  public boolean exists(Path path) {
    return Files.exists(path);
  }

  @Override
  public boolean isDirectory(Path path) {
    return Files.isDirectory(path);
  }

  @Override
  public List<Path> list(Path directory) throws FsException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> names = Files.newDirectoryStream(directory)) {
      names.forEach(found::add);
      return found;
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException | DirectoryIteratorException e) {
      throw failure("listing", directory, e);
    }
  }

  @Override
  public void makeDirectories(Path path) throws FsException {
    try {
      Files.createDirectories(path);
    } catch (IOException e) {
      throw failure("making", path, e);
    }
  }

  @Override
  public void makeFile(Path path) throws FsException {
    try {
      Files.createFile(path);
    } catch (FileAlreadyExistsException e) {
      // As it should be.
    } catch (IOException e) {
      throw failure("making", path, e);
    }
  }

  @Override
  public boolean delete(Path path) throws FsException {
    try {
      return Files.deleteIfExists(path);
    } catch (DirectoryNotEmptyException e) {
      return false;
    } catch (IOException e) {
      throw failure("deleting", path, e);
    }
  }

  @Override
  public void syncDirectory(Path path) throws FsException {
    try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (NoSuchFileException e) {
      // Its last file was deleted meanwhile.
    } catch (IOException e) {
      throw failure("syncing", path, e);
    }
  }

  @Override
  public BackingDisk.Room room() throws FsException {
    return below.room();
  }

  @Override
  public String name() throws FsException {
    return below.name();
  }

  private static FsException failure(String doing, Path path, Exception e) {
    String reason = String.valueOf(e.getMessage());
    FsError error = reason.contains("No space left") ? FsError.NO_SPACE : FsError.STORAGE_FAILED;
    return new FsException(error, doing + " " + path + ": " + reason, e);
  }

  /** By its descriptor. */
  private record LocalFile(int descriptor) implements DiskFile {
    @Override
    public long read(long address, long length, long position) throws FsException {
      return NativeFile.read(descriptor, address, length, position);
    }

    @Override
    public void write(long address, long length, long position) throws FsException {
      NativeFile.write(descriptor, address, length, position);
    }

    @Override
    public void setSize(long sizeBytes) throws FsException {
      NativeFile.setSize(descriptor, sizeBytes);
    }

    @Override
    public boolean punch(long position, long length) throws FsException {
      return NativeFile.punch(descriptor, position, length);
    }

    @Override
    public long data(long position) {
      return NativeFile.data(descriptor, position);
    }

    @Override
    public long hole(long position) {
      return NativeFile.hole(descriptor, position);
    }

    @Override
    public Extent extent() throws FsException {
      return NativeFile.extent(descriptor);
    }

    @Override
    public void sync() throws FsException {
      NativeFile.sync(descriptor);
    }

    @Override
    public void close() {
      NativeFile.close(descriptor);
    }
  }
}
