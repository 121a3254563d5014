package io.adhocfs.daemon;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/** Removes a storage directory. */
public final class StorageRemoval {
  /**
   * The daemon's configuration as the command line puts it into the directory: by it a directory is
   * known to be an instance's, so it goes last.
   */
  public static final String CONFIGURATION_FILE = "bootstrap.json";

  private StorageRemoval() {}

  /**
   * Removes a directory and everything in it; one that is a mount point is left empty. Then removes
   * the directories above it that {@link MadeDirectories} made, if they are empty. May be repeated
   * after it failed, and run beside another removal of the same directory.
   */
  public static void remove(Path directory) throws IOException {
    removeTree(directory);
    MadeDirectories.removeEmpty(directory.getParent());
  }

  private static void removeTree(Path directory) throws IOException {
    Path configuration = directory.resolve(CONFIGURATION_FILE);
    try {
      Files.walkFileTree(
          directory,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              if (!file.equals(configuration)) {
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
    } catch (NoSuchFileException e) {
      return;
    }
    try {
      Files.deleteIfExists(directory);
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
