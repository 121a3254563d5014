package io.adhocfs.daemon;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.daemon.crash.CrashPoints;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * Removes a storage directory. The first step marks it, so that whatever ends the removal early,
 * what is left is known to hold no node any more.
 */
public final class StorageRemoval {
  /**
   * The daemon's configuration as the command line puts it into the directory: by it a directory is
   * known to be an instance's.
   */
  public static final String CONFIGURATION_FILE = "bootstrap.json";

  /** What FORMAT is called from the first step of a removal on; goes last. */
  private static final String MARK = "REMOVED";

  private StorageRemoval() {}

  /** Whether the removal of a directory has begun and not ended. */
  public static boolean hasBegun(Path directory) {
    return Files.exists(directory.resolve(MARK));
  }

  /**
   * Removes a directory and everything in it; one that is a mount point is left empty. Then removes
   * the directories above it that {@link MadeDirectories} made, if they are empty. May be repeated
   * after it failed, and run beside another removal of the same directory.
   */
  public static void remove(Path directory) throws IOException {
    remove(directory, CrashPoints.NONE);
  }

  /** The first step of a removal: from now on the directory holds no node. May be repeated. */
  static void mark(Path directory) throws IOException {
    try {
      Files.move(
          directory.resolve(StorageDirectory.FORMAT),
          directory.resolve(MARK),
          StandardCopyOption.ATOMIC_MOVE);
    } catch (NoSuchFileException e) {
      // It is marked already, or never became a node's.
    }
  }

  static void remove(Path directory, CrashPoints crashPoints) throws IOException {
    mark(directory);
    crashPoints.reached(CrashPoint.REMOVAL_AFTER_MARK);
    removeTree(directory, crashPoints);
    MadeDirectories.removeEmpty(directory.getParent());
  }

  private static void removeTree(Path directory, CrashPoints crashPoints) throws IOException {
    Path mark = directory.resolve(MARK);
    Path configuration = directory.resolve(CONFIGURATION_FILE);
    try {
      Files.walkFileTree(
          directory,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              if (!file.equals(configuration) && !file.equals(mark)) {
                Files.deleteIfExists(file);
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
              if (e instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
              }
              throw e;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e)
                throws IOException {
              if (e != null) {
                throw e;
              }
              if (!visited.equals(directory)) {
                Files.deleteIfExists(visited);
              }
              return FileVisitResult.CONTINUE;
            }
          });
      Files.deleteIfExists(configuration);
      crashPoints.reached(CrashPoint.REMOVAL_BEFORE_END);
      Files.deleteIfExists(mark);
    } catch (NoSuchFileException e) {
      return;
    }
    removeEmpty(directory);
  }

  /** Removes a directory if it is there; one that is a mount point is left. */
  public static void removeEmpty(Path directory) throws IOException {
    try {
      Files.deleteIfExists(directory);
    } catch (DirectoryNotEmptyException e) {
      throw e;
    } catch (IOException e) {
      if (!isMountPoint(directory)) {
        throw e;
      }
    }
  }

  private static boolean isMountPoint(Path directory) throws IOException {
    Path parent = directory.toAbsolutePath().getParent();
    return parent != null
        && !Files.getAttribute(directory, "unix:dev")
            .equals(Files.getAttribute(parent, "unix:dev"));
  }
}
