package io.adhocfs.daemon.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A tmpfs of 64 MiB that a test fills. Needs root, to mount it. */
public final class SmallDisk {
  private static final String SIZE = "size=64m";

  private final Path path;

  private SmallDisk(Path path) {
    this.path = path;
  }

  /** Mounts a new one on a directory that is made for it. */
  public static SmallDisk mountBelow(Path parent) throws IOException, InterruptedException {
    var disk = new SmallDisk(Files.createDirectory(parent.resolve("disk")));
    run("mount", "-t", "tmpfs", "-o", SIZE, "adhocfs-test", disk.path.toString());
    return disk;
  }

  /** From now on it has no more inodes than these. */
  public void limitInodes(int inodes) throws IOException, InterruptedException {
    run("mount", "-o", "remount," + SIZE + ",nr_inodes=" + inodes, path.toString());
  }

  public Path path() {
    return path;
  }

  private static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("%s: %s", String.join(" ", command), said).isZero();
  }

  public void unmount() throws IOException, InterruptedException {
    run("umount", path.toString());
  }
}
