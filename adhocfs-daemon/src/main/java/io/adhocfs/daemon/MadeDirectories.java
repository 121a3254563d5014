package io.adhocfs.daemon;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import org.jspecify.annotations.Nullable;

/**
 * Directories that this program made because they were missing, and that go again with the last
 * thing in them. Each holds an empty file that says so: whoever removes that last thing may be
 * another process than the one that made the directory, and must not remove what a user made.
 *
 * <p>Several processes may make and remove the same directories at once.
 */
public final class MadeDirectories {
  static final String MARK = ".made-by-adhocfs";

  /** Each failed attempt is another process's removal of what was made. */
  private static final int ATTEMPTS_MAX = 1000;

  private MadeDirectories() {}

  /**
   * Makes a directory and those that are missing above it, and marks each that it makes.
   *
   * @param attributes of the directories that are made
   */
  public static void make(Path directory, FileAttribute<?>... attributes) throws IOException {
    untilNobodyRemovesIt(() -> makeMarked(directory, attributes));
  }

  /**
   * Makes a directory that is the caller's to remove, and those that are missing above it as {@link
   * #make}.
   *
   * @param attributes of the directories that are made
   * @throws FileAlreadyExistsException where there is something already
   */
  public static void makeInside(Path directory, FileAttribute<?>... attributes) throws IOException {
    Path parent = directory.getParent();
    untilNobodyRemovesIt(() -> {
      if (parent != null) {
        makeMarked(parent, attributes);
      }
      Files.createDirectory(directory, attributes);
    });
  }

  private interface Making {
    void run() throws IOException;
  }

  /** As long as nothing is in a directory, others take it for left over and remove it. */
  private static void untilNobodyRemovesIt(Making making) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        making.run();
        return;
      } catch (NoSuchFileException e) {
        if (attempt == ATTEMPTS_MAX) {
          throw e;
        }
      }
    }
  }

  private static void makeMarked(Path directory, FileAttribute<?>... attributes)
      throws IOException {
    if (Files.isDirectory(directory)) {
      return;
    }
    Path parent = directory.getParent();
    if (parent != null) {
      makeMarked(parent, attributes);
    }
    try {
      Files.createDirectory(directory, attributes);
      Files.createFile(directory.resolve(MARK));
    } catch (FileAlreadyExistsException e) {
      // Where it is gone again, this says so, and it is made again.
      if (!Files.readAttributes(directory, BasicFileAttributes.class).isDirectory()) {
        throw e;
      }
    }
  }

  /**
   * Removes this directory and those above it, as far as {@link #make} made them and nothing is
   * left in them. What cannot be removed is left: it holds something, or is somebody else's.
   */
  public static void removeEmpty(@Nullable Path directory) {
    for (Path at = directory; at != null; at = at.getParent()) {
      try {
        if (!holdsOnlyItsMark(at)) {
          return;
        }
        Files.deleteIfExists(at.resolve(MARK));
        Files.deleteIfExists(at);
      } catch (DirectoryNotEmptyException e) {
        // Something came into it just now: who removes that, removes the directory too.
        markAgain(at);
        return;
      } catch (NoSuchFileException e) {
        // Somebody else has removed it, who may have ended before removing the next.
      } catch (IOException e) {
        return;
      }
    }
  }

  private static boolean holdsOnlyItsMark(Path directory) throws IOException {
    boolean marked = false;
    try (DirectoryStream<Path> content = Files.newDirectoryStream(directory)) {
      for (Path entry : content) {
        if (!entry.getFileName().toString().equals(MARK)) {
          return false;
        }
        marked = true;
      }
    }
    return marked;
  }

  private static void markAgain(Path directory) {
    try {
      Files.createFile(directory.resolve(MARK));
    } catch (IOException e) {
      // Marked by somebody else, or removed.
    }
  }
}
