package io.adhocfs.cli.command;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.daemon.Daemon;
import io.adhocfs.daemon.DaemonConfiguration;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;

/**
 * Does the most frequent work of commands, daemons and clients in one process, with a daemon of its
 * own in a temporary directory, so that the build can record which classes are loaded: later starts
 * map these classes instead of loading them.
 */
public final class Rehearsal {
  private static final String NAME = "rehearsal";

  /** How often the most used operations are done; 0 = once, as part of the commands. */
  private static final int ROUNDS = Integer.getInteger("adhocfs.practice", 0);

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private Rehearsal() {}

  /**
   * Does this work once and leaves nothing behind.
   *
   * @param commands runs a command line
   */
  public static int run(Surroundings surroundings, CommandRunner commands) throws IOException {
    Path root = Files.createTempDirectory("adhocfs-rehearsal-");
    var environment = new HashMap<>(surroundings.environment());
    environment.put("ADHOCFS_HOME", root.resolve("home").toString());
    environment.put("ADHOCFS_INSTANCE", NAME);
    var around = new Surroundings(environment, surroundings.input(), surroundings.output());
    var secret = new byte[InstanceIdentity.SECRET_BYTES];
    String id = "0".repeat(32);
    Daemon daemon =
        Daemon.start(
            DaemonConfiguration.parse(
                NAME,
                new DaemonConfiguration(
                        new InstanceIdentity(id, secret),
                        new NodeId(0),
                        root.resolve("node-0"),
                        "127.0.0.1",
                        "127.0.0.1",
                        0,
                        root.resolve("socket").toString(),
                        Settings.DEFAULT,
                        0,
                        0)
                    .toJson()));
    try {
      var description =
          new InstanceDescription(
              new Instance(NAME, id, secret, Settings.DEFAULT, List.of(daemon.address())),
              List.of(new Place(new NodeId(0), "", root.resolve("node-0").toString())),
              Instant.EPOCH);
      InstanceDirectory directory = InstanceDirectory.of(environment);
      directory.create(description);
      try (AdminConnection connection = AdminConnection.open(description.instance())) {
        var _ =
            connection.ask(
                new NodeId(0),
                new ControlRequest.InstallMap(ClusterMap.initial(List.of(daemon.address()))),
                Reply.Done.class,
                PATIENCE);
      }
      useFileSystem(description);
      int exitCode = ExitCode.OK;
      for (String line :
          List.of(
              "status",
              "status --json",
              "ls -l",
              "stat adhoc:/file",
              "cat adhoc:/file",
              "copy -q adhoc:/file " + root.resolve("copy"),
              "verify",
              "config list",
              "rm adhoc:/file")) {
        exitCode = Math.max(exitCode, commands.run(around, line.split(" ", -1)));
      }
      directory.remove(NAME);
      return exitCode;
    } finally {
      daemon.stop(true);
      for (Path left : List.of(root.resolve("copy"), root.resolve("home"), root)) {
        var _ = Files.deleteIfExists(left);
      }
    }
  }

  private static void useFileSystem(InstanceDescription description) throws IOException {
    try (AdhocFileSystem fileSystem =
            AdhocFileSystem.open(description::instance, ClientOptions.DEFAULT);
        OpenFile file = fileSystem.open(AdhocPath.ofText("/file"), OpenOptions.CREATE_NEW)) {
      file.write(0, ByteBuffer.allocate(100));
      file.write(0, ByteBuffer.allocate(1 << 20));
      file.flush();
      var _ = file.read(0, ByteBuffer.allocate(1 << 20));
      practise(fileSystem);
    }
  }

  /**
   * Repeats operations often enough for the JVM to record how the most used methods behave. With
   * this record, the JVM compiles the methods early, instead of observing them first during a job's
   * first seconds.
   */
  private static void practise(AdhocFileSystem fileSystem) throws IOException {
    for (int i = 0; i < ROUNDS; i++) {
      AdhocPath path = AdhocPath.ofText("/practice-" + i);
      try (OpenFile file = fileSystem.open(path, OpenOptions.CREATE_NEW)) {
        if (i % 4 == 0) {
          file.write(0, ByteBuffer.allocate(3000));
          var _ = file.read(0, ByteBuffer.allocate(4096));
        }
      }
      var _ = fileSystem.stat(path);
      fileSystem.remove(path);
    }
  }

  /** Runs a command line in these surroundings. */
  public interface CommandRunner {
    /** Returns its exit code. */
    int run(Surroundings surroundings, String[] arguments);
  }
}
