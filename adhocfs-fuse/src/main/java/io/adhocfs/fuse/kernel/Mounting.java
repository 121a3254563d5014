package io.adhocfs.fuse.kernel;

import static io.adhocfs.fuse.kernel.Protocol.U32;
import static io.adhocfs.fuse.kernel.Protocol.U64;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mounts and unmounts: by system calls if the process may use them, else through the set-user-id
 * program fusermount3 of libfuse, which sends the descriptor over a socket.
 */
final class Mounting {
  private static final Logger LOG = LoggerFactory.getLogger(Mounting.class);

  private static final Path FUSE_CONFIGURATION = Path.of("/etc/fuse.conf");
  private static final String FUSERMOUNT = "fusermount3";

  /** How long fusermount3 may take: fusermount3 only asks the kernel. */
  private static final int FUSERMOUNT_TIMEOUT_MILLIS = 20_000;

  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_CLOEXEC = 02000000;
  private static final int F_SETFD = 2;
  private static final short POLLIN = 1;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int MSG_CMSG_CLOEXEC = 0x40000000;

  private Mounting() {}

  /**
   * A descriptor of /dev/fuse that serves the new mount, and how to unmount it.
   *
   * @param throughFusermount whether fusermount3 has made the mount and must remove it
   */
  record Mounted(int descriptor, boolean throughFusermount) {}

  /** Mounts. The {@link FsException} of a refusal says what was refused and what may help. */
  static Mounted mount(byte[] mountPoint, MountOptions options) throws IOException {
    if (FileCalls.effectiveUserId() == 0) {
      int descriptor = openDevice();
      int result = mountDirectly(descriptor, mountPoint, options);
      if (result >= 0) {
        return new Mounted(descriptor, false);
      }
      FileCalls.close(descriptor);
      if (result != -Errnos.EPERM) {
        throw new FsException(
            categoryOf(result),
            "mount(2) of " + MountPath.text(mountPoint) + ": " + LinuxCalls.describe(result));
      }
      LOG.info("mount(2) is not permitted to this root: trying {}", FUSERMOUNT);
    }
    return new Mounted(mountThroughFusermount(mountPoint, options), true);
  }

