package io.adhocfs.fuse.memory;

import io.adhocfs.fuse.jnr.JnrMount;
import io.adhocfs.fuse.kernel.DeadMounts;
import io.adhocfs.fuse.kernel.FuseMount;
import io.adhocfs.fuse.kernel.MountOptions;
import io.adhocfs.fuse.kernel.ProcessGuard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;

/**
 * Mounts a {@link MemoryFileSystem} in the foreground until it is unmounted or the process is told
 * to end; prints "mounted PATH" when programs can use it. For benchmarks: shows what a driver and
 * the kernel cost by themselves.
 */
public final class MemoryMount {
  private static final String USAGE =
      "usage: MemoryMount MOUNT_POINT [--capacity-mib N] [--timeout-millis N] [--readers N]"
          + " [--driver direct|jnr]";

  private MemoryMount() {}

  /** The settings of the command line. */
  record Settings(
      Path mountPoint, long capacityMebibytes, long timeoutMillis, int readers, boolean jnr) {

    static Settings parse(List<String> arguments) {
      if (arguments.isEmpty() || arguments.size() % 2 == 0) {
        throw new IllegalArgumentException(USAGE);
      }
      // Half of what the JVM may allocate directly, since the allocator keeps room of its own.
      long capacityMebibytes = Runtime.getRuntime().maxMemory() >> 21;
      long timeoutMillis = 0;
      boolean jnr = false;
      int readers = MountOptions.defaults().readerThreads();
      for (int i = 1; i < arguments.size(); i += 2) {
        String value = arguments.get(i + 1);
        switch (arguments.get(i)) {
          case "--capacity-mib" -> capacityMebibytes = Long.parseLong(value);
          case "--timeout-millis" -> timeoutMillis = Long.parseLong(value);
          case "--driver" -> jnr = value.equals("jnr");
          case "--readers" -> readers = Integer.parseInt(value);
          default -> throw new IllegalArgumentException(USAGE);
        }
      }
      return new Settings(
          Path.of(arguments.getFirst()).toAbsolutePath(),
          capacityMebibytes,
          timeoutMillis,
          readers,
          jnr);
    }
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Settings settings;
    try {
      settings = Settings.parse(List.of(arguments));
    } catch (IllegalArgumentException wrong) {
      System.err.println(wrong.getMessage());
      System.exit(2);
      return;
    }
    ProcessGuard.enterRootDirectory();
    ProcessGuard.tryMarkAsIoFlusher();
    MemoryFileSystem fileSystem = create(settings);
    DeadMounts.cleanUp(settings.mountPoint());
    if (settings.jnr()) {
      serveByJnr(settings, fileSystem);
    } else {
      serveDirectly(settings, fileSystem);
    }
  }

  private static void serveDirectly(Settings settings, MemoryFileSystem fileSystem)
      throws IOException, InterruptedException {
    FuseMount mount =
        FuseMount.mount(
            settings.mountPoint(),
            MountOptions.defaults().withFsName("memory").withReaderThreads(settings.readers()),
            fileSystem);
    detachAtExit(mount::detach);
    System.out.println("mounted " + settings.mountPoint());
    mount.awaitUnmounted();
  }

  private static void serveByJnr(Settings settings, MemoryFileSystem fileSystem)
      throws IOException, InterruptedException {
    JnrMount mount =
        JnrMount.mount(
            settings.mountPoint(), "memory", false, true, Duration.ofSeconds(60), fileSystem);
    detachAtExit(mount::detach);
    System.out.println("mounted " + settings.mountPoint());
    mount.awaitUnmounted();
  }

  /** The root of the file system belongs to the user who runs this, as /proc/self does. */
  static MemoryFileSystem create(Settings settings) throws IOException {
    Path self = Path.of("/proc/self");
    return new MemoryFileSystem(
        settings.capacityMebibytes() << 20,
        settings.timeoutMillis() * 1_000_000,
        (int) Files.getAttribute(self, "unix:uid"),
        (int) Files.getAttribute(self, "unix:gid"),
        InstantSource.system());
  }

  /** How a mount is detached. */
  @FunctionalInterface
  private interface Detach {
    void run() throws IOException;
  }

  private static void detachAtExit(Detach detach) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    detach.run();
                  } catch (IOException failure) {
                    System.err.println("cannot unmount: " + failure.getMessage());
                  }
                },
                "unmount"));
  }
}
