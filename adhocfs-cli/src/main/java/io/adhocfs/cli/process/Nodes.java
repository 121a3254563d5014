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
import java.util.List;

/** The daemons of one instance, wherever their places are. Thread-safe. */
public final class Nodes {
  private static final Duration REMOTE_PATIENCE =
      LocalDaemon.START_PATIENCE.plus(Duration.ofSeconds(30));

  private final InstanceDescription description;
  private final InstanceDirectory directory;

  public Nodes(InstanceDescription description, InstanceDirectory directory) {
    this.description = description;
    this.directory = directory;
  }

  /** Starts the daemon of a new node and waits until it is ready. */
  public RunningDaemon startNew(Place place) throws FsException {
    return start(place, true, DaemonBootstrap.of(description, place));
  }

  /** Starts the daemon of a node that has been there before, on its directory. */
  public RunningDaemon startAgain(Place place) throws FsException {
    return start(place, false, DaemonBootstrap.of(description, place));
  }

  private RunningDaemon start(Place place, boolean fresh, String configuration) throws FsException {
    Instance instance = description.instance();
    var bootstrap =
        new NodeBootstrap(
            place.id(),
            Path.of(place.dataDirectory()),
            instance.settings().size(Setting.DAEMON_MEMORY),
            fresh,
            configuration);
    if (place.isLocal()) {
      return bootstrap.startHere();
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
    Path log = directory.path(instance.name()).resolve("node-" + place.id() + ".log");
    try {
      Files.deleteIfExists(log);
      PrivateFiles.write(input, bootstrap.toJson());
      String line =
          host.startAttached(List.of("daemon", "--detach", "--stay"), input, log, REMOTE_PATIENCE);
      return RunningDaemon.parse(source, line);
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot write " + input, e);
    } finally {
      delete(input);
    }
  }

  /** Ends a node's daemon, however it takes it, and removes all its data. */
  public void remove(Place place) throws FsException {
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
                  Duration.ofSeconds(60));
      if (!said.isBlank()) {
        throw new FsException(FsError.STORAGE_FAILED, "host " + place.host() + ": " + said);
      }
    }
  }

  /** A host behind this instance's remote-start command. */
  RemoteHost remote(String host) {
    return RemoteHost.of(description.instance().settings().text(Setting.REMOTE_START), host);
  }

  /** The JSON object in what a host said; shells may have said something before. */
  static String lastJson(RemoteHost host, String said) throws FsException {
    return said.lines()
        .filter(line -> line.startsWith("{") && line.endsWith("}"))
        .reduce((first, second) -> second)
        .orElseThrow(() ->
            new FsException(
                FsError.BAD_MESSAGE,
                "host "
                    + host.name()
                    + ": said '"
                    + said.strip()
                    + "' instead of where its daemon is"));
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