  static int openDevice() throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      int descriptor =
          FileCalls.openat(
              FileCalls.AT_FDCWD,
              LinuxCalls.cString(arena, "/dev/fuse"),
              FileCalls.O_RDWR | FileCalls.O_CLOEXEC,
              0);
      if (descriptor < 0) {
        throw new FsException(
            categoryOf(descriptor),
            "/dev/fuse: "
                + LinuxCalls.describe(descriptor)
                + "; is the kernel's fuse module loaded, and the device given to this container?");
      }
      return descriptor;
    }
  }

  /** One more descriptor of the same mount, with a queue of its own; negative errno on failure. */
  static int cloneDescriptor(int descriptor) {
    try (Arena arena = Arena.ofConfined()) {
      int clone =
          FileCalls.openat(
              FileCalls.AT_FDCWD,
              LinuxCalls.cString(arena, "/dev/fuse"),
              FileCalls.O_RDWR | FileCalls.O_CLOEXEC,
              0);
      if (clone < 0) {
        return clone;
      }
      MemorySegment original = arena.allocate(4, 4);
      original.set(U32, 0, descriptor);
      int result = LinuxCalls.ioctl(clone, Protocol.FUSE_DEV_IOC_CLONE, original);
      if (result < 0) {
        FileCalls.close(clone);
        return result;
      }
      return clone;
    }
  }

  private static int mountDirectly(int descriptor, byte[] mountPoint, MountOptions options) {
    long flags =
        (options.readOnly() ? LinuxCalls.MS_RDONLY : 0)
            | (options.noSetUserId() ? LinuxCalls.MS_NOSUID : 0)
            | (options.noDevices() ? LinuxCalls.MS_NODEV : 0);
    String text =
        "fd="
            + descriptor
            + ",rootmode=40000,user_id="
            + LinuxCalls.userId()
            + ",group_id="
            + LinuxCalls.groupId()
            + (options.checksPermissions() ? ",default_permissions" : "")
            + ",max_read="
            + options.ioLengthBytesMax()
            + (options.allowOther() ? ",allow_other" : "");
    try (Arena arena = Arena.ofConfined()) {
      return LinuxCalls.mount(
          LinuxCalls.cString(arena, options.fsName()),
          LinuxCalls.cString(arena, mountPoint),
          LinuxCalls.cString(arena, "fuse." + MountOptions.SUBTYPE),
          flags,
          LinuxCalls.cString(arena, text));
    }
  }

  /**
   * Unmounts.
   *
   * @param lazily detaches a mount that is in use: programs keep their open files
   * @throws FsException BUSY if programs use it, INVALID if nothing is mounted there
   */
  static void unmount(byte[] mountPoint, boolean throughFusermount, boolean lazily)
      throws IOException {
    if (throughFusermount) {
      unmountThroughFusermount(mountPoint, lazily);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      int result =
          LinuxCalls.umount2(
              LinuxCalls.cString(arena, mountPoint),
              LinuxCalls.UMOUNT_NOFOLLOW | (lazily ? LinuxCalls.MNT_DETACH : 0));
      if (result < 0) {
        throw new FsException(
            categoryOf(result),
            "umount(2) of " + MountPath.text(mountPoint) + ": " + LinuxCalls.describe(result));
      }
    }
  }

  private static void unmountThroughFusermount(byte[] mountPoint, boolean lazily)
      throws IOException {
    try {
      ShellCommand.Result result =
          ShellCommand.runWithPath(
              mountPoint,
              FUSERMOUNT_TIMEOUT_MILLIS,
              lazily ? List.of(FUSERMOUNT, "-u", "-z") : List.of(FUSERMOUNT, "-u"));
      if (!result.succeeded()) {
        throw new FsException(
            result.errors().contains("busy") ? FsError.BUSY : FsError.INVALID,
            FUSERMOUNT + " -u " + MountPath.text(mountPoint) + ": " + result.errors().strip());
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new FsException(
          FsError.INTERRUPTED, "interrupted while " + FUSERMOUNT + " unmounts", interrupted);
    }
  }

  /**
   * Starts fusermount3 by posix_spawn(3), since Java's own child processes inherit no descriptor.
   * fusermount3 finds its end of the socket through _FUSE_COMMFD and sends the descriptor as
   * SCM_RIGHTS.
   */
  private static int mountThroughFusermount(byte[] mountPoint, MountOptions options)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment ends = arena.allocate(8, 4);
      int result = LinuxCalls.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
      if (result < 0) {
        throw new FsException(
            FsError.STORAGE_FAILED, "socketpair(2): " + LinuxCalls.describe(result));
      }
      int ours = ends.get(U32, 0);
      int theirs = ends.get(U32, 4);
      try {
        LinuxCalls.fcntl(theirs, F_SETFD, 0);
        int pid = spawnFusermount(arena, mountPoint, options, theirs);
        // Closed in this process, so that the end of the program is the end of the stream.
        FileCalls.close(theirs);
        theirs = -1;
        int descriptor = receiveDescriptor(arena, ours);
        MemorySegment status = arena.allocate(4, 4);
        LinuxCalls.waitpid(pid, status, 0);
        if (descriptor < 0) {
          throw new FsException(
              FsError.NOT_PERMITTED,
              FUSERMOUNT
                  + " refused to mount "
                  + MountPath.text(mountPoint)
                  + " (wait status "
                  + status.get(U32, 0)
                  + "); see its message on standard error");
        }
        return descriptor;
      } finally {
        FileCalls.close(ours);
        if (theirs >= 0) {
          FileCalls.close(theirs);
        }
      }
    }
  }

  private static int spawnFusermount(
      Arena arena, byte[] mountPoint, MountOptions options, int socket) throws IOException {
    boolean allowOther = options.allowOther() && usersMayAllowOther();
    if (options.allowOther() && !allowOther && LinuxCalls.userId() != 0) {
      LOG.info("only this user may use the mount: {} lacks user_allow_other", FUSE_CONFIGURATION);
    }
    String text =
        "fsname="
            + options.fsName()
            + ",subtype="
            + MountOptions.SUBTYPE
            + (options.checksPermissions() ? ",default_permissions" : "")
            + ",max_read="
            + options.ioLengthBytesMax()
            + (options.readOnly() ? ",ro" : "")
            + (options.noSetUserId() ? ",nosuid" : "")
            + (options.noDevices() ? ",nodev" : "")
            + (allowOther ? ",allow_other" : "");
    MemorySegment arguments =
        cStrings(
            arena,
            FUSERMOUNT.getBytes(StandardCharsets.UTF_8),
            "-o".getBytes(StandardCharsets.UTF_8),
            text.getBytes(StandardCharsets.UTF_8),
            "--".getBytes(StandardCharsets.UTF_8),
            mountPoint);
    Map<String, String> ours = System.getenv();
    MemorySegment environment =
        cStrings(
            arena,
            ("PATH=" + ours.getOrDefault("PATH", "/usr/bin:/bin")).getBytes(StandardCharsets.UTF_8),
            ("_FUSE_COMMFD=" + socket).getBytes(StandardCharsets.UTF_8));
    MemorySegment pid = arena.allocate(4, 4);
    int result =
        LinuxCalls.posixSpawn(pid, LinuxCalls.cString(arena, FUSERMOUNT), arguments, environment);
    if (result < 0) {
      throw new FsException(
          categoryOf(result),
          FUSERMOUNT
              + ": "
              + LinuxCalls.describe(result)
              + "; mounting as a user who is not root needs it (package fuse3)");
    }
    return pid.get(U32, 0);
  }

  /** Whether /etc/fuse.conf lets users open their mounts to others. */
  private static boolean usersMayAllowOther() throws IOException {
    if (LinuxCalls.userId() == 0) {
      return true;
    }
    return Files.isReadable(FUSE_CONFIGURATION)
        && Files.readAllLines(FUSE_CONFIGURATION, StandardCharsets.ISO_8859_1).stream()
            .anyMatch(line -> line.strip().equals("user_allow_other"));
  }

  /**
   * The descriptor that arrives over the socket; -1 if the other side has closed the socket without
   * sending one.
   */
  private static int receiveDescriptor(Arena arena, int socket) {
    MemorySegment poll = arena.allocate(8, 4);
    poll.set(U32, 0, socket);
    poll.set(Protocol.U16, 4, POLLIN);
    if (LinuxCalls.poll(poll, 1, FUSERMOUNT_TIMEOUT_MILLIS) <= 0) {
      return -1;
    }
    // struct msghdr: name, name length, vectors, their count, control, its length, flags.
    MemorySegment message = arena.allocate(56, 8);
    MemorySegment vector = arena.allocate(16, 8);
    MemorySegment data = arena.allocate(8, 8);
    MemorySegment control = arena.allocate(24, 8);
    vector.set(U64, 0, data.address());
    vector.set(U64, 8, 1);
    message.set(U64, 16, vector.address());
    message.set(U64, 24, 1);
    message.set(U64, 32, control.address());
    message.set(U64, 40, control.byteSize());
    long received = LinuxCalls.recvmsg(socket, message, MSG_CMSG_CLOEXEC);
    // struct cmsghdr: length, level, type, then the descriptor.
    boolean carriesDescriptor =
        received > 0
            && message.get(U64, 40) >= 20
            && control.get(U32, 8) == SOL_SOCKET
            && control.get(U32, 12) == SCM_RIGHTS;
    return carriesDescriptor ? control.get(U32, 16) : -1;
  }

  /** A NULL-terminated array of texts, as argv and envp are. */
  private static MemorySegment cStrings(Arena arena, byte[]... texts) {
    MemorySegment array = arena.allocate((texts.length + 1L) * 8, 8);
    for (int i = 0; i < texts.length; i++) {
      array.set(U64, i * 8L, LinuxCalls.cString(arena, texts[i]).address());
    }
    return array;
  }

  private static FsError categoryOf(int negativeErrno) {
    return switch (-negativeErrno) {
      case Errnos.ENOENT -> FsError.NOT_FOUND;
      case Errnos.ENOTDIR -> FsError.NOT_DIRECTORY;
      case Errnos.EPERM -> FsError.NOT_PERMITTED;
      case Errnos.EACCES -> FsError.PERMISSION_DENIED;
      case Errnos.EBUSY -> FsError.BUSY;
      case Errnos.EINVAL -> FsError.INVALID;
      default -> FsError.STORAGE_FAILED;
    };
  }
}
