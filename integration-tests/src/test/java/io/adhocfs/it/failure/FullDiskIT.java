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

  /** What somebody else does to a disk, and how it is taken back. */
  private record Filling(String mountOptions, String fill, String empty) {}

  @Test
  void aDiskThatIsFilledToTheLastByteServesReadingAndRemoving() throws Exception {
    survives(
        new Filling(
            "size=96m",
            "dd if=/dev/zero of=$DISK/filler bs=4k 2>/dev/null || true",
            "rm $DISK/filler"));
  }

  @Test
  void aDiskThatIsFilledToTheLastInodeServesReadingAndRemoving() throws Exception {
    survives(
        new Filling(
            "size=96m,nr_inodes=1500",
            "mkdir $DISK/fillers; i=0; while : 2>/dev/null > $DISK/fillers/$((++i)); do :; done",
            "rm -r $DISK/fillers"));
  }

  private static void survives(Filling filling) throws Exception {
    Path disk = Files.createTempDirectory("adhocfs-disk-");
    Map<String, String> environment = Map.of("DISK", disk.toString());
    Commands.bash(disk, Map.of(), "mount -t tmpfs -o " + filling.mountOptions() + " none " + disk);
    try (TestInstance instance = TestInstance.up(1, "--data", disk.resolve("data").toString())) {
      Path mountPoint = instance.mount();
      instance.bash(
          mountPoint,
          """
          head -c 20000 /dev/urandom > ../one
          mkdir d
          for i in $(seq 100); do cp ../one d/$i; done
          [ $(df --output=iavail . | tail -1) -gt 100 ]
          """);
      Commands.bash(disk, environment, filling.fill());
      instance.bash(
          mountPoint,
          """
          for i in $(seq 100); do
            if ! { : > new$i; } 2>../error; then refused=yes; break; fi
            read -t 0.1 <> <(:) || true
          done
          [ "$refused" = yes ]
          grep -q 'No space left' ../error
          for i in $(seq 100); do cmp d/$i ../one; done
          """);
      ProcessHandle daemon =
          ProcessHandle.of(process(disk.resolve("data/node-0/daemon.json"))).orElseThrow();
      daemon.destroyForcibly();
      daemon.onExit().join();
      instance.adhocfs("start").expectSuccess();
      instance.bash(
          mountPoint,
          """
          for i in $(seq 100); do cmp d/$i ../one; done
          rm -r d
          [ ! -e d ]
          """);
      Commands.bash(disk, environment, filling.empty());
      instance.bash(
          mountPoint,
          """
          for i in $(seq 200); do
            if mkdir e 2>/dev/null; then made=yes; break; fi
            read -t 0.1 <> <(:) || true
          done
          [ "$made" = yes ]
          for i in $(seq 100); do cp ../one e/$i; done
          for i in $(seq 100); do cmp e/$i ../one; done
          """);
      instance.verify();
    } finally {
      Commands.bash(Path.of("/"), Map.of(), "umount -l " + disk + "; rmdir " + disk);
    }
  }

  private static long process(Path readyFile) throws Exception {
    var matcher =
        java.util.regex.Pattern.compile("\"pid\"\\s*:\\s*(\\d+)")
            .matcher(Files.readString(readyFile));
    if (!matcher.find()) {
      throw new AssertionError("no pid in " + readyFile);
    }
    return Long.parseLong(matcher.group(1));
  }
}
