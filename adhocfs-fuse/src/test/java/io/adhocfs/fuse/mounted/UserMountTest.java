package io.adhocfs.fuse.mounted;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mounts of a user who is not root, through fusermount3. */
class UserMountTest {
  private static final int NOBODY = 65534;

  private static final String TO_NOBODY =
      "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all";

  /**
   * For a test that runs as root: a mount namespace in which everybody may open /dev/fuse, as is
   * usual and as fusermount3 wants it, whatever this machine's own says. Nothing of it is seen
   * outside, and everything mounted in it goes with its last process.
   */
  private static final List<String> AS_NOBODY_IN_OWN_NAMESPACE =
      List.of(
          "unshare",
          "--mount",
          "--propagation=private",
          "sh",
          "-ec",
          "mount -t tmpfs tmpfs /mnt; mknod -m 666 /mnt/fuse c 10 229;"
              + " mount --bind /mnt/fuse /dev/fuse; umount -l /mnt; exec "
              + TO_NOBODY
              + " \"$0\" \"$@\"");

  @Test
  void mountsServesAndUnmounts(@TempDir Path directory) throws Exception {
    try (MountedServer mounted = MountedServer.start(settings(directory))) {
      assertThat(asUser(mounted, "echo hello > f; cat f; stat -c %u:%g . f"))
          .isEqualTo("hello\n65534:65534\n65534:65534");
      assertThat(asUser(mounted, "grep \" $M \" /proc/self/mountinfo"))
          .contains("fuse.adhocfs under-test")
          .contains("nosuid,nodev")
          .contains("user_id=65534,group_id=65534");
      assertThat(mounted.command("unmount")).isIn("done", "null");
      assertThat(mounted.process().waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(mounted.process().exitValue()).isZero();
    }
  }

  @Test
  void aRefusalSaysWhatRefused(@TempDir Path directory) throws Exception {
    MountedServer.Settings settings = settings(directory);
    // fusermount3 demands that the user could write to the directory.
    new ProcessBuilder("chown", "0:0", settings.mountPoint().toString()).start().waitFor();
    assertThat(MountedServer.refusal(settings))
        .contains("fusermount3 refused to mount " + settings.mountPoint());
  }

  /** What a script prints that the user runs in the mount; its namespace is the server's. */
  private static String asUser(MountedServer mounted, String script) throws Exception {
    String inNamespace =
        isRoot()
            ? "nsenter --target=" + mounted.process().pid() + " --mount " + TO_NOBODY + " "
            : "";
    return mounted.output("cd /; " + inNamespace + "bash -ec 'cd \"$M\"; " + script + "'");
  }

  private static boolean isRoot() {
    return new com.sun.security.auth.module.UnixSystem().getUid() == 0;
  }

  /** A directory of the user's, and the classes where the user may read them. */
  private static MountedServer.Settings settings(Path directory) throws Exception {
    if (new ProcessBuilder("sh", "-c", "command -v fusermount3").start().waitFor() != 0) {
      fail("fusermount3 is missing, which users need to mount: install the package fuse3");
    }
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path mountPoint = Files.createDirectory(directory.resolve("mnt"));
    if (!isRoot()) {
      return MountedServer.Settings.of("direct", mountPoint);
    }
    new ProcessBuilder("chown", NOBODY + ":" + NOBODY, mountPoint.toString()).start().waitFor();
    String classPath = readableClassPath(Files.createDirectory(directory.resolve("classes")));
    return MountedServer.Settings.of("direct", mountPoint)
        .withPrefix(AS_NOBODY_IN_OWN_NAMESPACE, classPath);
  }

  private static String readableClassPath(Path target) throws IOException, InterruptedException {
    List<String> copies = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      if (Files.exists(Path.of(entry))) {
        String copy =
            target.resolve(copies.size() + (entry.endsWith(".jar") ? ".jar" : "")).toString();
        new ProcessBuilder("cp", "-rT", entry, copy).start().waitFor();
        copies.add(copy);
      }
    }
    new ProcessBuilder("chmod", "-R", "a+rX", target.toString()).start().waitFor();
    return String.join(File.pathSeparator, copies);
  }
}
