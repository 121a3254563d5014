package io.adhocfs.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.fuse.kernel.DeadMounts;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Setting;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The mounts of one instance: their processes, their directories, their records. */
public final class Mounts {
  /** File-system type in the mount table. */
  public static final String TYPE = "fuse.adhocfs";

  private static final Duration START_PATIENCE = Duration.ofSeconds(30);
  private static final Duration END_PATIENCE = Duration.ofSeconds(20);

  private final InstanceDescription description;
  private final InstanceDirectory directory;

  public Mounts(InstanceDescription description, InstanceDirectory directory) {
    this.description = description;
    this.directory = directory;
  }

  /** The name of this host, as mounts are written down. */
  public static String hostName() {
    try {
      String kernel = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
      return kernel.isEmpty() ? InetAddress.getLocalHost().getHostName() : kernel;
    } catch (UnknownHostException e) {
      return "localhost";
    } catch (IOException e) {
      return "localhost";
    }
  }

  /** The mounts of this instance on this host. */
  public List<MountRecord> here() throws FsException {
    String host = hostName();
    return directory.mounts(description.instance().name()).stream()
        .filter(mount -> mount.host().equals(host))
        .toList();
  }

  /**
   * Mounts on a host of this instance, and writes the mount down.
   *
   * @param host as in the instance's places; empty = this one
   */
  public MountRecord mount(String host, Path mountPoint) throws FsException {
    String name = description.instance().name();
    String driver = description.instance().settings().text(Setting.FUSE_DRIVER);
    if (host.isEmpty()) {
      return mountHere(mountPoint, driver, false, null, newLog());
    }
    RemoteHost remote = new Nodes(description, directory).remote(host);
    Place place =
        description.places().stream()
            .filter(candidate -> candidate.host().equals(host))
            .findFirst()
            .orElseThrow();
    Path remoteLog =
        Path.of(place.dataDirectory())
            .resolveSibling("mount-" + Long.toHexString(System.nanoTime()) + ".log");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "mount",
                "--instance-on-stdin",
                "--name",
                name,
                "--driver",
                driver,
                "--log-file",
                remoteLog.toString()));
    String said;
    if (remote.endsWithItsCommand()) {
      Path input = directory.path(name).resolve("mount-" + host + ".in");
      Path log = directory.path(name).resolve("mount-" + host + ".log");
      try {
        Files.deleteIfExists(log);
        PrivateFiles.write(input, description.toJson());
        arguments.add("--stay");
        arguments.add(mountPoint.toString());
        said = remote.startAttached(arguments, input, log, START_PATIENCE.multipliedBy(2));
      } catch (FsException e) {
        throw e;
      } catch (IOException e) {
        throw new FsException(FsError.STORAGE_FAILED, "cannot write " + input, e);
      } finally {
        deleteQuietly(input);
      }
    } else {
      arguments.add(mountPoint.toString());
      said =
          Nodes.lastJson(
              remote, remote.run(arguments, description.toJson(), START_PATIENCE.multipliedBy(2)));
    }
    MountRecord record = MountRecord.parse("the answer of host " + host, said).withRemote(host);
    directory.putMount(name, record);
    return record;
  }

  /** Unmounts a mount that is written down, on whichever host it is. */
  public void unmount(MountRecord record, boolean force) throws FsException {
    if (record.host().equals(hostName()) || record.remote().isEmpty()) {
      if (!record.host().equals(hostName())) {
        throw new FsException(
            FsError.UNREACHABLE,
            "%s is mounted on host %s by hand: unmount it there (adhocfs umount %s)"
                .formatted(record.directory(), record.host(), record.directory()));
      }
      var _ =
          unmountHere(
              directory, description.instance().name(), Path.of(record.directory()), record, force);
      return;
    }
    RemoteHost remote = new Nodes(description, directory).remote(record.remote());
    List<String> arguments =
        new ArrayList<>(
            List.of("umount", "--record-on-stdin", "--name", description.instance().name()));
    if (force) {
      arguments.add("--force");
    }
    arguments.add(record.directory());
    var _ = remote.run(arguments, Nodes.bytes(record.toJson()), END_PATIENCE.multipliedBy(2));
    directory.removeMount(description.instance().name(), record);
  }

  /** Waits until the process of a mount of this host has ended. */
  public static void awaitEnd(MountRecord record) {
    while (ServiceProcess.isOurs(record.processId(), "mount", record.directory())) {
      ProcessHandle.of(record.processId()).ifPresent(process -> process.onExit().join());
    }
  }

  /** A log file for a mount process of this host. */
  public Path newLog() {
    return directory
        .path(description.instance().name())
        .resolve("mounts")
        .resolve(hostName() + "-" + Long.toHexString(System.nanoTime()) + ".log");
  }

  /**
   * Mounts on a directory of this host, which is made if it is not there, by a process of its own.
   * When this returns, programs can use it. A dead mount on it is removed first.
   *
   * @param readOnly whether the kernel refuses all changes
   * @param bootstrap null = the process reads the instance's file; else the instance's description
   *     for it, and its record is not kept in a file
   * @param logFile what the process says
   * @throws FsException BUSY when something is mounted there; what the process said when it ended
   */
  public MountRecord mountHere(
      Path mountPoint, String driver, boolean readOnly, byte @Nullable [] bootstrap, Path logFile)
      throws FsException {
    boolean made = prepare(mountPoint);
    refuseOnOurs(logFile);
    Path readyFile = logFile.resolveSibling(logFile.getFileName() + ".ready");
    Path input = logFile.resolveSibling(logFile.getFileName() + ".in");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "mount",
                "--foreground",
                "--name",
                description.instance().name(),
                "--driver",
                driver,
                "--ready-file",
                readyFile.toString(),
                "--log-file",
                logFile.toString()));
    if (readOnly) {
      arguments.add("--read-only");
    }
    if (made) {
      arguments.add("--made-directory");
    }
    if (bootstrap != null) {
      arguments.add("--instance-on-stdin");
    }
    arguments.add(mountPoint.toString());
    List<String> command =
        JavaCommand.ofService(
            description.instance().settings().size(Setting.MOUNT_MEMORY), arguments);
    boolean mounted = false;
    try {
      Files.createDirectories(logFile.getParent());
      Files.deleteIfExists(readyFile);
      File stdin = new File("/dev/null");
      if (bootstrap != null) {
        PrivateFiles.write(input, bootstrap);
        stdin = input.toFile();
      }
      ServiceProcess process = ServiceProcess.start(command, logFile, stdin);
      long limit = System.nanoTime() + START_PATIENCE.toNanos();
      while (!Files.exists(readyFile)) {
        if (!process.isAlive()) {
          throw process.ended("the mount of " + mountPoint);
        }
        if (System.nanoTime() - limit > 0) {
          process.kill();
          throw new FsException(
              FsError.TIMED_OUT,
              "the mount of %s was not ready after %d s; %s ends with: %s"
                  .formatted(mountPoint, START_PATIENCE.toSeconds(), logFile, process.lastLines()));
        }
        ServiceProcess.pause();
      }
      MountRecord record =
          MountRecord.parse(readyFile.toString(), Files.readString(readyFile).strip());
      if (DeadMounts.stateOf(mountPoint) != DeadMounts.State.ALIVE) {
        process.kill();
        throw new FsException(
            FsError.TIMED_OUT,
            "the mount of %s does not answer; %s ends with: %s"
                .formatted(mountPoint, logFile, process.lastLines()));
      }
      mounted = true;
      return record;
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot mount " + mountPoint + ": " + e.getMessage(), e);
    } finally {
      deleteQuietly(readyFile);
      deleteQuietly(input);
      if (!mounted && made) {
        deleteQuietly(mountPoint);
      }
    }
  }

  /** Whether the directory had to be made. */
  private static boolean prepare(Path mountPoint) throws FsException {
    try {
      var _ = DeadMounts.cleanUp(mountPoint);
      switch (DeadMounts.stateOf(mountPoint)) {
        case NOT_MOUNTED -> {}
        case DEAD, ALIVE, HANGING ->
            throw new FsException(
                FsError.BUSY,
                mountPoint
                    + " is a mount of adhocfs already: unmount it first (adhocfs umount "
                    + mountPoint
                    + ") or take another directory");
      }
      if (Files.isDirectory(mountPoint)) {
        return false;
      }
      if (Files.exists(mountPoint, LinkOption.NOFOLLOW_LINKS)) {
        throw new FsException(FsError.NOT_DIRECTORY, mountPoint + " is not a directory");
      }
      Files.createDirectories(mountPoint);
      return true;
    } catch (NoSuchFileException e) {
      try {
        Files.createDirectories(mountPoint);
        return true;
      } catch (IOException second) {
        throw cannotMake(mountPoint, second);
      }
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw cannotMake(mountPoint, e);
    }
  }

  private static FsException cannotMake(Path mountPoint, IOException e) {
    return new FsException(
        FsError.STORAGE_FAILED,
        "cannot make the directory "
            + mountPoint
            + " ("
            + e.getClass().getSimpleName()
            + "): mount on another one",
        e);
  }

  /** Refuses a log file on a mount of ours: its process would wait for itself. */
  static void refuseOnOurs(Path file) throws FsException {
    Path parent = file.toAbsolutePath();
    while (parent.getParent() != null && !Files.isDirectory(parent)) {
      parent = parent.getParent();
    }
    try {
      if (Files.getFileStore(parent).type().equals(TYPE)) {
        throw new FsException(
            FsError.INVALID, file + " lies on a mount of adhocfs: set ADHOCFS_HOME elsewhere");
      }
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot look at " + parent + ": " + e.getMessage(), e);
    }
  }

  /**
   * Unmounts on this host, whatever state the mount is in, and waits until its process has ended
   * and its record is gone.
   *
   * @param directory where instances are written down
   * @param name of its instance; null = not known
   * @param record what is known of it, or null
   * @param force also while programs use it: they keep what they have open, and get errors
   * @return whether anything was mounted there
   * @throws FsException BUSY when programs use it
   */
  public static boolean unmountHere(
      InstanceDirectory directory,
      @Nullable String name,
      Path mountPoint,
      @Nullable MountRecord record,
      boolean force)
      throws FsException {
    boolean wasMounted = false;
    try {
      DeadMounts.State state = stateOf(mountPoint);
      wasMounted = state != DeadMounts.State.NOT_MOUNTED;
      if (state == DeadMounts.State.DEAD) {
        var _ = DeadMounts.cleanUp(mountPoint);
      } else if (wasMounted) {
        unmount(mountPoint, force || state == DeadMounts.State.HANGING);
      }
      if (record != null) {
        String[] words = {"mount", mountPoint.toString()};
        if (!ServiceProcess.awaitEnd(
            record.processId(), force ? Duration.ofSeconds(3) : END_PATIENCE, words)) {
          var _ = ServiceProcess.end(record.processId(), Duration.ofSeconds(3), words);
        }
        if (name != null) {
          directory.removeMount(name, record);
        }
        deleteQuietly(Path.of(record.logFile()));
        deleteQuietly(BoundedLog.earlier(Path.of(record.logFile())));
        if (record.madeDirectory()) {
          removeMade(mountPoint);
        }
      }
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot unmount " + mountPoint + ": " + e.getMessage(), e);
    }
    return wasMounted;
  }

  private static DeadMounts.State stateOf(Path mountPoint) throws IOException {
    try {
      return DeadMounts.stateOf(mountPoint);
    } catch (NoSuchFileException e) {
      return DeadMounts.State.NOT_MOUNTED;
    }
  }

  private static void unmount(Path mountPoint, boolean lazily) throws FsException {
    boolean root = isRoot();
    List<String> command = new ArrayList<>();
    if (root) {
      command.addAll(lazily ? List.of("umount", "-l") : List.of("umount"));
    } else {
      command.addAll(lazily ? List.of("fusermount3", "-u", "-z") : List.of("fusermount3", "-u"));
    }
    command.add("--");
    command.add(mountPoint.toString());
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectInput(new File("/dev/null"))
              .start();
      String said = new String(process.getInputStream().readAllBytes(), UTF_8);
      if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        String reason = said.strip().replace("\n", "; ");
        throw new FsException(
            reason.contains("busy") ? FsError.BUSY : FsError.STORAGE_FAILED,
            reason.contains("busy")
                ? mountPoint
                    + " is in use: end the programs that use it (fuser -vm "
                    + mountPoint
                    + " lists them), or add --force"
                : "cannot unmount " + mountPoint + ": " + reason);
      }
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot run " + command.getFirst() + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "unmounting " + mountPoint, e);
    }
  }

  /** Whether this process is root's. */
  public static boolean isRoot() {
    try {
      return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
    } catch (IOException e) {
      return false;
    }
  }

  private static void removeMade(Path mountPoint) {
    deleteQuietly(mountPoint);
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (DirectoryNotEmptyException e) {
      // Somebody put something there before it was mounted or after: it is not ours to remove.
    } catch (IOException e) {
      // It will be removed with the instance's directory.
    }
  }
}
