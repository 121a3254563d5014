package io.adhocfs.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.DaemonConfiguration;
import io.adhocfs.daemon.StorageRemoval;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.InstanceIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalDaemonTest {
  private static final int ROUNDS = 60;

  @TempDir private Path parent;

  /** As a daemon does that was told to go, while its command looks whether it has. */
  @Test
  void removesADirectoryThatIsBeingRemoved() throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      Path directory = makeNode("it");
      CompletableFuture<Void> other =
          CompletableFuture.runAsync(() -> {
            try {
              StorageRemoval.remove(directory);
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          });
      // Any moment of the other removal, the end of it most of all.
      while (round % 2 == 0 && StorageRemoval.hasBegun(directory)) {
        Thread.onSpinWait();
      }
      new LocalDaemon(directory).remove("it");
      other.get();
      assertThat(directory).doesNotExist();
    }
  }

  @Test
  void leavesTheNodeOfAnotherInstance() throws Exception {
    Path directory = makeNode("other");
    new LocalDaemon(directory).remove("it");
    assertThat(directory.resolve(LocalDaemon.CONFIGURATION_FILE)).exists();
  }

  private Path makeNode(String instance) throws IOException, FsException {
    Path directory = Files.createDirectories(parent.resolve("node-0"));
    Files.createFile(directory.resolve("FORMAT"));
    Files.createFile(
        directory.resolve(LocalDaemon.CONFIGURATION_FILE),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.write(
        directory.resolve(LocalDaemon.CONFIGURATION_FILE),
        new DaemonConfiguration(
                new InstanceIdentity(instance, new byte[32]),
                new NodeId(0),
                directory,
                "127.0.0.1",
                "127.0.0.1",
                0,
                "",
                new Settings(Map.of()),
                0,
                0)
            .toJson());
    return directory;
  }
}
