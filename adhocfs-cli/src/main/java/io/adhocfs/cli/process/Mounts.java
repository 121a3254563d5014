package io.adhocfs.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.daemon.MadeDirectories;
import io.adhocfs.fuse.kernel.DeadMounts;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.instance.JsonFields;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The mounts of one instance: their processes, their directories, their records. */
public final class Mounts {
  /** File-system type in the mount table. */
  public static final String TYPE = "fuse.adhocfs";

  /**
   * The field of a host's answer that says why a directory cannot be mounted on; empty = it can.
   */
  public static final String REFUSAL = "refusal";

  /** Enough of an instance's id to tell it from others of the same name. */
  private static final int SOURCE_ID_LENGTH = 12;

  /** How long another host may be silent. */
  private static final Duration REMOTE_PATIENCE = Duration.ofSeconds(60);

  /**
   * How long mounts that end with their command may take to end by themselves. Less than the 30 s
   * that Slurm gives a job that it ends.
   */
  private static final Duration REMOVAL_PATIENCE = Duration.ofSeconds(15);

  private static final Duration END_PATIENCE = Duration.ofSeconds(20);
  private static final Duration BUSY_PATIENCE = Duration.ofSeconds(3);
  private static final Duration BUSY_PAUSE = Duration.ofMillis(100);

  private final InstanceDescription description;
  private final InstanceDirectory directory;
  private final Consumer<String> notes;

  /**
   * For one instance.
   *
   * @param notes told what a long wait is for; called by several threads
   */
  public Mounts(
      InstanceDescription description, InstanceDirectory directory, Consumer<String> notes) {
    this.description = description;
    this.directory = directory;
    this.notes = notes;
  }

  /** The source of an instance's mounts in the mount table of a host. */
  public static String source(Instance instance) {
    return "adhocfs:"
        + instance.name()
        + ":"
        + instance.id().substring(0, Math.min(SOURCE_ID_LENGTH, instance.id().length()));
  }

