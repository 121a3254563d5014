package io.adhocfs.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.InstanceSource;
import io.adhocfs.client.Job;
import io.adhocfs.client.ThisProcess;
import io.adhocfs.fuse.Callers;
import io.adhocfs.fuse.ClientFileSystem;
import io.adhocfs.fuse.jnr.JnrMount;
import io.adhocfs.fuse.kernel.DeadMounts;
import io.adhocfs.fuse.kernel.FuseMount;
import io.adhocfs.fuse.kernel.MountOptions;
import io.adhocfs.fuse.kernel.ProcessGuard;
import io.adhocfs.fuse.switches.MountSwitches;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.transport.DescriptorLimit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The process that serves a mount: this one. */
public final class MountProcess {
  private static final Logger LOG = LoggerFactory.getLogger(MountProcess.class);

  /** How long a process that was told to end may take to close its session. */
  private static final int LEAVE_SECONDS = 5;

  /**
   * Descriptors for the program, event loops, the kernel's requests, and files that are open for
   * moments.
   */
  private static final int DESCRIPTORS_FIXED = 96;

  private static final int DETACH_ATTEMPTS_MAX = 20;
  private static final int DETACH_PAUSE_MILLIS = 100;

  /** How often a mount of a job's instance checks whether the nodes are gone. */
  private static final int NODES_LOOK_SECONDS = 2;

  private final CountDownLatch served = new CountDownLatch(1);

  /** Set by the main thread, read by the thread that ends the process. */
  private volatile @Nullable Driver driver;

  /** Set by the thread that ends the process, before it reads {@link #driver}. */
  private volatile boolean ending;

  private final InstanceDescription description;
  private final @Nullable InstanceDirectory directory;

  /**
   * For one instance.
   *
   * @param directory where the instance is recorded and its mount is to be recorded; null = not on
   *     this host
   */
  public MountProcess(InstanceDescription description, @Nullable InstanceDirectory directory) {
    this.description = description;
    this.directory = directory;
  }

  /** One of the drivers, mounted. */
  private interface Driver {
    /** Unmounts, even while programs use the mount. */
    void detach() throws IOException;

    void awaitUnmounted() throws InterruptedException;
  }

  /**
   * Mounts, and serves until the mount is unmounted, by whomever, or this process is told to end. A
   * mount point that does not exist is made before and removed afterwards, however the mount ends,
   * except by SIGKILL. If the nodes of the instance are gone and this was its last mount, the
   * record of the instance is removed too.
   *
   * @param mountPoint absolute
   * @param readOnly whether the kernel refuses all changes
   * @param covers whether the directory may have something in it
   * @param remote the name by which remote.start reaches this machine; empty = mounted by hand
   * @param whenReady told the mount's record when programs can use it
   * @throws FsException EXISTS for a directory with something in it; BUSY for a mount of this
   *     program
   */
  public void serve(
      Path mountPoint,
      String driverName,
      boolean readOnly,
      boolean covers,
      String remote,
      Path logFile,
      WhenReady whenReady)
      throws IOException {
    requireDescriptors();
    boolean unusedRoot = ProcessGuard.enterRootDirectory();
    boolean unusedFlusher = ProcessGuard.tryMarkAsIoFlusher();
    MountPoint.check(mountPoint, covers);
    var record =
        new MountRecord(
            Mounts.hostName(),
            remote,
            ProcessHandle.current().pid(),
            mountPoint.toString(),
            driverName,
            MountPoint.make(mountPoint),
            logFile.toString());
    Runtime.getRuntime().addShutdownHook(new Thread(() -> endOnSignal(record), "unmount"));
    try {
      serve(record, readOnly, whenReady);
    } finally {
      tidy(record);
      served.countDown();
    }
  }

  /**
   * Detaches the mount and removes its record and directory before anything else: programs that use
   * the mount may keep files open for long.
   */
  private void endOnSignal(MountRecord record) {
    ending = true;
    Driver mounted = driver;
    try {
      if (mounted != null) {
        detachOnSignal(mounted, Path.of(record.directory()));
      }
      tidy(record);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      LOG.warn("{} is still recorded: {}", record.directory(), e.getMessage());
    }
    awaitServed();
  }

  private static void detachOnSignal(Driver mounted, Path mountPoint) throws InterruptedException {
    // The end of a job sends the signal to all its processes, perhaps also to fusermount3.
    for (int attempt = 1;
        !detach(mounted, mountPoint) && attempt < DETACH_ATTEMPTS_MAX;
        attempt++) {
      TimeUnit.MILLISECONDS.sleep(DETACH_PAUSE_MILLIS);
    }
  }

  /**
   * Removes the directory and record of a mount that has ended; may be repeated. Does nothing while
   * the directory is mounted: this process would wait for itself if it looked there, and others
   * must find the mount.
   */
  private void tidy(MountRecord record) throws IOException {
    if (DeadMounts.isMounted(Path.of(record.directory()), Mounts.source(description.instance()))) {
      return;
    }
    if (record.madeDirectory()) {
      MountPoint.removeMade(Path.of(record.directory()));
    }
    if (directory != null) {
      directory.removeMount(description.instance().name(), record);
      directory.removeIfNothingIsLeft(description.instance().name());
    }
  }

  /** Told the record of a mount once programs can use it. */
  public interface WhenReady {
    void announce(MountRecord record) throws IOException;
  }

