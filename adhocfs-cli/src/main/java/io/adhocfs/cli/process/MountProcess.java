package io.adhocfs.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.InstanceSource;
import io.adhocfs.client.Job;
import io.adhocfs.client.Owner;
import io.adhocfs.fuse.Callers;
import io.adhocfs.fuse.ClientFileSystem;
import io.adhocfs.fuse.jnr.JnrMount;
import io.adhocfs.fuse.kernel.DeadMounts;
import io.adhocfs.fuse.kernel.FuseMount;
import io.adhocfs.fuse.kernel.MountOptions;
import io.adhocfs.fuse.kernel.ProcessGuard;
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

  /** The program, event loops, the kernel's requests, and what is open for moments. */
  private static final int DESCRIPTORS_FIXED = 96;

  private final CountDownLatch served = new CountDownLatch(1);
  private final InstanceDescription description;
  private final @Nullable InstanceDirectory directory;

  /**
   * For one instance.
   *
   * @param directory where the instance is written down and the mount shall be; null = nowhere on
   *     this host
   */
  public MountProcess(InstanceDescription description, @Nullable InstanceDirectory directory) {
    this.description = description;
    this.directory = directory;
  }

  /** One of the drivers, mounted. */
  private interface Driver {
    /** Unmounts, also while programs use it. */
    void detach() throws IOException;

    void awaitUnmounted() throws InterruptedException;
  }

  /**
   * Mounts and serves until it is unmounted, by whomever, or this process is told to end.
   *
   * @param mountPoint absolute, an existing directory
   * @param readOnly whether the kernel refuses all changes
   * @param readyFile where the mount's record is written when programs can use it; null = nowhere
   */
  public void serve(
      Path mountPoint,
      String driverName,
      boolean readOnly,
      boolean madeDirectory,
      Path logFile,
      @Nullable Path readyFile)
      throws IOException {
    requireDescriptors();
    boolean unusedRoot = ProcessGuard.enterRootDirectory();
    boolean unusedFlusher = ProcessGuard.tryMarkAsIoFlusher();
    int cleaned = DeadMounts.cleanUp(mountPoint);
    if (cleaned > 0) {
      LOG.info("removed {} dead mounts on {}", cleaned, mountPoint);
    }
    String name = description.instance().name();
    InstanceDirectory written = directory;
    InstanceSource source =
        written == null ? description::instance : () -> written.read(name).instance();
    var record =
        new MountRecord(
            Mounts.hostName(),
            "",
            ProcessHandle.current().pid(),
            mountPoint.toString(),
            driverName,
            madeDirectory,
            logFile.toString());
    try (AdhocFileSystem client = AdhocFileSystem.open(source, ClientOptions.DEFAULT);
        var switches = new MountSwitches(client.inodes(), source, Owner.ofThisProcess().uid())) {
      Driver driver = mount(mountPoint, driverName, readOnly, client, switches);
      var onSignal =
          new Thread(
              () -> {
                detach(driver, mountPoint);
                awaitServed();
              },
              "unmount");
      Runtime.getRuntime().addShutdownHook(onSignal);
      try {
        if (written != null) {
          written.putMount(name, record);
        }
        if (readyFile != null) {
          announce(readyFile, record);
        }
        LOG.info("instance {} is mounted on {} ({})", name, mountPoint, driverName);
        driver.awaitUnmounted();
        LOG.info("{} was unmounted", mountPoint);
      } catch (IOException e) {
        detach(driver, mountPoint);
        throw e;
      } finally {
        if (written != null) {
          written.removeMount(name, record);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "serving " + mountPoint, e);
    } finally {
      served.countDown();
    }
  }

  /**
   * Refuses to serve with fewer descriptors than the connections to all nodes take: programs would
   * see errors of files that happen to lie on the last nodes.
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

  /** Lets the main thread take leave of the daemons before the process ends. */
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
    String source = "adhocfs:" + description.instance().name();
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

  /** Apart, so that libfuse's classes are loaded only where they are wanted. */
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

  private static void detach(Driver driver, Path mountPoint) {
    try {
      driver.detach();
    } catch (IOException e) {
      LOG.warn("cannot unmount {}: {}", mountPoint, e.getMessage());
    }
  }

  private static void announce(Path readyFile, MountRecord record) throws FsException {
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
