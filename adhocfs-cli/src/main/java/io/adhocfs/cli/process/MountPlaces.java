package io.adhocfs.cli.process;

import io.adhocfs.fuse.kernel.DeadMounts;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The default places of an instance's data and mount point. */
public final class MountPlaces {
  private static final Path WELL_KNOWN = Path.of("/adhoc");

  private MountPlaces() {}

  /** The directory for data: $TMPDIR/adhocfs-UID/NAME. */
  public static Path scratch(Map<String, String> environment, String name) throws FsException {
    String temporary = environment.getOrDefault("TMPDIR", "");
    return Path.of(temporary.isEmpty() ? "/tmp" : temporary)
        .toAbsolutePath()
        .normalize()
        .resolve("adhocfs-" + userId())
        .resolve(name);
  }

  /**
   * The directory to mount on: /adhoc if this user may mount there and no instance is mounted
   * there, else a directory below the user's run-time directory.
   */
  public static Path defaultMountPoint(Map<String, String> environment, String name)
      throws FsException {
    if (mayUse(WELL_KNOWN)) {
      return WELL_KNOWN;
    }
    String runtime = environment.getOrDefault("XDG_RUNTIME_DIR", "");
    if (!runtime.isEmpty() && Files.isWritable(Path.of(runtime))) {
      return Path.of(runtime).toAbsolutePath().resolve("adhocfs").resolve(name);
    }
    return Path.of("/tmp").resolve("adhocfs-" + userId()).resolve(name).resolve("mnt");
  }

  private static boolean mayUse(Path directory) {
    try {
      if (Files.exists(directory)) {
        return Files.isDirectory(directory)
            && DeadMounts.stateOf(directory) == DeadMounts.State.NOT_MOUNTED
            && Files.getAttribute(directory, "unix:uid").equals(userId());
      }
      // The next mount removes a dead mount of ours; whether this user may do so is seen then.
      return DeadMounts.stateOf(directory) == DeadMounts.State.DEAD || userId() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  /** The number of this process's user. */
  public static int userId() throws FsException {
    try {
      return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot read /proc/self: " + e.getMessage(), e);
    }
  }
}
