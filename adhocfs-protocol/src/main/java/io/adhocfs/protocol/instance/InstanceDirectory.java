package io.adhocfs.protocol.instance;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
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
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a user's instances are written down: a directory for each, with the instance's file and a
 * file for each of its mounts. The directories are 0700 and the files 0600, for they hold secrets.
 *
 * <p>Each change of an instance's file is a file of its own, {@code instance.VERSION.json}, and the
 * highest version counts. A change is made to the newest version and takes the next number by a
 * hard link, which fails where another process has been faster; the change is then made again to
 * what that one has written. So no change of many processes on many hosts is lost. There is no lock
 * that a process could die with, or that a shared file system might not have: file locks are
 * missing or local to a host on many mounts of Lustre and NFS, a link is atomic on all of them.
 */
public final class InstanceDirectory {
  private static final Pattern INSTANCE_FILE = Pattern.compile("instance\\.([0-9]{1,18})\\.json");
  private static final String MOUNTS = "mounts";
  private static final String REMOVED = "removed";
  private static final String MOUNT_POINT = "mount-point";
  private static final int REMOVE_ATTEMPTS_MAX = 100;
  private static final long REMOVE_PAUSE_NANOS = 20_000_000;

  /** How many versions stay: a reader may be about to open one that is no longer the newest. */
  private static final int VERSIONS_KEPT = 8;

  /** Each failed attempt is another process's success. */
  private static final int UPDATE_ATTEMPTS_MAX = 1000;

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
        if (!versions(child).isEmpty()) {
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
    Path directory = path(name);
    for (int attempt = 1; ; attempt++) {
      NavigableMap<Long, Path> versions = versions(directory);
      if (versions.isEmpty()) {
        throw new FsException(FsError.NOT_FOUND, "there is no instance '" + name + "' in " + home);
      }
      Path file = versions.lastEntry().getValue();
      try {
        return InstanceDescription.parse(file.toString(), Files.readAllBytes(file));
      } catch (FsException e) {
        throw e;
      } catch (NoSuchFileException e) {
        // Newer ones have come since the directory was listed, or the instance has gone.
        if (attempt == UPDATE_ATTEMPTS_MAX) {
          throw failed("read", file, e);
        }
      } catch (IOException e) {
        throw failed("read", file, e);
      }
    }
  }

  /** The versions of an instance's file, by their numbers; none where there is no instance. */
  private static NavigableMap<Long, Path> versions(Path directory) throws FsException {
    var versions = new TreeMap<Long, Path>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "instance.*.json")) {
      for (Path file : files) {
        Matcher matcher = INSTANCE_FILE.matcher(file.getFileName().toString());
        if (matcher.matches()) {
          versions.put(Long.parseLong(matcher.group(1)), file);
        }
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      return versions;
    } catch (DirectoryIteratorException e) {
      throw failed("list", directory, new IOException(e));
    } catch (IOException e) {
      throw failed("list", directory, e);
    }
    return versions;
  }

  /**
   * Writes a new instance down.
   *
   * @return what has been written
   * @throws FsException EXISTS when the name is taken
   */
  public InstanceDescription create(InstanceDescription description) throws FsException {
    Path directory = path(description.instance().name());
    try {
      makeDirectories(home);
      if (Files.isDirectory(directory) && versions(directory).isEmpty()) {
        // A create that was killed between its two steps; nothing was started yet.
        deleteTree(directory);
      }
      Files.createDirectory(directory, onlyOwner("rwx------"));
      InstanceDescription first = description.withVersion(1);
      replaceFile(file(directory, 1), first.toJson());
      return first;
    } catch (FileAlreadyExistsException e) {
      throw new FsException(
          FsError.EXISTS,
          "there is an instance '" + description.instance().name() + "' already, in " + home,
          e);
    } catch (IOException e) {
      throw failed("write", directory, e);
    }
  }

  /**
   * Changes what is written down of an instance. Changes by other processes at the same time are
   * kept: this one is made to the newest version, more than once where others come in between.
   *
   * @param known the instance that is meant
   * @param change made of what is written down what is to be; a change that finds its work done
   *     gives back what it got, and nothing is written
   * @return what is written down now
   * @throws FsException NOT_FOUND when the instance is not written down any more, or another one of
   *     its name is
   */
  public InstanceDescription update(
      InstanceDescription known, UnaryOperator<InstanceDescription> change) throws FsException {
    String name = known.instance().name();
    for (int attempt = 0; attempt < UPDATE_ATTEMPTS_MAX; attempt++) {
      InstanceDescription newest = read(name);
      if (!newest.instance().id().equals(known.instance().id())) {
        throw new FsException(
            FsError.NOT_FOUND,
            "the instance '" + name + "' has been taken down; there is another one of this name");
      }
      InstanceDescription changed = change.apply(newest).withVersion(newest.version());
      if (Arrays.equals(changed.toJson(), newest.toJson())) {
        return newest;
      }
      InstanceDescription next = changed.withVersion(newest.version() + 1);
      if (add(next)) {
        return next;
      }
    }
    throw new FsException(
        FsError.BUSY, "other commands change the instance '" + name + "' all the time: try again");
  }

  private static Path file(Path directory, long version) {
    return directory.resolve("instance." + version + ".json");
  }

  /** Adds a version; false when its number is taken. */
  private boolean add(InstanceDescription description) throws FsException {
    Path directory = path(description.instance().name());
    Path file = file(directory, description.version());
    Path unfinished = unfinished(file);
    try {
      writeNew(unfinished, description.toJson());
      if (!link(unfinished, file)) {
        return false;
      }
      // Old versions are removed in their order. So while the version before this one is there,
      // nobody has removed an earlier file of this number, and this one is the next.
      if (!Files.exists(file(directory, description.version() - 1))) {
        Files.deleteIfExists(file);
        return false;
      }
      NavigableMap<Long, Path> versions = versions(directory);
      for (Path old : versions.headMap(description.version() - VERSIONS_KEPT, true).values()) {
        Files.deleteIfExists(old);
      }
      return true;
    } catch (IOException e) {
      throw failed("write", file, e);
    } finally {
      deleteQuietly(unfinished);
    }
  }

  /** Gives a file its name; false when there is another one of that name. */
  private static boolean link(Path unfinished, Path file) throws IOException {
    try {
      Files.createLink(file, unfinished);
      return true;
    } catch (FileAlreadyExistsException e) {
      // Over NFS, the answer to a link that was made may have been lost.
      return Files.getAttribute(unfinished, "unix:nlink").equals(2);
    }
  }

  /** Forgets an instance and its mounts; nothing happens if it is not written down. */
  public void remove(String name) throws FsException {
    Path directory = path(name);
    try {
      // First the files that make it an instance, the newest last: what is left if we die here is
      // the instance as it was, or none.
      for (Path file : versions(directory).values()) {
        Files.deleteIfExists(file);
      }
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
    Path unfinished = unfinished(file);
    try {
      writeNew(unfinished, content);
      Files.move(
          unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      deleteQuietly(unfinished);
    }
  }

  /** A name that no other process has, on whatever host. */
  private static Path unfinished(Path file) {
    return file.resolveSibling(
        file.getFileName()
            + "."
            + HexFormat.of().toHexDigits(new SecureRandom().nextLong())
            + ".new");
  }

  private static void writeNew(Path file, byte[] content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            onlyOwner("rw-------"))) {
      ByteBuffer buffer = ByteBuffer.wrap(content);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      channel.force(true);
    }
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // Nobody reads it; it goes with the instance.
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
