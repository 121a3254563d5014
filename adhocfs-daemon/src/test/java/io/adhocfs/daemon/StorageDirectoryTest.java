package io.adhocfs.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StorageDirectoryTest {
  private static final NodeId NODE = new NodeId(3);

  @TempDir Path parent;

  private StorageDirectory take() throws FsException {
    return StorageDirectory.take(parent.resolve("data"), "alpha", NODE);
  }

  private void refused(FsError error, String message) {
    assertThatThrownBy(this::take)
        .isInstanceOfSatisfying(
            FsException.class,
            e -> {
              assertThat(e.error()).isEqualTo(error);
              assertThat(e).hasMessageContaining(message);
            });
  }

  private void rewriteFormat(String from, String to) throws Exception {
    Path format = parent.resolve("data/FORMAT");
    Files.writeString(format, Files.readString(format).replace(from, to));
  }

  @Test
  void countsItsStarts() throws Exception {
    for (int start = 1; start <= 3; start++) {
      try (StorageDirectory directory = take()) {
        assertThat(directory.incarnation()).isEqualTo(start);
      }
    }
  }

  @Test
  void isHeldByOneAtATime() throws Exception {
    try (StorageDirectory held = take()) {
      assertThat(held.path()).exists();
      refused(FsError.BUSY, "another daemon runs on " + parent.resolve("data"));
    }
    take().close();
  }

  @Test
  void whatARemovalThatWasCutShortHasLeftHoldsNoNode() throws Exception {
    StorageDirectory directory = take();
    Files.createDirectories(directory.metadata());
    Files.createDirectories(directory.chunks());
    Files.writeString(directory.path().resolve(StorageRemoval.CONFIGURATION_FILE), "{}");
    directory.markRemoved();
    refused(FsError.BUSY, "another daemon runs on");
    directory.close();
    refused(FsError.NOT_FOUND, "has left the instance");
    assertThat(directory.path()).doesNotExist();
    take().close();
  }

  @Test
  void tellsCorruptTooOldAndTooNewApart() throws Exception {
    take().close();
    byte[] good = Files.readAllBytes(parent.resolve("data/FORMAT"));
    rewriteFormat("version 2", "version 3");
    refused(FsError.NOT_SUPPORTED, "is too new: version 3");
    rewriteFormat("version 3", "version 0");
    refused(FsError.NOT_SUPPORTED, "is too old: version 0");
    rewriteFormat("version 0", "version x");
    refused(FsError.CORRUPT, "its version is 'x'");
    Files.write(parent.resolve("data/FORMAT"), good);
    rewriteFormat("node 3", "node 4");
    refused(FsError.CORRUPT, "its checksum is wrong");
    Files.write(parent.resolve("data/FORMAT"), new byte[] {1, 2, 3});
    refused(FsError.CORRUPT, "does not start with 'adhocfs storage'");
    Files.delete(parent.resolve("data/FORMAT"));
    Files.createDirectory(parent.resolve("data/chunks"));
    refused(FsError.CORRUPT, "no file FORMAT");
  }

  @Test
  void belongsToOneNodeOfOneInstance() throws Exception {
    take().close();
    assertThatThrownBy(() -> StorageDirectory.take(parent.resolve("data"), "alpha", new NodeId(4)))
        .hasMessageContaining("alpha node 3, not of alpha node 4");
    assertThatThrownBy(() -> StorageDirectory.take(parent.resolve("data"), "beta", NODE))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.REFUSED));
  }

  @Test
  void findsAPlaceForItsSocketThatTheKernelTakes() throws Exception {
    try (StorageDirectory near = take()) {
      assertThat(near.socketPath("").getParent()).isEqualTo(near.path());
    }
    Path deep = parent.resolve("a".repeat(100)).resolve("b".repeat(100));
    try (StorageDirectory far = StorageDirectory.take(deep, "alpha", NODE)) {
      assertThat(far.socketPath("").toString()).hasSizeLessThanOrEqualTo(107);
      assertThat(far.socketPath("")).isEqualTo(far.socketPath(""));
      assertThat(far.socketPath("/tmp/s")).isEqualTo(Path.of("/tmp/s"));
      assertThatThrownBy(() -> far.socketPath("/" + "x".repeat(107)))
          .isInstanceOf(FsException.class);
    }
  }

  @Test
  void knowsMountsOfItsOwn() {
    List<String> mounts =
        List.of(
            "21 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
            "40 21 0:50 / /adhoc rw,nosuid - fuse.adhocfs adhocfs rw",
            "41 40 0:51 / /adhoc/local rw - tmpfs tmpfs rw",
            "42 21 0:52 / /with\\040space rw shared:3 - fuse.adhocfs adhocfs rw");
    assertThat(Mounts.ownMountOf(Path.of("/adhoc/data"), mounts)).isEqualTo(Path.of("/adhoc"));
    assertThat(Mounts.ownMountOf(Path.of("/with space/x"), mounts))
        .isEqualTo(Path.of("/with space"));
    assertThat(Mounts.ownMountOf(Path.of("/adhoc/local/data"), mounts)).isNull();
    assertThat(Mounts.ownMountOf(Path.of("/adhocracy"), mounts)).isNull();
    assertThat(Mounts.ownMountOf(Path.of("/data"), mounts)).isNull();
  }

  @Test
  void readsTheConfigurationThatItWroteAndOnlyFromAPrivateFile() throws Exception {
    var configuration =
        new DaemonConfiguration(
            DaemonProcess.IDENTITY,
            NODE,
            parent.resolve("data"),
            "0.0.0.0",
            "host1",
            4711,
            "/run/s",
            new Settings(Map.of("chunk.size", "1MiB")),
            1,
            2);
    Path file = parent.resolve("bootstrap.json");
    Files.write(file, configuration.toJson());
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(() -> DaemonConfiguration.read(file))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.NOT_PERMITTED));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    DaemonConfiguration read = DaemonConfiguration.read(file);
    assertThat(read.toJson()).isEqualTo(configuration.toJson());
    assertThat(read.settings().given()).containsEntry("chunk.size", "1MiB");
    assertThat(read.toString()).doesNotContain("00000000");
    byte[] truncated = java.util.Arrays.copyOf(configuration.toJson(), 40);
    assertThatThrownBy(() -> DaemonConfiguration.parse("x", truncated))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.CORRUPT));
  }

  @Test
  void aStartOfTheMachineBeginsAStorageTerm(@TempDir Path empty) throws FsException {
    var node = new NodeId(3);
    long first = StorageDirectory.start(empty, "instance", node, "first");
    long again = StorageDirectory.start(empty, "instance", node, "first");
    long second = StorageDirectory.start(empty, "instance", node, "second");
    assertThat(List.of(first, again, second)).isSorted().doesNotHaveDuplicates();
    assertThat(Stream.of(first, again, second).map(ClusterMap.Node::storageTerm))
        .containsExactly(0L, 0L, 1L);
  }
}
