package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.cli.process.HostsFile;
import io.adhocfs.cli.process.InParallel;
import io.adhocfs.cli.process.InParallel.Outcome;
import io.adhocfs.cli.process.MountPlaces;
import io.adhocfs.cli.process.Mounts;
import io.adhocfs.cli.process.NodeProcesses;
import io.adhocfs.cli.process.Nodes;
import io.adhocfs.cli.process.SlurmNodes;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.malleability.Controller;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Profile;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Brings an instance up. */
@CommandLine.Command(
    name = "up",
    description = "Brings an instance up: starts its daemons and mounts it.",
    footer = {
      "",
      "Without --nodes and --hosts, one daemon starts on this machine; inside a Slurm allocation, one",
      "on each node of the allocation, through srun.",
      "",
      "The setting throttle.CLASS[.SCOPE]=[RATE] [weight N] sets a limit from the start: see",
      "'adhocfs throttle --help'.",
      "",
      "Examples:",
      "  adhocfs up --nodes 4 --mount /tmp/fast --set chunk.size=1MiB",
      "  adhocfs up --set profile=checkpoint --set fsync=disk",
      "  adhocfs up --set throttle.data-bandwidth.job:42=200MB/s",
      "",
      "Exit codes: 0 the instance is up; 1 it is not, and anything that is left is named; 2 wrong use."
    })
public final class UpCommand extends Command {
  private static final String DEFAULT_NAME = "adhocfs";

  /** After this long, check whether the daemons that do not answer still run. */
  private static final Duration INSTALL_PATIENCE = Duration.ofSeconds(10);

  @Option(
      names = "--nodes",
      paramLabel = "COUNT",
      description = "Start COUNT daemons on this machine.")
  private @Nullable Integer nodes;

  @Option(
      names = "--hosts",
      paramLabel = "FILE",
      description =
          "Start a daemon on each host in FILE: one host on each line, '#' begins a comment. The setting remote.start says how to reach them.")
  private @Nullable RawPath hosts;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Directory for the daemons' data, on each machine. Default: ${TMPDIR:-/tmp}/adhocfs-UID/NAME.")
  private @Nullable RawPath data;

  @Option(
      names = "--mount",
      paramLabel = "DIR",
      description =
          "Mount on DIR. Default: /adhoc if it is yours and free, else a directory of your own.")
  private @Nullable RawPath mount;

  @Option(
      names = "--over",
      description = "Mount even on a directory with something in it; the mount hides the content.")
  private boolean over;

