package io.adhocfs.fuse.jnr;

import io.adhocfs.fuse.Caller;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.InodeFileSystem.OpenMode;
import io.adhocfs.fuse.InodeFileSystem.Statistics;
import io.adhocfs.fuse.StatValues;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.WallClock;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.Struct;
import jnr.ffi.provider.jffi.ClosureHelper;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import ru.serce.jnrfuse.FuseFillDir;
import ru.serce.jnrfuse.LibFuse;
import ru.serce.jnrfuse.struct.FileStat;
import ru.serce.jnrfuse.struct.FuseContext;
import ru.serce.jnrfuse.struct.FuseFileInfo;
import ru.serce.jnrfuse.struct.FuseOperations;
import ru.serce.jnrfuse.struct.Statvfs;

/**
 * A mount through libfuse 2: the basic contract at several times the cost of the direct driver,
 * with requests of 128 KiB at most. A file that is unlinked while open is kept as ".fuse_hidden..."
 * in its directory until it is closed, and a rename over an open file is not atomic, since libfuse
 * moves that file aside first (libfuse's option hard_remove would avoid both, but break fstat of
 * such files). No signal, not even SIGKILL, interrupts a waiting program before the deadline of its
 * request.
 *
 * <p>The process must not use its own mount. Thread-safe.
 */
public final class JnrMount {
  private static final Logger LOG = LoggerFactory.getLogger(JnrMount.class);

  /** How long mounting and unmounting may take: they only ask the kernel. */
  private static final int MOUNT_TIMEOUT_SECONDS = 30;

  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  /** utimensat(2)'s UTIME_NOW and UTIME_OMIT, in place of nanoseconds. */
  private static final long UTIME_NOW = (1L << 30) - 1;

  private static final long UTIME_OMIT = (1L << 30) - 2;

  /** The third bit behind fuse_operations.bmap, flag_utime_omit_ok. */
  private static final int FLAG_UTIME_OMIT_OK = 1 << 2;

  /** The bits of fuse_file_info in the four bytes before fh: direct_io, then keep_cache. */
  private static final int DIRECT_IO = 1;

  private static final int KEEP_CACHE = 1 << 1;

  /** The work of a callback; it returns what libfuse wants, and throws for a negative errno. */
  @FunctionalInterface
  private interface Action {
    int run() throws FsException;
  }

  /** The work of a callback that returns nothing. */
  @FunctionalInterface
  private interface VoidAction {
    void run() throws FsException;
  }

  private final Path mountPoint;
  private final LibFuse library;
  private final PathOperations operations;
  private final InstantSource clock = InstantSource.system();
  private final Runtime runtime = Runtime.getSystemRuntime();
  private final FuseOperations table = new FuseOperations(runtime);
  private final CountDownLatch initialized = new CountDownLatch(1);
  private final CompletableFuture<Integer> ended = new CompletableFuture<>();

  /** libfuse holds only the addresses of the callbacks: this keeps them from being collected. */
  private final List<Object> callbacks = new ArrayList<>();

  private JnrMount(Path mountPoint, LibFuse library, InodeFileSystem fileSystem, Duration timeout) {
    this.mountPoint = mountPoint;
    this.library = library;
    this.operations = new PathOperations(fileSystem, timeout, this::currentCaller);
  }

  /**
   * Mounts on an existing directory; when this returns, programs can use it.
   *
   * @param fsName the source that mount(8) and df(1) show; no comma, blank or backslash
   * @param readOnly whether the kernel refuses all changes
   * @param timeout how long a request may wait for the file system's answer before it fails with
   *     EIO
   * @throws FsException NOT_SUPPORTED if libfuse 2 is missing, STORAGE_FAILED if libfuse cannot
   *     mount (libfuse says why on standard error)
   */
  public static JnrMount mount(
      Path mountPoint,
      String fsName,
      boolean readOnly,
      boolean checksPermissions,
      Duration timeout,
      InodeFileSystem fileSystem)
      throws IOException {
    JnrMount mount = new JnrMount(mountPoint.toAbsolutePath(), loadLibrary(), fileSystem, timeout);
    mount.fillTable();
    Thread loop =
        new Thread(
            () ->
                mount.serve(arguments(mountPoint, fsName, readOnly, checksPermissions, fileSystem)),
            "fuse-libfuse");
    loop.setDaemon(true);
    loop.start();
    mount.awaitInitialized();
    return mount;
  }

