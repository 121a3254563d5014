package io.adhocfs.protocol.instance;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;

/**
 * Where a user's instances are written down: a directory for each, with the instance's file and a
 * file for each of its mounts. The directories are 0700 and the files 0600, for they hold secrets.
 *
 * <p>Files are replaced as a whole: a reader sees the old or the new one. Safe for many processes;
 * of two that replace the same file at once, one wins. The directory may lie on a file system that
 * several hosts share.
 */
public final class InstanceDirectory {
  private static final String INSTANCE_FILE = "instance.json";
  private static final String MOUNTS = "mounts";
  private static final String REMOVED = "removed";
  private static final String MOUNT_POINT = "mount-point";
  private static final int REMOVE_ATTEMPTS_MAX = 100;
  private static final long REMOVE_PAUSE_NANOS = 20_000_000;

  private final Path home;

  public InstanceDirectory(Path home) {
    this.home = home;
  }

  /** The one that these environment variables name: $ADHOCFS_HOME, else $HOME/.adhocfs. */
  public static InstanceDirectory of(Map<String, String> environment) throws FsException {
    String given = environment.getOrDefault("ADHOCFS_HOME", "");
    if (!given.isEmpty()) {
      return new InstanceDirectory(Path.of(given).toAbsolutePath());
    }
    String userHome = environment.getOrDefault("HOME", "");
    if (userHome.isEmpty()) {
      throw new FsException(
          FsError.INVALID,
          "neither ADHOCFS_HOME nor HOME is set: set ADHOCFS_HOME to the directory that lists your instances");
    }
    return new InstanceDirectory(Path.of(userHome, ".adhocfs").toAbsolutePath());
  }

  public Path path() {
    return home;
  }

  /** The directory of one instance, whether it exists or not. */
  public Path path(String name) {
    InstanceDescription.checkName(name);
    return home.resolve(name);
  }

  /** The instances that are written down, by name; whether they run is another matter. */
  public List<String> names() throws FsException {
    var names = new TreeSet<String>();
    try (DirectoryStream<Path> children = Files.newDirectoryStream(home)) {
      for (Path child : children) {
        if (Files.exists(child.resolve(INSTANCE_FILE))) {
          names.add(child.getFileName().toString());
        }
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException e) {
      throw failed("list the instances in", home, e);
    }
    return List.copyOf(names);
  }

  /**
   * What is written down of an instance.
   *
   * @throws FsException NOT_FOUND; CORRUPT or UNKNOWN_MESSAGE when the file cannot be understood
   */
  public InstanceDescription read(String name) throws FsException {
    Path file = path(name).resolve(INSTANCE_FILE);
    try {
      return InstanceDescription.parse(file.toString(), Files.readAllBytes(file));
    } catch (NoSuchFileException e) {
      throw new FsException(FsError.NOT_FOUND, "there is no instance '" + name + "' in " + home, e);
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw failed("read", file, e);
    }
  }

  /**
   * Writes a new instance down.
   *
   * @throws FsException EXISTS when the name is taken
   */
  public void create(InstanceDescription description) throws FsException {
    Path directory = path(description.instance().name());
    try {
      makeDirectories(home);
      if (Files.isDirectory(directory) && !Files.exists(directory.resolve(INSTANCE_FILE))) {
        // A create that was killed between its two steps; nothing was started yet.
        deleteTree(directory);
      }
      Files.createDirectory(directory, onlyOwner("rwx------"));
      replaceFile(directory.resolve(INSTANCE_FILE), description.toJson());
    } catch (FileAlreadyExistsException e) {
      throw new FsException(
          FsError.EXISTS,
          "there is an instance '" + description.instance().name() + "' already, in " + home,
          e);
    } catch (IOException e) {
      throw failed("write", directory, e);
    }
  }

  /** Writes what has changed of an instance that is written down. */
  public void replace(InstanceDescription description) throws FsException {
    Path file = path(description.instance().name()).resolve(INSTANCE_FILE);
    try {
      replaceFile(file, description.toJson());
    } catch (IOException e) {
      throw failed("write", file, e);
    }
  }

  /** Forgets an instance and its mounts; nothing happens if it is not written down. */
  public void remove(String name) throws FsException {
    Path directory = path(name);
    try {
      // First the file that makes it an instance: what is left if we die here is no instance.
      Files.deleteIfExists(directory.resolve(INSTANCE_FILE));
      for (int attempt = 1; ; attempt++) {
        try {
          deleteTree(directory);
          break;
        } catch (DirectoryNotEmptyException e) {
          // Processes of the instance that are just ending write into it, or, on NFS, have files
          // open that were removed.
          if (attempt == REMOVE_ATTEMPTS_MAX) {
            throw e;
          }
          LockSupport.parkNanos(REMOVE_PAUSE_NANOS);
        }
      }
    } catch (IOException e) {
      throw failed("remove", directory, e);
    }
  }

  /** The mounts of an instance; their processes may have died since. */
  public List<MountRecord> mounts(String name) throws FsException {
    Path directory = path(name).resolve(MOUNTS);
    List<MountRecord> mounts = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.json")) {
      for (Path file : files) {
        try {
          mounts.add(MountRecord.parse(file.toString(), Files.readString(file)));
        } catch (NoSuchFileException unmountedMeanwhile) {
          // It is no mount any more.
        }
      }
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw failed("list the mounts in", directory, e);
    }
    mounts.sort((a, b) ->
        a.host().equals(b.host())
            ? a.directory().compareTo(b.directory())
            : a.host().compareTo(b.host()));
    return mounts;
  }