  @Option(names = "--no-mount", description = "Do not mount.")
  private boolean noMount;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Settings: key=value on each line, '#' begins a comment.")
  private @Nullable RawPath config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "A setting; see 'adhocfs config list'. Wins over --config.")
  private List<String> set = new ArrayList<>();

  public UpCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if (nodes != null && hosts != null) {
      throw new UsageException("--nodes and --hosts exclude each other");
    }
    if (nodes != null && (nodes < 1 || nodes > ControlCommand.NODES_MAX)) {
      throw new UsageException("--nodes " + nodes + ": give 1 to " + ControlCommand.NODES_MAX);
    }
    if (mount != null && noMount) {
      throw new UsageException("--mount and --no-mount exclude each other");
    }
    String given = givenName();
    String name = given == null ? DEFAULT_NAME : given;
    InstanceDirectory directory = directory();
    if (directory.names().contains(name)) {
      throw new UsageException(
          "instance '%s' exists already: take it down first (adhocfs down --name %s) or give another --name"
              .formatted(name, name));
    }
    Map<String, String> settingsByKey = settings();
    Map<String, String> limitsByKey = ThrottleWords.takeOut(settingsByKey);
    List<String> remoteHosts = remoteHosts(settingsByKey);
    String job = surroundings().environment().getOrDefault("SLURM_JOB_ID", "");
    if (!job.isEmpty()) {
      settingsByKey.putIfAbsent(Setting.DAEMON_SIGTERM.key(), "remove");
    }
    Settings settings;
    try {
      Profile.expand(settingsByKey);
      settings = new Settings(settingsByKey);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage() + "; see 'adhocfs config list'", e);
    }
    String dataDirectory =
        data != null
            ? data.onHost().toString()
            : MountPlaces.scratch(surroundings().environment(), name).toString();
    List<Place> places = new ArrayList<>();
    int count = remoteHosts.isEmpty() ? Objects.requireNonNullElse(nodes, 1) : remoteHosts.size();
    for (int node = 0; node < count; node++) {
      places.add(
          new Place(
              new NodeId(node),
              remoteHosts.isEmpty() ? "" : remoteHosts.get(node),
              dataDirectory + "/node-" + node));
    }
    var random = new SecureRandom();
    var secret = new byte[InstanceIdentity.SECRET_BYTES];
    random.nextBytes(secret);
    var id = new byte[16];
    random.nextBytes(id);
    var description =
        new InstanceDescription(
            new Instance(name, HexFormat.of().formatHex(id), secret, settings, List.of()),
            places,
            Instant.now().truncatedTo(ChronoUnit.MILLIS));
    List<ThrottleRule> limits = ThrottleWords.rules(description, limitsByKey);
    if (!noMount) {
      checkMountPoint(description, directory);
    }
    bringUp(description, limits, directory);
    return ExitCode.OK;
  }

  private Map<String, String> settings() throws UsageException, FsException {
    Map<String, String> settings = new LinkedHashMap<>();
    if (config != null) {
      Path file = config.onHost();
      try {
        int number = 0;
        for (String line : Files.readAllLines(file)) {
          number++;
          String stripped = line.strip();
          if (!stripped.isEmpty() && !stripped.startsWith("#")) {
            Assignments.put(settings, stripped, file + ", line " + number);
          }
        }
      } catch (IOException e) {
        throw new UsageException("cannot read the settings in " + file + ": " + e.getMessage(), e);
      }
    }
    for (String setting : set) {
      Assignments.put(settings, setting, "--set");
    }
    return settings;
  }

  /** The hosts to start daemons on; empty = this machine. */
  private List<String> remoteHosts(Map<String, String> settings)
      throws UsageException, FsException {
    if (hosts != null) {
      Path file = hosts.onHost();
      try {
        return HostsFile.parse(Files.readString(file));
      } catch (IllegalArgumentException e) {
        throw new UsageException(file + ": " + e.getMessage(), e);
      } catch (IOException e) {
        throw new UsageException("cannot read the hosts in " + file + ": " + e.getMessage(), e);
      }
    }
    String slurmNodes = surroundings().environment().getOrDefault("SLURM_JOB_NODELIST", "");
    if (nodes == null && !slurmNodes.isEmpty()) {
      try {
        settings.putIfAbsent(Setting.REMOTE_START.key(), SlurmNodes.REMOTE_START);
        return SlurmNodes.expand(slurmNodes);
      } catch (IllegalArgumentException e) {
        throw new UsageException("SLURM_JOB_NODELIST: " + e.getMessage(), e);
      }
    }
    return List.of();
  }

  private void bringUp(
      InstanceDescription description, List<ThrottleRule> limits, InstanceDirectory directory)
      throws IOException {
    directory.create(description);
    var cleanUp = new TakeDown(description, directory, this::note);
    var settled = new AtomicBoolean();
    // Ctrl-C while the instance comes up leaves nothing behind either.
    var onInterrupt =
        new Thread(
            () -> {
              if (!settled.get()) {
                output().note("adhocfs up: interrupted; removing everything that was started");
                cleanUp.afterFailedStart();
              }
            },
            "undo");
    Runtime.getRuntime().addShutdownHook(onInterrupt);
    InstanceDescription complete;
    List<MountRecord> mounts;
    try {
      complete =
          description.withNodes(
              new NodeProcesses(directory, this::note).start(description, description.places()));
      // Recorded before the daemons get their map: from here on every daemon can be found.
      List<ClusterMap.Node> ready = complete.instance().nodes();
      complete = directory.update(complete, written -> written.withNodes(ready));
      installMap(complete, new Nodes(complete, directory, this::note));
      agreeOn(limits, complete.instance());
      mounts = noMount ? List.of() : mountEverywhere(complete, directory);
    } catch (IOException | RuntimeException e) {
      settled.set(true);
      List<String> left = cleanUp.afterFailedStart();
      left.forEach(this::note);
      throw e;
    }
    settled.set(true);
    print(complete, mounts);
  }

  private void note(String sentence) {
    output().note("adhocfs up: " + sentence);
  }

  private static void agreeOn(List<ThrottleRule> limits, Instance instance) throws FsException {
    if (limits.isEmpty()) {
      return;
    }
    try (Controller controller = Controller.open(instance)) {
      for (ThrottleRule rule : limits) {
        controller.limits().set(rule);
      }
    }
  }

  /**
   * Gives the daemons their first map. All have reported that they are ready; a daemon that does
   * not answer is waited for as long as its process lives, since its machine may just be loaded.
   */
  private void installMap(InstanceDescription description, Nodes nodes) throws FsException {
    ClusterMap map = ClusterMap.initial(description.instance().nodes());
    List<NodeId> silent = map.nodes().stream().map(ClusterMap.Node::id).toList();
    try (AdminConnection connection = AdminConnection.open(description.instance())) {
      while (!silent.isEmpty()) {
        SortedMap<NodeId, FsException> failures =
            connection
                .askUntilAnswered(
                    silent, new ControlRequest.InstallMap(map), Reply.Done.class, INSTALL_PATIENCE)
                .failures();
        for (Map.Entry<NodeId, FsException> failure : failures.entrySet()) {
          Place place = description.place(failure.getKey());
          if (!mayAnswerYet(failure.getValue().error())
              || place == null
              || !nodes.isRunning(place)) {
            throw failure.getValue();
          }
          note(
              "node %s runs but does not answer yet, still waiting: %s"
                  .formatted(failure.getKey(), failure.getValue().getMessage()));
        }
        silent = List.copyOf(failures.keySet());
      }
    }
  }

  private Path mountPoint(InstanceDescription description) throws FsException {
    return mount != null
        ? mount.onHost()
        : MountPlaces.defaultMountPoint(
            surroundings().environment(), description.instance().name());
  }

  private static List<String> hostsToMount(InstanceDescription description) {
    return description.places().stream().map(Place::host).distinct().toList();
  }

  /** Called before anything is started, so that a refusal needs no start and no clean-up. */
  private void checkMountPoint(InstanceDescription description, InstanceDirectory directory)
      throws FsException {
    var mounts = new Mounts(description, directory, this::note);
    Path mountPoint = mountPoint(description);
    for (Outcome<String, Boolean> outcome :
        InParallel.run(
            hostsToMount(description),
            host -> {
              mounts.check(host, mountPoint, over);
              return true;
            })) {
      if (outcome.failure() != null) {
        throw notMounted(outcome.failure());
      }
    }
  }

  private static FsException notMounted(FsException failure) {
    return new FsException(
        failure.error(),
        failure.getMessage() + " (--no-mount brings the instance up without a mount)",
        failure);
  }

  private static boolean mayAnswerYet(FsError error) {
    return error == FsError.UNREACHABLE || error == FsError.TIMED_OUT || error == FsError.BUSY;
  }

  private List<MountRecord> mountEverywhere(
      InstanceDescription description, InstanceDirectory directory) throws FsException {
    var mounts = new Mounts(description, directory, this::note);
    Path mountPoint = mountPoint(description);
    directory.putMountPoint(description.instance().name(), mountPoint);
    List<MountRecord> records = new ArrayList<>();
    FsException failure = null;
    for (Outcome<String, MountRecord> outcome :
        InParallel.run(hostsToMount(description), host -> mounts.mount(host, mountPoint, over))) {
      if (outcome.failure() != null) {
        failure = failure == null ? outcome.failure() : failure;
      } else if (outcome.result() != null) {
        records.add(outcome.result());
      }
    }
    if (failure != null) {
      throw notMounted(failure);
    }
    return records;
  }

  private void print(InstanceDescription description, List<MountRecord> mounts) {
    Instance instance = description.instance();
    output().line("instance  " + instance.name());
    for (ClusterMap.Node node : instance.nodes()) {
      Place place = description.place(node.id());
      output()
          .line(
              "node      %-4s %-21s %s"
                  .formatted(
                      node.id(), node.address(), place == null ? "" : place.dataDirectory()));
    }
    for (MountRecord record : mounts) {
      output()
          .line(
              "mount     "
                  + record.directory()
                  + (record.remote().isEmpty() ? "" : " on " + record.remote()));
    }
    if (instance.settings().text(Setting.DAEMON_SIGTERM).equals("remove")) {
      output()
          .line("lifetime  until 'adhocfs down' or the end of the job; either removes all data");
    }
    String option = instance.name().equals(DEFAULT_NAME) ? "" : " --name " + instance.name();
    output().line("");
    output()
        .line(
            mounts.isEmpty()
                ? "Next: adhocfs mount DIR%s | adhocfs copy DIR adhoc:/%s".formatted(option, option)
                : "Next: use %s | adhocfs status%s"
                    .formatted(mounts.getFirst().directory(), option));
    output().line("Done: adhocfs down" + option);
  }
}
