package io.adhocfs.fuse.kernel;

import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A mounted file system, which this process serves until {@link #unmount()} or another process
 * (umount(8)) unmounts it. Thread-safe.
 *
 * <p>This process must not use the mount itself, not even to look at its root: the process would
 * wait for its own answer. See {@link ProcessGuard} for what the main program of the process does
 * first.
 */
public final class FuseMount {
  private static final Logger LOG = LoggerFactory.getLogger(FuseMount.class);

  private final byte[] mountPoint;
  private final boolean throughFusermount;
  private final Session session;

  private FuseMount(byte[] mountPoint, boolean throughFusermount, Session session) {
    this.mountPoint = mountPoint;
    this.throughFusermount = throughFusermount;
    this.session = session;
  }

  /**
   * Mounts a file system on an existing directory. When this returns, programs can use it.
   *
   * <p>Root mounts by mount(2), other users through fusermount3. The readers are daemon threads, so
   * the main program has to wait with {@link #awaitUnmounted()}.
   *
   * @throws FsException BUSY if a file system of ours is mounted there already ({@link DeadMounts}
   *     removes a dead mount), NOT_SUPPORTED if the kernel is too old, and any refusal of mount(2)
   *     or fusermount3
   */
  public static FuseMount mount(Path mountPoint, MountOptions options, InodeFileSystem fileSystem)
      throws IOException {
    return mount(MountPath.bytes(MountPath.canonical(mountPoint)), options, fileSystem);
  }

  /**
   * As {@link #mount(Path, MountOptions, InodeFileSystem)}, for a path that Java cannot express:
   * absolute, without links in it.
   */
  public static FuseMount mount(byte[] mountPoint, MountOptions options, InodeFileSystem fileSystem)
      throws IOException {
    MountTable.Mount already = MountTable.topmostAt(mountPoint);
    if (already != null && already.type().equals("fuse." + MountOptions.SUBTYPE)) {
      throw new FsException(
          FsError.BUSY,
          MountPath.text(mountPoint) + " is a mount of " + already.source() + " already");
    }
    Mounting.Mounted mounted = Mounting.mount(mountPoint, options);
    try {
      Handshake.Agreement agreement = Handshake.perform(mounted.descriptor(), options, fileSystem);
      LOG.debug("mounted {}: {}", MountPath.text(mountPoint), agreement);
      raiseReadahead(mountPoint, options.readaheadBytesMax());
      return new FuseMount(
          mountPoint.clone(),
          mounted.throughFusermount(),
          serve(mounted.descriptor(), options, agreement, fileSystem));
    } catch (IOException | RuntimeException | Error failure) {
      try {
        Mounting.unmount(mountPoint, mounted.throughFusermount(), true);
      } catch (IOException second) {
        failure.addSuppressed(second);
      }
      FileCalls.close(mounted.descriptor());
      throw failure;
    }
  }

  /**
   * Has the kernel read ahead further than its default, which the handshake can only lower. The
   * kernel then keeps several requests of a stream running.
   */
  private static void raiseReadahead(byte[] mountPoint, int bytesMax) throws IOException {
    MountTable.Mount mount = MountTable.topmostAt(mountPoint);
    if (mount != null) {
      try {
        Files.writeString(
            Path.of("/sys/class/bdi", mount.device(), "read_ahead_kb"), bytesMax / 1024 + "\n");
      } catch (IOException e) {
        LOG.debug("read-ahead stays at the kernel's default: {}", e.toString());
      }
    }
  }

  /** Starts the readers, each on a descriptor of its own as far as the device may be opened. */
  private static Session serve(
      int descriptor,
      MountOptions options,
      Handshake.Agreement agreement,
      InodeFileSystem fileSystem) {
    List<Integer> descriptors = new ArrayList<>(List.of(descriptor));
    while (descriptors.size() < options.readerThreads()) {
      int clone = Mounting.cloneDescriptor(descriptor);
      if (clone < 0) {
        // This user may not open /dev/fuse: all readers share the descriptor of fusermount3.
        LOG.debug("no second descriptor: {}", LinuxCalls.describe(clone));
        break;
      }
      descriptors.add(clone);
    }
    Session session =
        new Session(
            fileSystem,
            agreement.ioLengthBytesMax(),
            options.attributeReuseNanos(),
            descriptors.stream().mapToInt(Integer::intValue).toArray(),
            options.readerThreads());
    for (int i = 0; i < options.readerThreads(); i++) {
      Reader reader = new Reader(session, descriptors.get(i % descriptors.size()));
      Thread thread = new Thread(reader, "fuse-reader-" + i);
      thread.setDaemon(true);
      thread.start();
    }
    return session;
  }

  /**
   * Unmounts; does nothing if the file system is unmounted already. Waits until the kernel has
   * written back dirty pages of programs, which the file system must still take.
   *
   * @throws FsException BUSY while a program has a file open or its working directory there
   */
  public void unmount() throws IOException {
    unmount(false);
  }

  /** Detaches the mount at once; programs that use the mount keep their open files. */
  public void detach() throws IOException {
    unmount(true);
  }

  private void unmount(boolean lazily) throws IOException {
    if (isServing() && MountTable.topmostAt(mountPoint) != null) {
      Mounting.unmount(mountPoint, throughFusermount, lazily);
    }
  }

  /** Whether requests are still read: false from the last moment of the mount on. */
  public boolean isServing() {
    return !session.hasEnded();
  }

  /** Waits until the mount is gone and no request will come any more. */
  public void awaitUnmounted() throws InterruptedException {
    session.ended().await();
  }

  /**
   * As {@link #awaitUnmounted()}, but waits at most this long; false if the file system is still
   * mounted then.
   */
  public boolean awaitUnmounted(Duration timeout) throws InterruptedException {
    return session.ended().await(timeout.toNanos(), TimeUnit.NANOSECONDS);
  }
}
