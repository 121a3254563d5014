package io.adhocfs.cli.process;

import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Setting;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** The daemons of one instance, on this and other hosts. Thread-safe. */
public final class Nodes {
  /** How long another host may be silent. */
  private static final Duration REMOTE_PATIENCE = Duration.ofSeconds(60);

  /**
   * How long nodes that end with their command may take to record that nothing of them is left.
   * Less than the 30 s that Slurm gives a job that it ends.
   */
  private static final Duration REMOVAL_PATIENCE = Duration.ofSeconds(15);

  private final InstanceDescription description;
  private final InstanceDirectory directory;
  private final Consumer<String> notes;

  /**
   * For one instance.
   *
   * @param notes told what a long wait is for; called by several threads
   */
  public Nodes(
      InstanceDescription description, InstanceDirectory directory, Consumer<String> notes) {
    this.description = description;
    this.directory = directory;
    this.notes = notes;
  }

  /** Starts the daemon of a new node and waits until it is ready. */
  public RunningDaemon startNew(Place place) throws FsException {
    directory.takeBackRemoved(description.instance().name(), place.id());
    return start(place, true, DaemonBootstrap.of(description, place));
  }

  /** Starts the daemon of an existing node, on its directory. */
  public RunningDaemon startAgain(Place place) throws FsException {
    return start(place, false, DaemonBootstrap.of(description, place));
  }

  private RunningDaemon start(Place place, boolean fresh, String configuration) throws FsException {
    Instance instance = description.instance();
    long heapBytesMax = instance.settings().size(Setting.DAEMON_MEMORY);
    var bootstrap =
        new NodeBootstrap(
            place.id(), Path.of(place.dataDirectory()), heapBytesMax, fresh, configuration);
    if (place.isLocal()) {
      return bootstrap.startHere(notes);
    }
    RemoteHost host = remote(place.host());
    String source = "the answer of host " + place.host();
    if (!host.endsWithItsCommand()) {
      return RunningDaemon.parse(
          source,
          lastJson(
              host, host.run(List.of("daemon", "--detach"), bootstrap.toJson(), REMOTE_PATIENCE)));
    }
    Path input = directory.path(instance.name()).resolve("start-" + place.id() + ".json");
    try {
      PrivateFiles.write(input, bootstrap.toJson());
      String line =
          host.startAttached(
              heapBytesMax,
              List.of(
                  "daemon",
                  "--attached",
                  "--config",
                  Path.of(place.dataDirectory(), LocalDaemon.CONFIGURATION_FILE).toString()),
              attachedEnvironment(directory),
              input,
              attachedLog(place),
              notes);
      return RunningDaemon.parse(source, line);
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot write " + input, e);
    } finally {
      delete(input);
    }
  }

  /** Variables of a process that is started on another host without the launcher. */
  static Map<String, String> attachedEnvironment(InstanceDirectory directory) {
    var environment = new LinkedHashMap<String, String>();
    // The same values as in the launcher and ServiceProcess.
    environment.put("LC_ALL", "C.UTF-8");
    environment.put("MALLOC_ARENA_MAX", "2");
    environment.put("ADHOCFS_HOME", directory.path().toString());
    return environment;
  }

  private Path attachedLog(Place place) {
    return directory.path(description.instance().name()).resolve("node-" + place.id() + ".log");
  }

  /**
   * Where a node's daemon writes its log: on its host, or here if the daemon ends with its command.
   */
  public Path log(Place place) {
    return isAttached(place)
        ? attachedLog(place)
        : new LocalDaemon(Path.of(place.dataDirectory())).log();
  }

  /** Whether a node's daemon ends with the command that started it. */
  public boolean isAttached(Place place) {
    return !place.isLocal() && remote(place.host()).endsWithItsCommand();
  }

  /** Whether a node's daemon runs. */
  public boolean isRunning(Place place) throws FsException {
    String data = place.dataDirectory();
    return place.isLocal()
        ? new LocalDaemon(Path.of(data)).running() != null
        : !remote(place.host())
            .run(List.of("daemon", "--look", data), new byte[0], REMOTE_PATIENCE)
            .isBlank();
  }

  /**
   * Ends a node's daemon, by a kill if need be, and removes all its data.
   *
   * @throws FsException that says where data is left
   */
  public void remove(Place place) throws FsException {
    String name = description.instance().name();
    boolean attached = isAttached(place);
    // The daemon records its end itself, and while a job ends nothing else can be started there.
    if (directory.isRemoved(name, place.id()) || (attached && awaitRemoved(place))) {
      return;
    }
    try {
      if (place.isLocal()) {
        new LocalDaemon(Path.of(place.dataDirectory())).remove(description.instance().id());
      } else {
        String said =
            remote(place.host())
                .run(
                    List.of(
                        "daemon",
                        "--remove",
                        place.dataDirectory(),
                        "--of",
                        description.instance().id()),
                    new byte[0],
                    REMOTE_PATIENCE);
        if (!said.isBlank()) {
          throw new FsException(FsError.STORAGE_FAILED, said);
        }
      }
    } catch (FsException e) {
      if (directory.isRemoved(name, place.id())) {
        return;
      }
      throw new FsException(
          e.error(),
          "data may be left in "
              + (place.isLocal() ? "" : place.host() + ":")
              + place.dataDirectory()
              + ": "
              + e.getMessage(),
          e);
    }
    directory.putRemoved(name, place.id());
  }

  private boolean awaitRemoved(Place place) {
    // A node that never told its address has no daemon to wait for.
    boolean started =
        description.instance().nodes().stream().anyMatch(node -> node.id().equals(place.id()));
    long limit = System.nanoTime() + (started ? REMOVAL_PATIENCE.toNanos() : 0);
    while (!directory.isRemoved(description.instance().name(), place.id())) {
      if (System.nanoTime() - limit > 0) {
        return false;
      }
      ServiceProcess.pause();
    }
    return true;
  }

  /** A host behind this instance's remote-start command. */
  RemoteHost remote(String host) {
    return RemoteHost.of(description.instance().settings().text(Setting.REMOTE_START), host);
  }

  /** The JSON object in the output of a host; shells may have printed something before it. */
  static String lastJson(RemoteHost host, String said) throws FsException {
    return said.lines()
        .filter(line -> line.startsWith("{") && line.endsWith("}"))
        .reduce((first, second) -> second)
        .orElseThrow(() ->
            new FsException(
                FsError.BAD_MESSAGE,
                "host "
                    + host.name()
                    + ": printed '"
                    + said.strip()
                    + "' instead of the address of its daemon"));
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new IllegalStateException("a file with the secret is left: " + file, e);
    }
  }

  /** The bytes of a text, as it is passed on standard input. */
  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
