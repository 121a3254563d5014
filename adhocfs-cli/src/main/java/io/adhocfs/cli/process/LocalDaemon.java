package io.adhocfs.cli.process;

import io.adhocfs.daemon.DaemonConfiguration;
import io.adhocfs.daemon.MadeDirectories;
import io.adhocfs.daemon.StorageRemoval;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A daemon on this host, by its storage directory. */
public final class LocalDaemon {
  /** What a daemon needs to start; holds the secret. */
  public static final String CONFIGURATION_FILE = StorageRemoval.CONFIGURATION_FILE;

  /** Has the daemon's address, once the daemon is ready. */
  public static final String READY_FILE = "daemon.json";

  public static final String LOG_FILE = "daemon.log";

  private static final Duration END_PATIENCE = Duration.ofSeconds(5);

  private final Path directory;

  public LocalDaemon(Path directory) {
    this.directory = directory;
  }

  public Path log() {
    return directory.resolve(LOG_FILE);
  }

  /**
   * Makes the storage directory of a new node.
   *
   * @throws FsException EXISTS if the directory is not empty; NOT_PERMITTED if a directory above it
   *     has a name of ours ("adhocfs-...") but belongs to another user
   */
  public void makeDirectory() throws FsException {
    try {
      for (Path above = directory; above != null; above = above.getParent()) {
        if (above.getFileName() != null
            && above.getFileName().toString().startsWith("adhocfs-")
            && Files.exists(above, LinkOption.NOFOLLOW_LINKS)) {
          requireOwn(above);
        }
      }
      if (!Files.isDirectory(directory)) {
        MadeDirectories.makeInside(
            directory,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        return;
      }
      try (DirectoryStream<Path> content = Files.newDirectoryStream(directory)) {
        if (content.iterator().hasNext()) {
          throw new FsException(
              FsError.EXISTS,
              directory
                  + " is not empty: give another --data, or remove it if it is left from an"
                  + " instance that is gone");
        }
      }
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED,
          "cannot make the data directory " + directory + ": " + reason(e),
          e);
    }
  }

  private static void requireOwn(Path path) throws IOException {
    Object owner = Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    Object self = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    if (!owner.equals(self) || !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      throw new FsException(
          FsError.NOT_PERMITTED,
          path + " belongs to user " + owner + ", not to you: give another directory with --data");
    }
  }

  /**
   * Writes the daemon's configuration file, and removes the ready file of an earlier daemon.
   *
   * @param configuration content of the configuration file; null = keep the existing file
   */
  void prepare(byte @Nullable [] configuration) throws FsException {
    Path configurationFile = configurationFile();
    try {
      if (StorageRemoval.hasBegun(directory)) {
        StorageRemoval.remove(directory);
        throw new FsException(
            FsError.NOT_FOUND,
            "the node has left the instance or was taken down; the rest of its data in %s has been removed"
                .formatted(directory));
      }
      if (configuration != null) {
        writeConfiguration(configurationFile, configuration);
      } else if (!Files.exists(configurationFile)) {
        throw new FsException(
            FsError.NOT_FOUND, directory + " has no " + CONFIGURATION_FILE + ": it holds no node");
      }
      Files.deleteIfExists(directory.resolve(READY_FILE));
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot prepare " + directory + ": " + reason(e), e);
    }
  }

  /**
   * Starts the daemon that was prepared, and waits until it is ready, for as long as its process
   * lives.
   *
   * @param heapBytesMax the largest size of its heap
   * @param notes told what a long wait is for
   * @throws FsException with the last lines of its log if the daemon ends before it is ready
   */
  RunningDaemon start(long heapBytesMax, Consumer<String> notes) throws FsException {
    ServiceProcess process =
        ServiceProcess.start(
            JavaCommand.ofService(
                heapBytesMax, List.of("daemon", "--config", configurationFile().toString())),
            log());
    var waiting = new LongWait("the daemon in " + directory + ", which runs: see " + log(), notes);
    while (true) {
      boolean alive = process.isAlive();
      RunningDaemon running = readReady();
      if (running != null && running.processId() == process.processId()) {
        return running;
      }
      if (!alive) {
        throw process.ended("the daemon in " + directory);
      }
      waiting.pause();
    }
  }

  private Path configurationFile() {
    return directory.resolve(CONFIGURATION_FILE);
  }

  /**
   * Does not rewrite a file that has this content already: a full disk must not keep a daemon from
   * starting.
   */
  private static void writeConfiguration(Path file, byte[] configuration) throws IOException {
    if (Files.exists(file) && Arrays.equals(Files.readAllBytes(file), configuration)) {
      return;
    }
    Path unfinished = file.resolveSibling(file.getFileName() + ".new");
    PrivateFiles.write(unfinished, configuration);
    Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** The daemon that runs on this directory, or null. */
  public @Nullable RunningDaemon running() throws FsException {
    RunningDaemon running = readReady();
    return running != null && isOurs(running) ? running : null;
  }

  private @Nullable RunningDaemon readReady() throws FsException {
    Path file = directory.resolve(READY_FILE);
    try {
      return RunningDaemon.parse(file.toString(), Files.readString(file));
    } catch (NoSuchFileException e) {
      return null;
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot read " + file + ": " + reason(e), e);
    }
  }

  private boolean isOurs(RunningDaemon running) {
    return ServiceProcess.isOurs(running.processId(), words());
  }

  private String[] words() {
    return new String[] {"daemon", configurationFile().toString()};
  }

  /** Ends whatever daemon runs on this directory. */
  public void end() throws FsException {
    // Also daemons that are not ready yet and have not written their process id.
    List<ProcessHandle> daemons =
        ProcessHandle.allProcesses()
            .filter(process -> ServiceProcess.isOurs(process.pid(), words()))
            .toList();
    for (ProcessHandle daemon : daemons) {
      if (!ServiceProcess.end(daemon.pid(), END_PATIENCE, words())) {
        throw new FsException(
            FsError.BUSY, "process " + daemon.pid() + " in " + directory + " does not end");
      }
    }
  }

  /**
   * Ends the daemon, if it runs, and removes its directory, and the directories above that were
   * made for it and are now empty. A directory that holds anything but a node of this instance is
   * left unchanged.
   *
   * @param instanceId of the instance that is taken down
   */
  public void remove(String instanceId) throws FsException {
    try {
      if (isOfAnother(instanceId)) {
        return;
      }
      // Even without a configuration: a daemon that removes its data by itself may not have ended
      // yet.
      end();
      if (Files.exists(configurationFile()) || StorageRemoval.hasBegun(directory)) {
        StorageRemoval.remove(directory);
      } else {
        StorageRemoval.removeEmpty(directory);
      }
    } catch (DirectoryNotEmptyException e) {
      return;
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot remove " + directory + ": " + reason(e), e);
    }
    MadeDirectories.removeEmpty(directory.getParent());
  }

  /**
   * Whether the directory holds a node of another instance; a directory that is being removed holds
   * none.
   */
  private boolean isOfAnother(String instanceId) throws FsException {
    if (StorageRemoval.hasBegun(directory)) {
      return false;
    }
    try {
      DaemonConfiguration configuration = DaemonConfiguration.read(configurationFile());
      return !configuration.identity().instanceId().equals(instanceId);
    } catch (FsException e) {
      if (e.error() == FsError.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  private static String reason(IOException e) {
    return e.getMessage() == null
        ? e.getClass().getSimpleName()
        : e.getClass().getSimpleName().replace("Exception", "") + " " + e.getMessage();
  }
}