  /**
   * Writes a mount down. Replaced are the record of the same host and process, and that of the same
   * directory there: its mount is gone.
   */
  public void putMount(String name, MountRecord mount) throws FsException {
    MountRecord written = mount;
    List<MountRecord> replaced = new ArrayList<>();
    for (MountRecord other : mounts(name)) {
      if (other.isSamePlace(mount)) {
        replaced.add(other);
        // Whoever unmounts at last removes the directory that the first one made.
        written = other.madeDirectory() ? written.withMadeDirectory() : written;
      }
    }
    Path directory = path(name).resolve(MOUNTS);
    try {
      makeDirectories(directory);
      replaceFile(
          directory.resolve(mount.fileName()),
          (written.toJson() + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw failed("write", directory, e);
    }
    for (MountRecord other : replaced) {
      if (other.processId() != mount.processId()) {
        removeMount(name, other);
      }
    }
  }

  /** Forgets a mount; nothing happens if it is not written down. */
  public void removeMount(String name, MountRecord mount) throws FsException {
    Path file = path(name).resolve(MOUNTS).resolve(mount.fileName());
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw failed("remove", file, e);
    }
  }

  /** Writes down where an instance is to be mounted on each of its hosts. */
  public void putMountPoint(String name, Path mountPoint) throws FsException {
    Path file = path(name).resolve(MOUNT_POINT);
    try {
      replaceFile(file, mountPoint.toString().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw failed("write", file, e);
    }
  }

  /** Where an instance is to be mounted on each of its hosts; empty = nowhere by itself. */
  public Optional<Path> mountPoint(String name) throws FsException {
    Path file = path(name).resolve(MOUNT_POINT);
    try {
      return Optional.of(Path.of(Files.readString(file)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw failed("read", file, e);
    }
  }

  /** The name of the instance with this id; empty = it is not written down here. */
  public Optional<String> nameOf(String instanceId) throws FsException {
    for (String name : names()) {
      try {
        if (read(name).instance().id().equals(instanceId)) {
          return Optional.of(name);
        }
      } catch (FsException e) {
        // Another one, which was removed just now or which this program does not understand.
      }
    }
    return Optional.empty();
  }

  /**
   * Writes down that nothing of a node is left on its host. A file of its own, for nodes end at the
   * same time and nobody else is there to collect what they say. Nothing happens if the instance is
   * not written down any more.
   */
  public void putRemoved(String name, NodeId node) throws FsException {
    Path directory = path(name).resolve(REMOVED);
    try {
      if (!Files.isDirectory(directory)) {
        Files.createDirectory(directory, onlyOwner("rwx------"));
      }
    } catch (FileAlreadyExistsException e) {
      // Another node was first.
    } catch (NoSuchFileException e) {
      return;
    } catch (IOException e) {
      throw failed("write", directory, e);
    }
    try {
      Files.write(directory.resolve(node.toString()), new byte[0]);
    } catch (NoSuchFileException e) {
      // Somebody forgets the instance meanwhile.
    } catch (IOException e) {
      throw failed("write", directory, e);
    }
  }

  /** Takes {@link #putRemoved} back: a node of this number is about to be started. */
  public void takeBackRemoved(String name, NodeId node) throws FsException {
    Path file = path(name).resolve(REMOVED).resolve(node.toString());
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw failed("remove", file, e);
    }
  }

  /** Whether {@link #putRemoved} has been called for this node. */
  public boolean isRemoved(String name, NodeId node) {
    return Files.exists(path(name).resolve(REMOVED).resolve(node.toString()));
  }

  /**
   * Forgets an instance of which every node is removed and no mount is written down. Whoever ends
   * last calls it: nobody else may be there.
   */
  public void removeIfNothingIsLeft(String name) throws FsException {
    if (Files.isDirectory(path(name).resolve(REMOVED))
        && mounts(name).isEmpty()
        && isEveryNodeRemoved(name)) {
      remove(name);
    }
  }

  /** Whether {@link #putRemoved} has been called for all nodes; true for no instance. */
  public boolean isEveryNodeRemoved(String name) throws FsException {
    try {
      return read(name).places().stream().allMatch(place -> isRemoved(name, place.id()));
    } catch (FsException e) {
      if (e.error() == FsError.NOT_FOUND) {
        return true;
      }
      throw e;
    }
  }

  private static void makeDirectories(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      Path parent = directory.getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      try {
        Files.createDirectory(directory, onlyOwner("rwx------"));
      } catch (FileAlreadyExistsException e) {
        if (!Files.isDirectory(directory)) {
          throw e;
        }
      }
    }
  }

  private static void replaceFile(Path file, byte[] content) throws IOException {
    Path unfinished = file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid());
    try {
      Files.deleteIfExists(unfinished);
      try (FileChannel channel =
          FileChannel.open(
              unfinished,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              onlyOwner("rw-------"))) {
        ByteBuffer buffer = ByteBuffer.wrap(content);
        while (buffer.hasRemaining()) {
          channel.write(buffer);
        }
        channel.force(true);
      }
      Files.move(
          unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  private static void deleteTree(Path directory) throws IOException {
    try (DirectoryStream<Path> children = Files.newDirectoryStream(directory)) {
      for (Path child : children) {
        if (Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS)) {
          deleteTree(child);
        } else {
          Files.deleteIfExists(child);
        }
      }
    } catch (NoSuchFileException e) {
      return;
    }
    Files.deleteIfExists(directory);
  }

  private static FileAttribute<?> onlyOwner(String permissions) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions));
  }

  private static FsException failed(String what, Path path, IOException e) {
    return new FsException(
        FsError.STORAGE_FAILED, "cannot " + what + " " + path + ": " + e.getMessage(), e);
  }
}
