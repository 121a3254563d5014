package io.adhocfs.client.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HostMountsTest {

  @Test
  void knowsTheDevicesOfOurMounts() {
    HostMounts mounts =
        HostMounts.parse(
            """
            25 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            91 25 0:52 / /adhoc rw,nosuid shared:7 master:1 - fuse.adhocfs job rw,user_id=0
            92 25 0:53 / /other rw - fuse.sshfs fuse.adhocfs rw
            """);
    assertThat(mounts.isOfAnInstance(52)).isTrue();
    assertThat(mounts.isOfAnInstance(53)).isFalse();
    assertThat(mounts.isOfAnInstance(0xfe00)).isFalse();
  }
}
