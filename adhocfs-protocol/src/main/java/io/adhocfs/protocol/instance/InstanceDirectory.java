package io.adhocfs.protocol.instance;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
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
import java.util.Set;
import java.util.TreeSet;

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
      deleteTree(directory);
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
