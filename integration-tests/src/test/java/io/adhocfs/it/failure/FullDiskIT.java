package io.adhocfs.it.failure;

import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Disks that fill up: tmpfs of 64 MiB for each of two daemons' data. */
class FullDiskIT {

  @Test
  void fullDiskRefusesDataKeepsMetadataAndRecovers() throws Exception {
    Path disk = Files.createTempDirectory("adhocfs-disk-");
    Commands.bash(disk, Map.of(), "mount -t tmpfs -o size=64m none " + disk);
    try (TestInstance instance = TestInstance.up(1, "--data", disk.resolve("data").toString())) {
      Path mountPoint = instance.mount();
      for (int round = 0; round < 3; round++) {
        String said =
            instance.bash(
                mountPoint,
                """
                echo kept > kept
                if dd if=/dev/zero of=big bs=1M count=100; then echo 'it all fitted'; exit 1; fi 2>&1
                mkdir d; for i in $(seq 100); do : > d/$i; done
                cmp -n $(( $(stat -c %s big) / 1048576 * 1048576 )) big /dev/zero
                [ $(cat kept) = kept ]
                rm -r big d
                """);
        org.assertj.core.api.Assertions.assertThat(said).contains("No space left");
        // What was removed is given back soon, not at once.
        instance.bash(
            mountPoint,
            "for i in $(seq 100); do [ $(df --output=avail -m . | tail -1) -gt 20 ] && exit 0;"
                + " sleep 0.1; done; df -m .; exit 1");
      }
      instance.verify();
    } finally {
      Commands.bash(Path.of("/"), Map.of(), "umount -l " + disk + "; rmdir " + disk);
    }
  }
}
