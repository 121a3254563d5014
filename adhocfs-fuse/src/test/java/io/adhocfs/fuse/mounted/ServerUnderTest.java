package io.adhocfs.fuse.mounted;

import io.adhocfs.fuse.jnr.JnrMount;
import io.adhocfs.fuse.kernel.FuseMount;
import io.adhocfs.fuse.kernel.MountOptions;
import io.adhocfs.fuse.kernel.ProcessGuard;
import io.adhocfs.fuse.memory.MemoryFileSystem;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * The child process: serves a mount of a {@link MemoryFileSystem} in which some names misbehave,
 * and takes commands by line on standard input ("unmount", "detach"), each answered by a line. Its
 * end, which comes at the latest with that of the test, detaches the mount.
 */
final class ServerUnderTest {
  /** Reads of a file of this name are only answered when they are interrupted; says "waiting". */
  static final String SILENT_READ = "never-read";

  /** As for reads, for opens. */
  static final String SILENT_OPEN = "never-opened";

  /** Opening a file of this name throws. */
  static final String BROKEN = "broken";

  /** Opening a file of this name is answered by another thread, some time later. */
  static final String SLOW = "slow";

  /** Opening a file of this name is answered as late, or as soon as it is interrupted. */
  static final String INTERRUPTIBLE = "interruptible";

  private static final Executor LATER =
      CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS);

  private ServerUnderTest() {}

  /**
   * Arguments: driver, mount point, capacity in MiB, attribute timeout in milliseconds, readers.
   */
  public static void main(String[] arguments) throws Exception {
    Path mountPoint = Path.of(arguments[1]);
    ProcessGuard.enterRootDirectory();
    ProcessGuard.tryMarkAsIoFlusher();
    Path self = Path.of("/proc/self");
    Misbehaving fileSystem =
        new Misbehaving(
            Long.parseLong(arguments[2]) << 20,
            Long.parseLong(arguments[3]) * 1_000_000,
            (int) Files.getAttribute(self, "unix:uid"),
            (int) Files.getAttribute(self, "unix:gid"));
    Served served =
        switch (arguments[0]) {
          case "direct" -> serveDirectly(mountPoint, Integer.parseInt(arguments[4]), fileSystem);
          case "jnr" -> serveByJnr(mountPoint, fileSystem);
          default -> throw new IllegalArgumentException("driver " + arguments[0]);
        };
    System.out.println("mounted");
    Thread.ofPlatform().daemon().name("commands").start(() -> obey(served));
    served.awaitUnmounted();
    // The thread that takes commands may have a last answer to give.
    System.exit(0);
  }

  /** What the tests do with a mount, whichever driver serves it. */
  private interface Served {
    void unmount() throws IOException;

    void detach() throws IOException;

    void awaitUnmounted() throws InterruptedException;
  }

  private static Served serveDirectly(Path mountPoint, int readers, MemoryFileSystem fileSystem)
      throws IOException {
    FuseMount mount =
        FuseMount.mount(
            mountPoint,
            MountOptions.defaults()
                .withFsName("under-test")
                .withReaderThreads(readers)
                .withAsynchronousDirectIo(readers > 1),
            fileSystem);
    return new Served() {
      @Override
      public void unmount() throws IOException {
        mount.unmount();
      }

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

  private static Served serveByJnr(Path mountPoint, MemoryFileSystem fileSystem)
      throws IOException {
    JnrMount mount =
        JnrMount.mount(mountPoint, "under-test", false, true, Duration.ofSeconds(2), fileSystem);
    return new Served() {
      @Override
      public void unmount() throws IOException {
        mount.unmount();
      }

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

  private static void obey(Served served) {
    try (BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = commands.readLine(); line != null; line = commands.readLine()) {
        String answer = "done";
        try {
          if (line.equals("unmount")) {
            served.unmount();
          } else {
            served.detach();
          }
        } catch (IOException refused) {
          answer = refused.toString();
        }
        System.out.println(answer);
      }
    } catch (IOException closed) {
      System.err.println("no more commands: " + closed);
    }
    try {
      served.detach();
    } catch (IOException refused) {
      System.err.println("cannot detach: " + refused);
    }
    System.exit(0);
  }

  private static final class Misbehaving extends MemoryFileSystem {
    private final Map<Long, String> namesByInode = new ConcurrentHashMap<>();

    Misbehaving(long capacityBytes, long timeoutNanos, int rootUid, int rootGid) {
      super(capacityBytes, timeoutNanos, rootUid, rootGid, InstantSource.system());
    }

    @Override
    public void lookup(
        Request request,
        long directory,
        io.adhocfs.protocol.model.EntryName name,
        AttributesReply reply) {
      super.lookup(
          request,
          directory,
          name,
          new AttributesReply() {
            @Override
            public void attributes(FileAttributes attributes) {
              namesByInode.put(attributes.id().value(), name.toString());
              reply.attributes(attributes);
            }

            @Override
            public void error(FsError error) {
              reply.error(error);
            }
          });
    }

    @Override
    public void open(Request request, long inode, int flags, OpenReply reply) {
      switch (namesByInode.getOrDefault(inode, "")) {
        case SILENT_OPEN -> answerOnlyInterruption(request, reply);
        case BROKEN -> throw new IllegalStateException("planted");
        case INTERRUPTIBLE -> {
          request.onInterrupt(() -> reply.error(FsError.INTERRUPTED));
          LATER.execute(() -> super.open(request, inode, flags, reply));
        }
        case SLOW -> LATER.execute(() -> super.open(request, inode, flags, reply));
        default -> super.open(request, inode, flags, reply);
      }
    }

    @Override
    public void read(
        Request request, long inode, long handle, long offset, int lengthBytes, DataReply reply) {
      if (namesByInode.getOrDefault(inode, "").equals(SILENT_READ)) {
        answerOnlyInterruption(request, reply);
      } else {
        super.read(request, inode, handle, offset, lengthBytes, reply);
      }
    }

    private static void answerOnlyInterruption(Request request, Reply reply) {
      request.onInterrupt(() -> reply.error(FsError.INTERRUPTED));
      System.out.println("waiting");
    }
  }
}
