package io.adhocfs.cli.process;

import io.adhocfs.daemon.StorageLibrary;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the native libraries of a process are unpacked: the libraries of RocksDB, Netty and libffi
 * come in jars, and the kernel runs code only from files on file systems that are not mounted
 * noexec.
 */
public final class NativeDirectory {
  private NativeDirectory() {}

  /**
   * Has libraries unpacked into the first directory that lets them run: the directory for temporary
   * files, else one of {@code others}, else the program's own. To be called before any of the
   * libraries is used.
   *
   * @param others existing directories that no other user may write to
   * @throws FsException STORAGE_FAILED if no directory does, naming each with its reason
   */
  public static void choose(Path... others) throws FsException {
    List<String> mountInfo = mountInfo();
    Path temporary = Path.of(System.getProperty("java.io.tmpdir", "/tmp"));
    List<String> reasons = new ArrayList<>();
    String reason = reasonAgainst(temporary, mountInfo);
    if (reason == null) {
      return;
    }
    reasons.add(temporary + " " + reason);
    List<Path> candidates = new ArrayList<>(List.of(others));
    String home = System.getProperty("adhocfs.home", "");
    if (!home.isEmpty()) {
      candidates.add(Path.of(home));
    }
    for (Path candidate : candidates) {
      reason = reasonAgainst(candidate, mountInfo);
      if (reason == null) {
        // Each library removes its unpacked file as soon as it is loaded.
        System.setProperty("io.netty.native.workdir", candidate.toString());
        System.setProperty("jffi.extract.dir", candidate.toString());
        System.setProperty(StorageLibrary.DIRECTORY_PROPERTY, candidate.toString());
        return;
      }
      reasons.add(candidate + " " + reason);
    }
    throw new FsException(
        FsError.STORAGE_FAILED,
        "there is no directory to run native libraries from: "
            + String.join("; ", reasons)
            + ": name one with ADHOCFS_JAVA_OPTS=-Djava.io.tmpdir=DIR");
  }

  private static List<String> mountInfo() {
    try {
      return Files.readString(Path.of("/proc/self/mountinfo"), StandardCharsets.UTF_8)
          .lines()
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  /** Why libraries cannot be unpacked and run there; null = they can, as far as is seen. */
  private static @Nullable String reasonAgainst(Path directory, List<String> mountInfo) {
    try {
      Path real = directory.toRealPath();
      if (!Files.isWritable(real)) {
        return "is not writable";
      }
      return isNoexec(real, mountInfo) ? "is mounted noexec" : null;
    } catch (IOException e) {
      return "does not exist";
    }
  }

  /**
   * Whether the mount that a path lies on forbids programs.
   *
   * @param path without links
   * @param mountInfo the lines of /proc/self/mountinfo; the last of equal mounts is on top
   */
  static boolean isNoexec(Path path, List<String> mountInfo) {
    Path nearest = null;
    boolean noexec = false;
    for (String line : mountInfo) {
      String[] fields = line.split(" ", 7);
      if (fields.length < 7) {
        continue;
      }
      // Spaces are written as octal digits.
      Path mount = Path.of(fields[4].replace("\\040", " "));
      if (path.startsWith(mount)
          && (nearest == null || mount.getNameCount() >= nearest.getNameCount())) {
        nearest = mount;
        noexec = List.of(fields[5].split(",", -1)).contains("noexec");
      }
    }
    return noexec;
  }
}
