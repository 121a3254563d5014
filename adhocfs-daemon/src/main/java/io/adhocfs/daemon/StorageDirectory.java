package io.adhocfs.daemon;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.storage.BackingDisk;
import io.adhocfs.daemon.storage.Ballast;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The directory of one daemon, held by one process at a time: says whose it is, counts its starts,
 * and tells where the daemon is when it is ready.
 */
final class StorageDirectory implements AutoCloseable {
  /** Says whose the directory is. */
  static final String FORMAT = "FORMAT";

  private static final String MAGIC = "adhocfs storage";
  private static final int VERSION = 2;
  private static final String READY_FILE = "daemon.json";

  /** sockaddr_un has 108 bytes for a path and its end. */
  private static final int SOCKET_PATH_BYTES_MAX = 107;

  private final Path directory;
  private final FileChannel lockFile;
  private final FileLock lock;
  private final long incarnation;
  private final Ballast ballast;

  private StorageDirectory(
      Path directory, FileChannel lockFile, FileLock lock, long incarnation, Ballast ballast) {
    this.directory = directory;
    this.lockFile = lockFile;
    this.lock = lock;
    this.incarnation = incarnation;
    this.ballast = ballast;
  }

  /**
   * Takes a directory: makes it if it is missing, marks it as this node's if it is new, and counts
   * this start.
   *
   * @throws FsException INVALID for one on a mount of this program; BUSY while another daemon has
   *     it; REFUSED for another node's or instance's; NOT_FOUND for what is left of a node that was
   *     being removed, which is removed now; CORRUPT and NOT_SUPPORTED for what cannot be read;
   *     STORAGE_FAILED
   */
  static StorageDirectory take(Path directory, String instanceId, NodeId node) throws FsException {
    Mounts.refuseOwn(directory);
    FileChannel lockFile = null;
    Ballast ballast;
    try {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      lockFile =
          FileChannel.open(
              directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = tryLock(lockFile);
      if (lock == null) {
        throw new FsException(
            FsError.BUSY, "another daemon runs on " + directory + ": it holds the file lock");
      }
      if (StorageRemoval.hasBegun(directory)) {
        StorageRemoval.remove(directory);
        throw new FsException(
            FsError.NOT_FOUND,
            "node %s has left the instance or was taken down; what was left of its data in %s is removed now"
                .formatted(node, directory));
      }
      ballast = new Ballast(directory);
      // Before anything is written: this start may be what the ballast is for.
      ballast.giveUpIfScarce();
      long incarnation = start(directory, instanceId, node, bootId());
      Files.deleteIfExists(directory.resolve(READY_FILE));
      var taken = new StorageDirectory(directory, lockFile, lock, incarnation, ballast);
      lockFile = null;
      return taken;
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot use the data directory " + directory + ": " + e, e);
    } finally {
      if (lockFile != null) {
        closeQuietly(lockFile);
      }
    }
  }

  private static @Nullable FileLock tryLock(FileChannel file) throws IOException {
    try {
      return file.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  /** Where the kernel does not tell, each start of the daemon counts as one of the machine. */
  private static String bootId() {
    try {
      return BackingDisk.bootId();
    } catch (IOException e) {
      return UUID.randomUUID().toString();
    }
  }

  /**
   * Counts a start; answers the incarnation.
   *
   * @param bootId names the machine's start
   */
  static long start(Path directory, String instanceId, NodeId node, String bootId)
      throws FsException {
    var file = new CheckedTextFile(directory.resolve(FORMAT), MAGIC, VERSION, VERSION);
    Map<String, String> stored = file.read();
    long starts = 0;
    long storageTerm = 0;
    if (stored == null) {
      if (Files.exists(directory.resolve("metadata"))
          || Files.exists(directory.resolve("chunks"))) {
        throw new FsException(
            FsError.CORRUPT,
            directory + " is corrupt: it has data, but no file FORMAT that says whose");
      }
    } else {
      String whose = stored.get("instance") + " node " + stored.get("node");
      if (!whose.equals(instanceId + " node " + node.value())) {
        throw new FsException(
            FsError.REFUSED,
            "%s holds the data of instance %s, not of %s node %d"
                .formatted(directory, whose, instanceId, node.value()));
      }
      try {
        starts = Long.parseLong(stored.getOrDefault("starts", ""));
        storageTerm = Long.parseLong(stored.getOrDefault("term", ""));
      } catch (NumberFormatException e) {
        throw new FsException(
            FsError.CORRUPT, directory + "/FORMAT is corrupt: it does not count starts", e);
      }
      if (!bootId.equals(stored.get("boot"))) {
        storageTerm++;
      }
    }
    var values = new LinkedHashMap<String, String>();
    values.put("instance", instanceId);
    values.put("node", String.valueOf(node.value()));
    values.put("starts", String.valueOf(starts + 1));
    values.put("boot", bootId);
    values.put("term", String.valueOf(storageTerm));
    file.write(values);
    return ClusterMap.Node.incarnation(storageTerm, starts + 1);
  }

  /** What is given up when the disk is full. */
  Ballast ballast() {
    return ballast;
  }

  Path path() {
    return directory;
  }

  /** A small file of its own in this directory. */
  SmallFile file(String name) {
    return SmallFile.at(directory.resolve(name));
  }

  Path metadata() {
    return directory.resolve("metadata");
  }

  Path chunks() {
    return directory.resolve("chunks");
  }

  /** How often a daemon has started on this directory, this time included. */
  long incarnation() {
    return incarnation;
  }

  /**
   * A path for a Unix socket that the kernel takes: in the directory, or, where its path is too
   * long, in the directory for temporary files under a name that only this directory gives.
   */
  Path socketPath(String configured) throws FsException {
    if (!configured.isEmpty()) {
      if (bytes(configured) > SOCKET_PATH_BYTES_MAX) {
        throw new FsException(
            FsError.NAME_TOO_LONG,
            "the socket path %s has %d bytes; the kernel takes %d"
                .formatted(configured, bytes(configured), SOCKET_PATH_BYTES_MAX));
      }
      return Path.of(configured);
    }
    Path inside = directory.resolve("socket");
    if (bytes(inside.toString()) <= SOCKET_PATH_BYTES_MAX) {
      return inside;
    }
    var hash = new CRC32C();
    hash.update(directory.toString().getBytes(StandardCharsets.UTF_8));
    long other = directory.toString().hashCode() & 0xFFFFFFFFL;
    return Path.of(
        System.getProperty("java.io.tmpdir", "/tmp"),
        "adhocfs-" + HexFormat.of().toHexDigits((hash.getValue() << 32) | other) + ".socket");
  }

  private static int bytes(String path) {
    return path.getBytes(StandardCharsets.UTF_8).length;
  }

  /** Says, in one step, that the daemon is ready and where. */
  void writeReady(Map<String, Object> facts) throws FsException {
    try {
      String json = JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(facts) + "\n";
      file(READY_FILE).replace(json.getBytes(StandardCharsets.UTF_8));
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Takes back that the daemon is ready. */
  void removeReady() throws IOException {
    Files.deleteIfExists(directory.resolve(READY_FILE));
  }

  /** From now on it holds no node, whatever becomes of its removal. */
  void markRemoved() throws IOException {
    StorageRemoval.mark(directory);
  }

  /** Removes the directory and everything in it; one that is a mount point is left empty. */
  void remove(CrashPoints crashPoints) throws IOException {
    StorageRemoval.remove(directory, crashPoints);
  }

  /** Lets others have the directory. */
  @Override
  public void close() {
    try {
      lock.release();
    } catch (IOException e) {
      // Closing the file gives it back too.
    }
    closeQuietly(lockFile);
  }

  private static void closeQuietly(FileChannel file) {
    try {
      file.close();
    } catch (IOException e) {
      // Nothing was written to it.
    }
  }
}
