package io.adhocfs.fuse.kernel;

/**
 * How to mount. Immutable; start from {@link #defaults()}.
 *
 * @param fsName the source that mount(8) and df(1) show; no comma, blank or backslash
 * @param readerThreads how many threads read requests, 1 to {@value #READER_THREADS_MAX}
 * @param ioLengthBytesMax the most bytes that one read or write carries: 4 KiB to 1 MiB, a power of
 *     two (the kernel's own limit is fs.fuse.max_pages_limit)
 * @param readaheadBytesMax how far the kernel may read ahead of a program; more than its own
 *     default (128 KiB) only as root
 * @param backgroundRequestsMax how many requests for which no program waits (read-ahead, direct
 *     asynchronous I/O, releases) may be under way, 1 to 65,535
 * @param congestionThreshold the number of background requests from which on the kernel starts no
 *     more read-ahead
 * @param attributeReuseNanos how long attributes that the kernel was just told may be its answer
 *     again (see docs/consistency.md); 0 = never
 * @param asynchronousDirectIo whether the kernel may have several requests of one O_DIRECT transfer
 *     running, and completes asynchronous transfers asynchronously (FUSE_ASYNC_DIO). The price: the
 *     kernel then waits for O_DIRECT transfers without listening to signals, SIGKILL included,
 *     until the file system answers
 * @param checksPermissions whether the kernel checks modes and owners (default_permissions), for
 *     which the kernel asks for each directory's attributes beside its name; else every user who
 *     reaches the mount may do everything
 * @param allowOther whether users other than the mounting one may use the mount; for a mounting
 *     user who is not root this holds only if /etc/fuse.conf says user_allow_other
 * @param readOnly mount(2)'s MS_RDONLY
 * @param noSetUserId mount(2)'s MS_NOSUID; always on for a user who is not root
 * @param noDevices mount(2)'s MS_NODEV; always on for a user who is not root
 */
public record MountOptions(
    String fsName,
    int readerThreads,
    int ioLengthBytesMax,
    int readaheadBytesMax,
    int backgroundRequestsMax,
    int congestionThreshold,
    long attributeReuseNanos,
    boolean asynchronousDirectIo,
    boolean checksPermissions,
    boolean allowOther,
    boolean readOnly,
    boolean noSetUserId,
    boolean noDevices) {
  public static final int READER_THREADS_MAX = 4;
  public static final int IO_LENGTH_BYTES_MAX = 1 << 20;

  /** The part of the file-system type behind "fuse.", in /proc/mounts and for umount -t. */
  public static final String SUBTYPE = "adhocfs";

  public MountOptions {
    if (fsName.isEmpty() || fsName.chars().anyMatch(c -> c <= ' ' || c == ',' || c == '\\')) {
      throw new IllegalArgumentException("file system name \"" + fsName + "\"");
    }
    requireWithin("reader threads", readerThreads, 1, READER_THREADS_MAX);
    requireWithin("bytes of a request", ioLengthBytesMax, 4096, IO_LENGTH_BYTES_MAX);
    if (Integer.bitCount(ioLengthBytesMax) != 1) {
      throw new IllegalArgumentException("bytes of a request: " + ioLengthBytesMax);
    }
    requireWithin("bytes of read-ahead", readaheadBytesMax, 0, 1 << 30);
    requireWithin("background requests", backgroundRequestsMax, 1, 65_535);
    if (attributeReuseNanos < 0) {
      throw new IllegalArgumentException("nanoseconds of reuse: " + attributeReuseNanos);
    }
    requireWithin("congestion threshold", congestionThreshold, 1, 65_535);
  }

  /**
   * Two readers, requests of 1 MiB, read-ahead of four requests, attributes valid for a
   * millisecond, for all users, with set-id bits and device nodes.
   */
  public static MountOptions defaults() {
    return new MountOptions(
        SUBTYPE,
        2,
        IO_LENGTH_BYTES_MAX,
        4 << 20,
        64,
        48,
        1_000_000,
        false,
        true,
        true,
        false,
        false,
        false);
  }

  public MountOptions withFsName(String name) {
    return new MountOptions(
        name,
        readerThreads,
        ioLengthBytesMax,
        readaheadBytesMax,
        backgroundRequestsMax,
        congestionThreshold,
        attributeReuseNanos,
        asynchronousDirectIo,
        checksPermissions,
        allowOther,
        readOnly,
        noSetUserId,
        noDevices);
  }

  /** Without checks of permissions, and so for the mounting user alone. */
  public MountOptions withoutPermissions() {
    return new MountOptions(
        fsName,
        readerThreads,
        ioLengthBytesMax,
        readaheadBytesMax,
        backgroundRequestsMax,
        congestionThreshold,
        attributeReuseNanos,
        asynchronousDirectIo,
        false,
        false,
        readOnly,
        noSetUserId,
        noDevices);
  }

  public MountOptions withReadOnly(boolean isReadOnly) {
    return new MountOptions(
        fsName,
        readerThreads,
        ioLengthBytesMax,
        readaheadBytesMax,
        backgroundRequestsMax,
        congestionThreshold,
        attributeReuseNanos,
        asynchronousDirectIo,
        checksPermissions,
        allowOther,
        isReadOnly,
        noSetUserId,
        noDevices);
  }

  public MountOptions withReaderThreads(int threads) {
    return new MountOptions(
        fsName,
        threads,
        ioLengthBytesMax,
        readaheadBytesMax,
        backgroundRequestsMax,
        congestionThreshold,
        attributeReuseNanos,
        asynchronousDirectIo,
        checksPermissions,
        allowOther,
        readOnly,
        noSetUserId,
        noDevices);
  }

  public MountOptions withAttributeReuseNanos(long nanos) {
    return new MountOptions(
        fsName,
        readerThreads,
        ioLengthBytesMax,
        readaheadBytesMax,
        backgroundRequestsMax,
        congestionThreshold,
        nanos,
        asynchronousDirectIo,
        checksPermissions,
        allowOther,
        readOnly,
        noSetUserId,
        noDevices);
  }

  public MountOptions withAsynchronousDirectIo(boolean asynchronous) {
    return new MountOptions(
        fsName,
        readerThreads,
        ioLengthBytesMax,
        readaheadBytesMax,
        backgroundRequestsMax,
        congestionThreshold,
        attributeReuseNanos,
        asynchronous,
        checksPermissions,
        allowOther,
        readOnly,
        noSetUserId,
        noDevices);
  }

  private static void requireWithin(String what, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(what + ": " + value + " is not in " + min + ".." + max);
    }
  }
}