  private static LibFuse loadLibrary() throws FsException {
    try {
      return LibraryLoader.create(LibFuse.class).failImmediately().load("libfuse.so.2");
    } catch (UnsatisfiedLinkError missing) {
      throw new FsException(
          FsError.NOT_SUPPORTED, "libfuse.so.2 is missing: install the package libfuse2", missing);
    }
  }

  private static String[] arguments(
      Path mountPoint,
      String fsName,
      boolean readOnly,
      boolean checksPermissions,
      InodeFileSystem fileSystem) {
    List<String> options =
        new ArrayList<>(
            List.of(
                "fsname=" + fsName,
                "subtype=adhocfs",
                "big_writes",
                "use_ino",
                "negative_timeout=0",
                "entry_timeout=" + seconds(fileSystem.timeoutNanos(null)),
                "attr_timeout=" + seconds(fileSystem.timeoutNanos(null))));
    if (readOnly) {
      options.add("ro");
    }
    if (checksPermissions) {
      options.add("default_permissions");
    }
    if (isRoot()) {
      // As with the direct driver: all users may use the mount, set-id bits and device nodes count.
      options.addAll(List.of("suid", "dev"));
      if (checksPermissions) {
        options.add("allow_other");
      }
    }
    return new String[] {
      "adhocfs", "-f", mountPoint.toAbsolutePath().toString(), "-o", String.join(",", options)
    };
  }

  private static String seconds(long nanos) {
    return String.format(Locale.ROOT, "%.9f", nanos / (double) NANOS_PER_SECOND);
  }

  private static boolean isRoot() {
    try {
      return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    } catch (IOException unknown) {
      return false;
    }
  }

  private void serve(String[] arguments) {
    try {
      ended.complete(
          library.fuse_main_real(arguments.length, arguments, table, Struct.size(table), null));
    } catch (Throwable defect) {
      ended.completeExceptionally(defect);
      throw defect;
    } finally {
      initialized.countDown();
    }
  }

