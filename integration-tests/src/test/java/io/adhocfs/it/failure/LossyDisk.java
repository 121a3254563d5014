package io.adhocfs.it.failure;

import io.adhocfs.it.instance.Commands;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A disk that can lose power: ext4 on a loop device over a file, mounted in a directory. What the
 * kernel has not written to the device when the power goes is lost, as the file system is told to
 * stop at once (FS_IOC_SHUTDOWN without flushing its log). Takes root.
 */
final class LossyDisk implements AutoCloseable {
  private static final int SIZE_MIB = 96;

  /** _IOR('X', 125, __u32), with EXT4_GOING_FLAGS_NOLOGFLUSH. */
  private static final String STOP =
      "import fcntl, os, struct, sys; "
          + "fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

  private final Path image;
  private final Path directory;
  private final Thread hook = new Thread(this::remove, "remove-disk");

  private LossyDisk(Path image, Path directory) {
    this.image = image;
    this.directory = directory;
  }

  /** Makes a disk and mounts it in a directory, which is made; it is empty. */
  static LossyDisk make(Path image, Path directory) throws IOException, InterruptedException {
    Files.createDirectories(directory);
    var disk = new LossyDisk(image, directory);
    Runtime.getRuntime().addShutdownHook(disk.hook);
    disk.run("truncate -s %dM \"$image\"; mkfs.ext4 -q -F -m 0 \"$image\"".formatted(SIZE_MIB));
    disk.mount();
    disk.run("rmdir \"$directory/lost+found\"");
    return disk;
  }

  private void mount() throws IOException, InterruptedException {
    run("mount -o loop \"$image\" \"$directory\"");
  }

  Path directory() {
    return directory;
  }

  /** Has everything that was written so far reach the device. */
  void writeBack() throws IOException, InterruptedException {
    run("sync -f \"$directory\"");
  }

  /** Nothing reaches the device from now on. What was not there yet is lost. */
  void losePower() throws IOException, InterruptedException {
    var _ =
        Commands.run(
                Path.of("/"),
                Map.of(),
                Duration.ofMinutes(1),
                List.of("/usr/bin/python3", "-c", STOP, directory.toString()))
            .expectSuccess();
  }

  /**
   * Mounts what reached the device. Nobody may have anything open on it.
   *
   * <p>A copy of the image is mounted, not the image: a mount namespace that another test makes
   * meanwhile, for a host that the test plays, keeps the stopped file system of the image mounted.
   */
  void regainPower() throws IOException, InterruptedException {
    run(
        "umount \"$directory\"; cp --sparse=always \"$image\" \"$image.copy\";"
            + " mv \"$image.copy\" \"$image\"");
    mount();
  }

  private void run(String script) throws IOException, InterruptedException {
    String _ =
        Commands.bash(
            Path.of("/"),
            Map.of("image", image.toString(), "directory", directory.toString()),
            script);
  }

  /** Removes the disk, whoever still uses it. */
  @Override
  public void close() {
    remove();
    Runtime.getRuntime().removeShutdownHook(hook);
  }

  private void remove() {
    try {
      run(
          "if mountpoint -q \"$directory\"; then umount -l \"$directory\"; fi;"
              + " rm -f \"$image\" \"$image.copy\";"
              + " if [ -e \"$directory\" ]; then rmdir \"$directory\"; fi");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
