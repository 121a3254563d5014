package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.chunk.Disk;
import io.adhocfs.daemon.chunk.DiskFile;
import io.adhocfs.daemon.storage.BackingDisk;
import io.adhocfs.protocol.model.FsException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A disk as one process uses it: it may die before each change. */
final class MortalDisk implements Disk {
  private final Disk disk;
  private final Runnable mayDie;

  /**
   * @param mayDie throws the process's death, should it be its time, and if it has died
   */
  MortalDisk(Disk disk, Runnable mayDie) {
    this.disk = disk;
    this.mayDie = mayDie;
  }

  @Override
  public Path directory() {
    return disk.directory();
  }

  @Override
  public @Nullable DiskFile open(Path path, boolean create) throws FsException {
    mayDie.run();
    DiskFile file = disk.open(path, create);
    return file == null ? null : new MortalFile(file);
  }

  @Override
  public @Nullable Extent extent(Path path) throws FsException {
    return disk.extent(path);
  }

  @Override
  public boolean exists(Path path) {
    return disk.exists(path);
  }

  @Override
  public boolean isDirectory(Path path) {
    return disk.isDirectory(path);
  }

  @Override
  public List<Path> list(Path directory) throws FsException {
    return disk.list(directory);
  }

  @Override
  public void makeDirectories(Path path) throws FsException {
    disk.makeDirectories(path);
  }

  @Override
  public void makeFile(Path path) throws FsException {
    mayDie.run();
    disk.makeFile(path);
  }

  @Override
  public boolean delete(Path path) throws FsException {
    mayDie.run();
    return disk.delete(path);
  }

  @Override
  public void syncDirectory(Path path) throws FsException {
    mayDie.run();
    disk.syncDirectory(path);
  }

  @Override
  public BackingDisk.Room room() throws FsException {
    return disk.room();
  }

  @Override
  public String name() throws FsException {
    return disk.name();
  }

  private final class MortalFile implements DiskFile {
    private final DiskFile file;

    MortalFile(DiskFile file) {
      this.file = file;
    }

    @Override
    public long read(long address, long length, long position) throws FsException {
      return file.read(address, length, position);
    }

    @Override
    public void write(long address, long length, long position) throws FsException {
      mayDie.run();
      file.write(address, length, position);
    }

    @Override
    public void setSize(long sizeBytes) throws FsException {
      mayDie.run();
      file.setSize(sizeBytes);
    }

    @Override
    public boolean punch(long position, long length) throws FsException {
      mayDie.run();
      return file.punch(position, length);
    }

    @Override
    public long data(long position) {
      return file.data(position);
    }

    @Override
    public long hole(long position) {
      return file.hole(position);
    }

    @Override
    public boolean isAllocated(long position, long length) {
      return file.isAllocated(position, length);
    }

    @Override
    public Extent extent() throws FsException {
      return file.extent();
    }

    @Override
    public void sync() throws FsException {
      mayDie.run();
      file.sync();
    }

    @Override
    public void close() {
      file.close();
    }
  }
}