  private void awaitInitialized() throws IOException {
    try {
      if (!initialized.await(MOUNT_TIMEOUT_SECONDS, TimeUnit.SECONDS) || ended.isDone()) {
        throw new FsException(
            FsError.STORAGE_FAILED, "libfuse did not mount " + mountPoint + ", see standard error");
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new FsException(
          FsError.INTERRUPTED, "interrupted while mounting " + mountPoint, interrupted);
    }
  }

  /**
   * Unmounts.
   *
   * @throws FsException BUSY, or another refusal of umount(8)
   */
  public void unmount() throws IOException {
    unmount(isRoot() ? List.of("umount") : List.of("fusermount", "-u"));
  }

  /** Detaches the mount at once; programs that use the mount keep their open files. */
  public void detach() throws IOException {
    unmount(isRoot() ? List.of("umount", "-l") : List.of("fusermount", "-u", "-z"));
  }

  private void unmount(List<String> command) throws IOException {
    if (ended.isDone()) {
      return;
    }
    List<String> words = new ArrayList<>(command);
    words.add(mountPoint.toString());
    Process process =
        new ProcessBuilder(words)
            .directory(Path.of("/").toFile())
            .redirectErrorStream(true)
            .start();
    try (OutputStream input = process.getOutputStream()) {
      input.flush();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new FsException(said.contains("busy") ? FsError.BUSY : FsError.INVALID, said);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new FsException(
          FsError.INTERRUPTED, "interrupted while unmounting " + mountPoint, interrupted);
    }
  }

  /** Waits until the mount is gone, through {@link #unmount()} or any other unmount. */
  public void awaitUnmounted() throws InterruptedException {
    try {
      ended.get();
    } catch (ExecutionException defect) {
      throw new IllegalStateException("libfuse's loop ended", defect.getCause());
    }
  }

  private Caller currentCaller() {
    FuseContext context = library.fuse_get_context();
    return new Caller(context.uid.intValue(), context.gid.intValue(), context.pid.intValue());
  }

  /** Puts the address of a callback into its field of fuse_operations. */
  private <T> void set(long offset, Class<T> shape, T callback) {
    callbacks.add(callback);
    Struct.getMemory(table)
        .putPointer(offset, runtime.getClosureManager().getClosurePointer(shape, callback));
  }

  private void fillTable() {
    set(
        table.init.offset(),
        Callbacks.OnInit.class,
        connection -> {
          initialized.countDown();
          return null;
        });
    fillTableOfNames();
    fillTableOfAttributes();
    fillTableOfFiles();
    long flagsOffset = table.bmap.offset() + runtime.addressSize();
    Struct.getMemory(table).putInt(flagsOffset, FLAG_UTIME_OMIT_OK);
  }

  private void fillTableOfNames() {
    set(
        table.readlink.offset(),
        Callbacks.OnReadLink.class,
        (path, buffer, size) -> run(() -> readLink(path, buffer, size)));
    set(
        table.mknod.offset(),
        Callbacks.OnMakeNode.class,
        (path, mode, device) -> act(() -> operations.makeNode(bytes(path), (int) mode, device)));
    set(
        table.mkdir.offset(),
        Callbacks.OnMode.class,
        (path, mode) -> act(() -> operations.makeDirectory(bytes(path), (int) mode)));
    set(
        table.unlink.offset(),
        Callbacks.OnPath.class,
        path -> act(() -> operations.unlink(bytes(path))));
    set(
        table.rmdir.offset(),
        Callbacks.OnPath.class,
        path -> act(() -> operations.removeDirectory(bytes(path))));
    set(
        table.symlink.offset(),
        Callbacks.OnPathAndPointer.class,
        (target, path) -> act(() -> operations.symlink(bytes(target), bytes(path))));
    set(
        table.rename.offset(),
        Callbacks.OnPathAndPointer.class,
        (path, newPath) -> act(() -> operations.rename(bytes(path), bytes(newPath))));
    set(
        table.link.offset(),
        Callbacks.OnPathAndPointer.class,
        (path, newPath) -> act(() -> operations.link(bytes(path), bytes(newPath))));
    set(
        table.readdir.offset(),
        Callbacks.OnReadDirectory.class,
        (path, buffer, filler, offset, info) -> run(() -> list(path, buffer, filler)));
    set(
        table.fsyncdir.offset(),
        Callbacks.OnSync.class,
        (path, dataOnly, info) -> act(() -> operations.fsyncDirectory(bytes(path), dataOnly != 0)));
  }

  private void fillTableOfAttributes() {
    set(
        table.getattr.offset(),
        Callbacks.OnPathAndPointer.class,
        (path, stat) -> run(() -> fill(stat, operations.attributes(bytes(path)))));
    set(
        table.fgetattr.offset(),
        Callbacks.OnPathAndTwoPointers.class,
        (path, stat, info) -> run(() -> fill(stat, operations.attributes(number(info)))));
    set(
        table.chmod.offset(),
        Callbacks.OnMode.class,
        (path, mode) ->
            run(() ->
                change(
                    path, AttributeChange.NONE.withMode((int) mode & FileAttributes.MODE_MASK))));
    set(
        table.chown.offset(),
        Callbacks.OnOwner.class,
        (path, uid, gid) -> run(() -> change(path, newOwner(uid, gid))));
    set(
        table.truncate.offset(),
        Callbacks.OnTruncate.class,
        (path, size) -> act(() -> operations.truncate(bytes(path), size)));
    set(
        table.ftruncate.offset(),
        Callbacks.OnTruncateOpen.class,
        (path, size, info) -> act(() -> operations.truncate(number(info), size)));
    set(
        table.utimens.offset(),
        Callbacks.OnPathAndPointer.class,
        (path, times) -> run(() -> change(path, newTimes(times))));
    set(
        table.statfs.offset(),
        Callbacks.OnPathAndPointer.class,
        (path, buffer) -> run(() -> fill(buffer, operations.statistics())));
  }

  private void fillTableOfFiles() {
    set(
        table.open.offset(),
        Callbacks.OnPathAndPointer.class,
        (path, info) ->
            run(() ->
                opened(
                    info, operations.open(bytes(path), FuseFileInfo.of(info).flags.intValue()))));
    set(
        table.create.offset(),
        Callbacks.OnCreate.class,
        (path, mode, info) ->
            run(() ->
                opened(
                    info,
                    operations.create(
                        bytes(path), (int) mode, FuseFileInfo.of(info).flags.intValue()))));
    set(
        table.read.offset(),
        Callbacks.OnTransfer.class,
        (path, buffer, length, offset, info) ->
            run(() -> read(number(info), buffer, (int) length, offset)));
    set(
        table.write.offset(),
        Callbacks.OnTransfer.class,
        (path, buffer, length, offset, info) ->
            run(() -> {
              byte[] data = new byte[(int) length];
              buffer.get(0, data, 0, data.length);
              return operations.write(number(info), offset, data);
            }));
    set(
        table.flush.offset(),
        Callbacks.OnPathAndPointer.class,
        (path, info) -> act(() -> operations.flush(number(info))));
    set(
        table.release.offset(),
        Callbacks.OnPathAndPointer.class,
        (path, info) -> act(() -> operations.release(number(info))));
    set(
        table.fsync.offset(),
        Callbacks.OnSync.class,
        (path, dataOnly, info) -> act(() -> operations.fsync(number(info), dataOnly != 0)));
  }

  private static int act(VoidAction action) {
    return run(() -> {
      action.run();
      return 0;
    });
  }

  /** No exception may reach libfuse's C. */
  private static int run(Action action) {
    try {
      return action.run();
    } catch (FsException refused) {
      return PathOperations.result(refused);
    } catch (Throwable defect) {
      LOG.error("a file-system call failed", defect);
      return PathOperations.result(defect);
    }
  }

  private int change(@Nullable Pointer path, AttributeChange change) throws FsException {
    operations.changeAttributes(bytes(path), change);
    return 0;
  }

  /** For an id, -1 stands for "unchanged", as in chown(2). */
  private static AttributeChange newOwner(long uid, long gid) {
    AttributeChange change = AttributeChange.NONE;
    if ((int) uid != -1) {
      change = change.withUid((int) uid);
    }
    if ((int) gid != -1) {
      change = change.withGid((int) gid);
    }
    return change;
  }

  private AttributeChange newTimes(Pointer times) {
    AttributeChange change = AttributeChange.NONE;
    Long atimeNanos = timeOf(times, 0);
    if (atimeNanos != null) {
      change = change.withAtimeNanos(atimeNanos);
    }
    Long mtimeNanos = timeOf(times, 16);
    if (mtimeNanos != null) {
      change = change.withMtimeNanos(mtimeNanos);
    }
    return change;
  }

  /** The time in a struct timespec; null = unchanged. */
  private @Nullable Long timeOf(Pointer times, long offset) {
    long seconds = times.getLong(offset);
    long nanos = times.getLong(offset + 8);
    if (nanos == UTIME_OMIT) {
      return null;
    }
    if (nanos == UTIME_NOW) {
      return WallClock.nanos(clock);
    }
    return seconds * NANOS_PER_SECOND + nanos;
  }

  private int readLink(Pointer path, Pointer buffer, long sizeBytes) throws FsException {
    byte[] target = operations.readLink(bytes(path));
    int length = (int) Math.min(target.length, sizeBytes - 1);
    buffer.put(0, target, 0, length);
    buffer.putByte(length, (byte) 0);
    return 0;
  }

  private int read(long number, Pointer buffer, int lengthBytes, long offset) throws FsException {
    ByteBuf data = operations.read(number, offset, lengthBytes);
    try {
      byte[] bytes = new byte[Math.min(lengthBytes, data.readableBytes())];
      data.readBytes(bytes);
      buffer.put(0, bytes, 0, bytes.length);
      return bytes.length;
    } finally {
      data.release();
    }
  }

  private static int opened(Pointer info, Answer.Opened opened) {
    FuseFileInfo fields = FuseFileInfo.of(info);
    fields.fh.set(opened.handle());
    OpenMode mode = opened.mode();
    long bitsOffset = fields.fh.offset() - Integer.BYTES;
    info.putInt(
        bitsOffset,
        info.getInt(bitsOffset)
            | (mode.directIo() ? DIRECT_IO : 0)
            | (mode.keepCache() ? KEEP_CACHE : 0));
    return 0;
  }

  /** Hands the whole directory over at once (filler offset 0), from a listing that pages. */
  private int list(Pointer path, Pointer buffer, Pointer filler) throws FsException {
    ClosureHelper helper = ClosureHelper.getInstance();
    FuseFillDir fill =
        helper
            .getNativeConveter(FuseFillDir.class)
            .fromNative(filler, helper.getFromNativeContext());
    FileStat stat = FileStat.of(Memory.allocateDirect(runtime, 256, true));
    Pointer statMemory = Struct.getMemory(stat);
    long inode = operations.directory(bytes(path));
    List<Listing.Entry> page = operations.list(inode, 0);
    while (!page.isEmpty()) {
      for (Listing.Entry entry : page) {
        stat.st_ino.set(entry.inode());
        stat.st_mode.set(entry.type().modeBits());
        byte[] name = Arrays.copyOf(entry.name(), entry.name().length + 1);
        if (fill.apply(buffer, ByteBuffer.wrap(name), statMemory, 0) != 0) {
          throw new FsException(FsError.INTERNAL, "libfuse has no memory for a listing");
        }
      }
      page = operations.list(inode, page.getLast().nextCookie());
    }
    return 0;
  }

  private static int fill(Pointer buffer, FileAttributes attributes) {
    FileStat stat = FileStat.of(buffer);
    stat.st_ino.set(attributes.id().value());
    stat.st_mode.set(attributes.fullMode());
    stat.st_nlink.set(attributes.linkCount());
    stat.st_uid.set(attributes.uid());
    stat.st_gid.set(attributes.gid());
    stat.st_rdev.set(attributes.deviceNumber());
    stat.st_size.set(StatValues.sizeBytes(attributes));
    stat.st_blksize.set(StatValues.blockSizeBytes(attributes));
    stat.st_blocks.set(StatValues.blocks(attributes));
    stat.st_atim.tv_sec.set(Math.floorDiv(attributes.atimeNanos(), NANOS_PER_SECOND));
    stat.st_atim.tv_nsec.set(Math.floorMod(attributes.atimeNanos(), NANOS_PER_SECOND));
    stat.st_mtim.tv_sec.set(Math.floorDiv(attributes.mtimeNanos(), NANOS_PER_SECOND));
    stat.st_mtim.tv_nsec.set(Math.floorMod(attributes.mtimeNanos(), NANOS_PER_SECOND));
    stat.st_ctim.tv_sec.set(Math.floorDiv(attributes.ctimeNanos(), NANOS_PER_SECOND));
    stat.st_ctim.tv_nsec.set(Math.floorMod(attributes.ctimeNanos(), NANOS_PER_SECOND));
    return 0;
  }

  private static int fill(Pointer buffer, Statistics statistics) {
    long blockSize = statistics.blockSizeBytes();
    Statvfs target = Statvfs.of(buffer);
    target.f_bsize.set(blockSize);
    target.f_frsize.set(blockSize);
    target.f_blocks.set(statistics.totalBytes() / blockSize);
    target.f_bfree.set(statistics.availableBytes() / blockSize);
    target.f_bavail.set(statistics.availableBytes() / blockSize);
    target.f_files.set(statistics.inodesTotal());
    target.f_ffree.set(statistics.inodesFree());
    target.f_favail.set(statistics.inodesFree());
    target.f_namemax.set(EntryName.LENGTH_MAX);
    return 0;
  }

  private static long number(Pointer info) {
    return FuseFileInfo.of(info).fh.longValue();
  }

  /** The bytes of a C string, whatever they mean. */
  private static byte[] bytes(@Nullable Pointer text) throws FsException {
    if (text == null) {
      throw new FsException(FsError.NOT_FOUND, "libfuse has no path for this file any more");
    }
    byte[] bytes = new byte[text.indexOf(0, (byte) 0)];
    text.get(0, bytes, 0, bytes.length);
    return bytes;
  }
}