  private void serve(MountRecord record, boolean readOnly, WhenReady whenReady) throws IOException {
    Path mountPoint = Path.of(record.directory());
    String name = description.instance().name();
    InstanceDirectory written = directory;
    InstanceSource source =
        written == null ? description::instance : () -> written.read(name).instance();
    try (AdhocFileSystem client = AdhocFileSystem.open(source, ClientOptions.DEFAULT);
        var switches = new MountSwitches(client.inodes(), source, ThisProcess.owner().uid())) {
      Driver mounted = mount(mountPoint, record.driver(), readOnly, client, switches);
      driver = mounted;
      if (ending) {
        // The signal came during mounting, and its handler found no mount.
        detachOnSignal(mounted, mountPoint);
      }
      try {
        if (written != null) {
          written.putMount(name, record);
        }
        whenReady.announce(record);
        if (written != null
            && description.instance().settings().text(Setting.DAEMON_SIGTERM).equals("remove")) {
          endWithTheNodes(mounted, mountPoint, written);
        }
        LOG.info("instance {} is mounted on {} ({})", name, mountPoint, record.driver());
        mounted.awaitUnmounted();
        LOG.info("{} was unmounted", mountPoint);
      } catch (IOException e) {
        var _ = detach(mounted, mountPoint);
        throw e;
      } finally {
        // Before the client closes its sessions: the daemons may be gone.
        tidy(record);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "interrupted while serving " + mountPoint, e);
    }
  }

  /**
   * Refuses to serve with fewer descriptors than connections to all nodes take: programs would see
   * errors for files that happen to lie on the last nodes.
   */
  private void requireDescriptors() throws FsException {
    long needed =
        DESCRIPTORS_FIXED
            + (long) description.places().size()
                * (1 + description.instance().settings().number(Setting.CLIENT_DATA_CONNECTIONS));
    long limit = DescriptorLimit.ofThisProcess();
    if (limit < needed) {
      throw new FsException(
          FsError.INVALID,
          "a mount of %d nodes needs %d open files, and the limit is %d: raise it (ulimit -Hn)"
              .formatted(description.places().size(), needed, limit));
    }
  }

  /**
   * Unmounts once all nodes are gone. The nodes of a job's instance end by themselves, but the
   * process of a mount that was made by hand may not belong to the job any more, so no signal ends
   * it.
   */
  private void endWithTheNodes(Driver mounted, Path mountPoint, InstanceDirectory written) {
    String name = description.instance().name();
    Runnable watch =
        () -> {
          try {
            while (!written.isEveryNodeRemoved(name)) {
              TimeUnit.SECONDS.sleep(NODES_LOOK_SECONDS);
            }
            LOG.info("all nodes are gone: {} is unmounted", mountPoint);
            var _ = detach(mounted, mountPoint);
          } catch (FsException e) {
            LOG.warn("this mount will not end with its nodes: {}", e.getMessage());
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        };
    var thread = new Thread(watch, "nodes");
    thread.setDaemon(true);
    thread.start();
  }

  /** Lets the main thread close the sessions at the daemons before the process ends. */
  private void awaitServed() {
    try {
      var _ = served.await(LEAVE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Driver mount(
      Path mountPoint,
      String driverName,
      boolean readOnly,
      AdhocFileSystem client,
      MountSwitches switches)
      throws IOException {
    var settings = description.instance().settings();
    var fileSystem =
        new ClientFileSystem(
            client,
            new Callers(client, Job.of(System.getenv())),
            settings.text(Setting.LOCKS).equals("cluster"),
            switches);
    boolean checksPermissions = settings.text(Setting.PERMISSIONS).equals("checked");
    String source = Mounts.source(description.instance());
    if (driverName.equals("jnr")) {
      return FallbackDriver.mount(
          mountPoint,
          source,
          readOnly,
          checksPermissions,
          settings.duration(Setting.CLIENT_DEADLINE),
          fileSystem);
    }
    MountOptions options =
        MountOptions.defaults()
            .withFsName(source)
            .withReadOnly(readOnly)
            .withReaderThreads(settings.number(Setting.FUSE_READERS))
            .withAttributeReuseNanos(settings.duration(Setting.MOUNT_ATTRIBUTE_REUSE).toNanos());
    FuseMount mount =
        FuseMount.mount(
            mountPoint, checksPermissions ? options : options.withoutPermissions(), fileSystem);
    return new Driver() {
      @Override
      public void detach() throws IOException {
        mount.detach();
      }

      @Override
      public void awaitUnmounted() throws InterruptedException {
        mount.awaitUnmounted();
      }
    };
  }

  /** A class of its own, so that libfuse's classes are loaded only where they are used. */
  private static final class FallbackDriver {
    static Driver mount(
        Path mountPoint,
        String source,
        boolean readOnly,
        boolean checksPermissions,
        Duration deadline,
        ClientFileSystem fileSystem)
        throws IOException {
      var mount =
          JnrMount.mount(mountPoint, source, readOnly, checksPermissions, deadline, fileSystem);
      return new Driver() {
        @Override
        public void detach() throws IOException {
          mount.detach();
        }

        @Override
        public void awaitUnmounted() throws InterruptedException {
          mount.awaitUnmounted();
        }
      };
    }
  }

  /** Unmounts; false if the directory is still mounted. */
  private static boolean detach(Driver driver, Path mountPoint) {
    try {
      driver.detach();
      return true;
    } catch (IOException e) {
      LOG.warn("cannot unmount {}: {}", mountPoint, e.getMessage());
      return false;
    }
  }

  /** Writes the record of a mount to the file for which the process that began the mount waits. */
  public static void announce(Path readyFile, MountRecord record) throws FsException {
    Path unfinished = readyFile.resolveSibling(readyFile.getFileName() + ".new");
    try {
      PrivateFiles.write(unfinished, (record.toJson() + "\n").getBytes(UTF_8));
      Files.move(unfinished, readyFile, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot write " + readyFile + ": " + e.getMessage(), e);
    }
  }
}