  /** The name of this host, as in mount records. */
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
   * Refuses what {@link #mount} would refuse, before anything is started. A host that does not
   * answer is not refused: starting something there will fail.
   *
   * @param host as in the instance's places; empty = this one
   * @param covers whether the directory may have something in it
   * @throws FsException BUSY, NOT_DIRECTORY, EXISTS; INVALID for any refusal of another host
   */
  public void check(String host, Path mountPoint, boolean covers) throws FsException {
    if (host.isEmpty()) {
      checkHere(mountPoint, covers);
      return;
    }
    List<String> arguments = new ArrayList<>(List.of("mount", "--look"));
    if (covers) {
      arguments.add("--over");
    }
    arguments.add(mountPoint.toString());
    RemoteHost remote = remote(host);
    String refusal;
    try {
      String said = Nodes.lastJson(remote, remote.run(arguments, new byte[0], REMOTE_PATIENCE));
      refusal = JsonFields.parse("the answer of host " + host, said.getBytes(UTF_8)).text(REFUSAL);
    } catch (FsException cannotBeAsked) {
      return;
    }
    if (!refusal.isEmpty()) {
      throw new FsException(FsError.INVALID, "host " + host + ": " + refusal);
    }
  }

  /** As {@link #check}, for this host. */
  public static void checkHere(Path mountPoint, boolean covers) throws FsException {
    MountPoint.check(mountPoint, covers);
  }

  /**
   * Mounts on a host of this instance, and records the mount.
   *
   * @param host as in the instance's places; empty = this one
   * @param covers whether the directory may have something in it
   */
  public MountRecord mount(String host, Path mountPoint, boolean covers) throws FsException {
    String name = description.instance().name();
    String driver = description.instance().settings().text(Setting.FUSE_DRIVER);
    if (host.isEmpty()) {
      return mountHere(mountPoint, driver, false, covers, null, newLog());
    }
    RemoteHost remote = remote(host);
    List<String> arguments =
        new ArrayList<>(
            List.of("mount", "--instance-on-stdin", "--name", name, "--driver", driver));
    if (covers) {
      arguments.add("--over");
    }
    if (remote.endsWithItsCommand()) {
      return mountAttached(remote, mountPoint, arguments);
    }
    Place place =
        description.places().stream()
            .filter(candidate -> candidate.host().equals(host))
            .findFirst()
            .orElseThrow();
    Path remoteLog =
        Path.of(place.dataDirectory())
            .resolveSibling("mount-" + Long.toHexString(System.nanoTime()) + ".log");
    arguments.addAll(List.of("--log-file", remoteLog.toString(), mountPoint.toString()));
    String said =
        Nodes.lastJson(remote, remote.run(arguments, description.toJson(), REMOTE_PATIENCE));
    MountRecord record = MountRecord.parse("the answer of host " + host, said).withRemote(host);
    directory.putMount(name, record);
    return record;
  }

  /**
   * Mounts on another host of this instance, unless it is mounted there already.
   *
   * @return whether this call has mounted it
   */
  public boolean mountIfMissing(String host, Path mountPoint) throws FsException {
    for (MountRecord record : directory.mounts(description.instance().name())) {
      if (record.directory().equals(mountPoint.toString())
          && (record.remote().equals(host) || HostsFile.address(host).equals(record.host()))) {
        return false;
      }
    }
    var _ = mount(host, mountPoint, false);
    return true;
  }

  /** Mounts by a process that stays with its command and records the mount itself. */
  private MountRecord mountAttached(RemoteHost remote, Path mountPoint, List<String> arguments)
      throws FsException {
    String host = remote.name();
    Path files = directory.path(description.instance().name());
    Path input = files.resolve("mount-" + host + ".in");
    Path log = files.resolve("mount-" + host + ".log");
    arguments.addAll(
        List.of(
            "--log-file",
            log.toString(),
            "--foreground",
            "--attached",
            host,
            mountPoint.toString()));
    try {
      PrivateFiles.write(input, description.toJson());
      String said =
          remote.startAttached(
              description.instance().settings().size(Setting.MOUNT_MEMORY),
              arguments,
              Nodes.attachedEnvironment(directory),
              input,
              log,
              notes);
      MountRecord record = MountRecord.parse("the answer of host " + host, said);
      if (!record.remote().isEmpty()) {
        // The process has recorded the mount, and may already have removed the record.
        return record;
      }
      MountRecord reached = record.withRemote(host);
      directory.putMount(description.instance().name(), reached);
      return reached;
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot write " + input, e);
    } finally {
      deleteQuietly(input);
    }
  }

  private RemoteHost remote(String host) {
    return new Nodes(description, directory, notes).remote(host);
  }

  /**
   * Unmounts everywhere: the recorded mounts, and all others on the instance's hosts.
   *
   * @return what is still mounted and why, a sentence each
   */
  public List<String> unmountAll(boolean force) throws FsException {
    var byHost = new LinkedHashMap<String, List<MountRecord>>();
    // This host, whether it has a node or not.
    byHost.put("", new ArrayList<>());
    description.places().forEach(place -> byHost.putIfAbsent(place.host(), new ArrayList<>()));
    List<String> left = new ArrayList<>();
    for (MountRecord record : directory.mounts(description.instance().name())) {
      String host = hostOf(record, byHost.keySet());
      if (host == null) {
        left.add(
            "%s is mounted on host %s by hand: unmount it there (adhocfs umount %s)"
                .formatted(record.directory(), record.host(), record.directory()));
      } else {
        byHost.computeIfAbsent(host, _ -> new ArrayList<>()).add(record);
      }
    }
    for (InParallel.Outcome<Map.Entry<String, List<MountRecord>>, Boolean> outcome :
        InParallel.run(
            List.copyOf(byHost.entrySet()),
            entry -> {
              unmountOn(entry.getKey(), entry.getValue(), force);
              return true;
            })) {
      if (outcome.failure() != null) {
        left.add(outcome.failure().getMessage());
      }
    }
    return left;
  }

  /** The name by which the host of a mount is reached; empty = this host, null = none is known. */
  private static @Nullable String hostOf(MountRecord record, Set<String> hosts) {
    if (record.host().equals(hostName())) {
      return "";
    }
    if (!record.remote().isEmpty()) {
      return record.remote();
    }
    return hosts.stream()
        .filter(host -> HostsFile.address(host).equals(record.host()))
        .findFirst()
        .orElse(null);
  }

  private void unmountOn(String host, List<MountRecord> records, boolean force) throws FsException {
    String source = source(description.instance());
    if (host.isEmpty()) {
      unmountAllHere(directory, description.instance().name(), source, records, force);
      return;
    }
    RemoteHost remote = remote(host);
    List<String> arguments =
        new ArrayList<>(
            List.of("umount", "--name", description.instance().name(), "--source", source));
    if (force) {
      arguments.add("--force");
    }
    var known = new StringBuilder();
    records.forEach(record -> known.append(record.toJson()).append('\n'));
    try {
      var _ = remote.run(arguments, Nodes.bytes(known.toString()), REMOTE_PATIENCE);
    } catch (FsException e) {
      // While a job ends, nothing can be started there any more, and mounts end by themselves.
      if (!remote.endsWithItsCommand() || !awaitForgotten(records)) {
        throw e;
      }
    }
    for (MountRecord record : records) {
      directory.removeMount(description.instance().name(), record);
    }
  }

  private boolean awaitForgotten(List<MountRecord> records) throws FsException {
    long limit = System.nanoTime() + REMOVAL_PATIENCE.toNanos();
    while (directory.mounts(description.instance().name()).stream().anyMatch(records::contains)) {
      if (System.nanoTime() - limit > 0) {
        return false;
      }
      ServiceProcess.pause();
    }
    return true;
  }

  /**
   * Unmounts the known mounts on this host, and all others with this source.
   *
   * @param directory where instances are recorded
   * @param name of the instance
   * @param known the recorded mounts of this host
   * @throws FsException BUSY if programs use one; the others are unmounted
   */
  public static void unmountAllHere(
      InstanceDirectory directory,
      String name,
      String source,
      List<MountRecord> known,
      boolean force)
      throws FsException {
    FsException failure = null;
    for (MountRecord record : known) {
      try {
        var _ = unmountHere(directory, name, Path.of(record.directory()), record, force);
      } catch (FsException e) {
        failure = failure == null ? e : failure;
      }
    }
    try {
      for (Path mountPoint : DeadMounts.mountPoints(source)) {
        if (known.stream().noneMatch(record -> record.directory().equals(mountPoint.toString()))) {
          try {
            var _ = unmountHere(directory, name, mountPoint, null, force);
          } catch (FsException e) {
            failure = failure == null ? e : failure;
          }
        }
      }
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot read the mount table: " + e.getMessage(), e);
    }
    if (failure != null) {
      throw failure;
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
   * Mounts on a directory of this host, by a process of its own. The directory is made if it does
   * not exist; a dead mount on it is removed first. When this returns, programs can use the mount.
   *
   * @param readOnly whether the kernel refuses all changes
   * @param covers whether the directory may have something in it
   * @param bootstrap null = the process reads the instance's file; else the instance's description
   *     for the process, and the mount is not recorded in a file
   * @param logFile where the process writes its log
   * @throws FsException BUSY if something is mounted there; with the last lines of the log if the
   *     process ended
   */
  public MountRecord mountHere(
      Path mountPoint,
      String driver,
      boolean readOnly,
      boolean covers,
      byte @Nullable [] bootstrap,
      Path logFile)
      throws FsException {
    MountPoint.check(mountPoint, covers);
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
    if (covers) {
      arguments.add("--over");
    }
    if (bootstrap != null) {
      arguments.add("--instance-on-stdin");
    }
    arguments.add(mountPoint.toString());
    List<String> command =
        JavaCommand.ofService(
            description.instance().settings().size(Setting.MOUNT_MEMORY), arguments);
    try {
      Path logs = logFile.toAbsolutePath().getParent();
      if (logs != null) {
        MadeDirectories.make(logs);
      }
      Files.deleteIfExists(readyFile);
      File stdin = new File("/dev/null");
      if (bootstrap != null) {
        PrivateFiles.write(input, bootstrap);
        stdin = input.toFile();
      }
      return answering(
          ServiceProcess.start(command, logFile, stdin), mountPoint, readyFile, logFile);
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot mount " + mountPoint + ": " + e.getMessage(), e);
    } finally {
      deleteQuietly(readyFile);
      deleteQuietly(input);
    }
  }

  /** Waits until a process that was started has mounted, and the mount answers. */
  private MountRecord answering(
      ServiceProcess process, Path mountPoint, Path readyFile, Path logFile)
      throws FsException, IOException {
    var waiting =
        new LongWait("the mount of " + mountPoint + ", whose process runs: see " + logFile, notes);
    while (!Files.exists(readyFile)) {
      if (!process.isAlive()) {
        throw process.ended("the mount of " + mountPoint);
      }
      waiting.pause();
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
    return record;
  }

  /** Refuses a log file on a mount of ours: the mount's process would wait for itself. */
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
          FsError.STORAGE_FAILED, "cannot check " + parent + ": " + e.getMessage(), e);
    }
  }

  /**
   * Unmounts on this host, whatever state the mount is in, and waits until its process has ended
   * and its record is gone.
   *
   * @param directory where instances are recorded
   * @param name of its instance; null = not known
   * @param record the record of the mount, or null
   * @param force unmount even while programs use the mount: they keep their open files, and get
   *     errors
   * @return whether something was mounted there
   * @throws FsException BUSY if programs use the mount
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
        // A mount in the foreground may write to a terminal instead, which must stay.
        if (Files.isRegularFile(Path.of(record.logFile()), LinkOption.NOFOLLOW_LINKS)) {
          deleteQuietly(Path.of(record.logFile()));
          deleteQuietly(BoundedLog.earlier(Path.of(record.logFile())));
        }
        if (record.madeDirectory()) {
          MountPoint.removeMade(mountPoint);
        }
        Path logDirectory = Path.of(record.logFile()).getParent();
        MadeDirectories.removeEmpty(logDirectory);
      } else if (wasMounted) {
        awaitEndOf(mountPoint);
      }
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot unmount " + mountPoint + ": " + e.getMessage(), e);
    }
    return wasMounted;
  }

  /** Waits for the process of a mount without a record; the process removes what it made. */
  private static void awaitEndOf(Path mountPoint) {
    String[] words = {"mount", mountPoint.toString()};
    ProcessHandle.allProcesses()
        .filter(process -> ServiceProcess.isOurs(process.pid(), words))
        .toList()
        .forEach(process -> {
          var _ = ServiceProcess.awaitEnd(process.pid(), END_PATIENCE, words);
        });
  }

  private static DeadMounts.State stateOf(Path mountPoint) throws IOException {
    try {
      return DeadMounts.stateOf(mountPoint);
    } catch (NoSuchFileException e) {
      return DeadMounts.State.NOT_MOUNTED;
    }
  }

  /** Unmounts; waits for programs that are just ending, or use the mount for a moment. */
  private static void unmount(Path mountPoint, boolean lazily) throws FsException {
    long since = System.nanoTime();
    try {
      while (true) {
        try {
          unmountNow(mountPoint, lazily);
          return;
        } catch (FsException e) {
          if (e.error() != FsError.BUSY || System.nanoTime() - since > BUSY_PATIENCE.toNanos()) {
            throw e;
          }
        }
        Thread.sleep(BUSY_PAUSE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "interrupted while unmounting " + mountPoint, e);
    }
  }

  private static void unmountNow(Path mountPoint, boolean lazily)
      throws FsException, InterruptedException {
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

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (DirectoryNotEmptyException e) {
      // The directory had content before the mount or has some since: it is not ours to remove.
    } catch (IOException e) {
      // It will be removed with the instance's directory.
    }
  }
}
