package io.adhocfs.fuse.kernel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds and removes mounts whose process was killed: the mount stays, and every use of it fails
 * with ENOTCONN ("Transport endpoint is not connected").
 *
 * <p>Only asking a mount shows whether it is alive, and a hanging mount does not answer; so a child
 * process asks, and this process never waits longer than {@value #TIMEOUT_MILLIS} ms.
 */
public final class DeadMounts {
  private static final Logger LOG = LoggerFactory.getLogger(DeadMounts.class);

  /** How long a mount may take to answer before it counts as hanging. */
  private static final int TIMEOUT_MILLIS = 2_000;

  private static final String OUR_TYPE = "fuse." + MountOptions.SUBTYPE;

  /** Dead mounts can lie on top of each other; more layers than this do not occur. */
  private static final int LAYERS_MAX = 64;

  /** The state of a path. */
  public enum State {
    /** No mount of ours; perhaps a plain directory, a file, or nothing. */
    NOT_MOUNTED,
    /** A mount of ours that answers. */
    ALIVE,
    /** A mount of ours whose process is gone. */
    DEAD,
    /** A mount of ours that does not answer in time: its process may be stopped or overloaded. */
    HANGING
  }

  private DeadMounts() {}

  /** The current state of the path. Blocks for at most two seconds. */
  public static State stateOf(Path mountPoint) throws IOException {
    return stateOf(MountPath.bytes(MountPath.canonical(mountPoint)));
  }

  private static State stateOf(byte[] path) throws IOException {
    MountTable.Mount mount = MountTable.topmostAt(path);
    if (mount == null || !mount.type().equals(OUR_TYPE)) {
      return State.NOT_MOUNTED;
    }
    try {
      ShellCommand.Result result =
          ShellCommand.runWithPath(path, TIMEOUT_MILLIS, List.of("stat", "-c", "%i"));
      if (!result.finished()) {
        return State.HANGING;
      }
      // Any other answer, even a refusal, comes from a living process.
      return result.errors().contains("Transport endpoint is not connected")
          ? State.DEAD
          : State.ALIVE;
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new FsException(
          FsError.INTERRUPTED, "interrupted while checking " + MountPath.text(path), interrupted);
    }
  }

  /**
   * The mount points of our mounts with this source, dead mounts included; the last made mount is
   * first, since it may hide the others. Asks no mount anything.
   */
  public static List<Path> mountPoints(String source) throws IOException {
    List<Path> found = new ArrayList<>();
    for (MountTable.Mount mount : MountTable.read()) {
      if (mount.type().equals(OUR_TYPE) && mount.source().equals(source)) {
        found.addFirst(Path.of(MountPath.text(mount.mountPoint().getBytes(ISO_8859_1))));
      }
    }
    return found;
  }

  /** Whether a lookup of the path would meet a mount of ours with this source. Asks no mount. */
  public static boolean isMounted(Path mountPoint, String source) throws IOException {
    MountTable.Mount topmost =
        MountTable.topmostAt(MountPath.bytes(MountPath.canonical(mountPoint)));
    return topmost != null && topmost.type().equals(OUR_TYPE) && topmost.source().equals(source);
  }

  /**
   * Lazily unmounts the dead mounts at a path, which may lie on top of each other; does not touch
   * living or hanging mounts.
   *
   * @return how many were removed
   * @throws FsException if a dead mount cannot be unmounted, for example because it belongs to
   *     another user
   */
  public static int cleanUp(Path mountPoint) throws IOException {
    byte[] path = MountPath.bytes(MountPath.canonical(mountPoint));
    int removed = 0;
    while (removed < LAYERS_MAX && stateOf(path) == State.DEAD) {
      Mounting.unmount(path, FileCalls.effectiveUserId() != 0, true);
      removed++;
      LOG.info("removed the mount that a dead process left at {}", MountPath.text(path));
    }
    return removed;
  }
}
