package io.adhocfs.cli.process;

import io.adhocfs.daemon.MadeDirectories;
import io.adhocfs.fuse.kernel.DeadMounts;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A directory to mount on. */
final class MountPoint {
  private MountPoint() {}

  /**
   * Refuses a directory that cannot or should not be mounted on, and removes a dead mount that is
   * on it.
   *
   * @param covers whether the directory may have something in it, which the mount hides
   * @throws FsException BUSY, NOT_DIRECTORY, EXISTS for a directory that is not empty
   */
  static void check(Path mountPoint, boolean covers) throws FsException {
    try {
      var _ = DeadMounts.cleanUp(mountPoint);
      switch (DeadMounts.stateOf(mountPoint)) {
        case NOT_MOUNTED -> {}
        case DEAD, ALIVE, HANGING ->
            throw new FsException(
                FsError.BUSY,
                mountPoint
                    + " is a mount of adhocfs already: unmount it first (adhocfs umount "
                    + mountPoint
                    + ") or take another directory");
      }
      if (!Files.exists(mountPoint, LinkOption.NOFOLLOW_LINKS)) {
        return;
      }
      if (!Files.isDirectory(mountPoint)) {
        throw new FsException(FsError.NOT_DIRECTORY, mountPoint + " is not a directory");
      }
      if (!covers && !isEmpty(mountPoint)) {
        throw new FsException(
            FsError.EXISTS,
            mountPoint
                + " has something in it, which the mount would hide: give another directory, or --over");
      }
    } catch (NoSuchFileException e) {
      // A directory above it is missing too.
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot check " + mountPoint + ": " + e.getMessage(), e);
    }
  }

  private static boolean isEmpty(Path directory) throws IOException {
    try (DirectoryStream<Path> content = Files.newDirectoryStream(directory)) {
      return !content.iterator().hasNext();
    } catch (AccessDeniedException e) {
      // Mounting on it will fail later, with the reason.
      return true;
    }
  }

  /** Makes the directory and missing directories above it; returns whether it had to be made. */
  static boolean make(Path mountPoint) throws FsException {
    try {
      if (Files.isDirectory(mountPoint)) {
        return false;
      }
      MadeDirectories.makeInside(mountPoint);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED,
          "cannot make the directory "
              + mountPoint
              + " ("
              + e.getClass().getSimpleName()
              + "): mount on another one",
          e);
    }
  }

  /** Removes a directory that {@link #make} made, unless it has content by now. */
  static void removeMade(Path mountPoint) {
    try {
      Files.deleteIfExists(mountPoint);
      MadeDirectories.removeEmpty(mountPoint.getParent());
    } catch (IOException e) {
      // Not empty, or mounted again: not ours to remove.
    }
  }
}
