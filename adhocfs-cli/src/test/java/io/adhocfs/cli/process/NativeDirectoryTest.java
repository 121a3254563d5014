package io.adhocfs.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class NativeDirectoryTest {
  private static final List<String> MOUNTS =
      List.of(
          "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
          "22 21 0:30 / /tmp rw,nosuid,noexec shared:2 - tmpfs tmpfs rw",
          "23 22 0:31 / /tmp/in\\040it rw,relatime shared:3 - tmpfs tmpfs rw",
          "24 21 0:32 / /scratch rw,noexec - ext4 /dev/sdb rw",
          "25 21 0:33 / /scratch rw - ext4 /dev/sdc rw");

  @Test
  void theNearestMountDecidesAndOfEqualOnesTheLast() {
    assertThat(NativeDirectory.isNoexec(Path.of("/tmp"), MOUNTS)).isTrue();
    assertThat(NativeDirectory.isNoexec(Path.of("/tmp/a/b"), MOUNTS)).isTrue();
    assertThat(NativeDirectory.isNoexec(Path.of("/tmp/in it/b"), MOUNTS)).isFalse();
    assertThat(NativeDirectory.isNoexec(Path.of("/tmpfs"), MOUNTS)).isFalse();
    assertThat(NativeDirectory.isNoexec(Path.of("/home"), MOUNTS)).isFalse();
    assertThat(NativeDirectory.isNoexec(Path.of("/scratch/x"), MOUNTS)).isFalse();
    assertThat(NativeDirectory.isNoexec(Path.of("/tmp"), List.of())).isFalse();
  }
}
