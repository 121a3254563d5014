package io.adhocfs.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.cli.arguments.Json;
import io.adhocfs.client.transfer.TransferError;
import io.adhocfs.client.transfer.TransferReport;
import io.adhocfs.malleability.Change;
import io.adhocfs.malleability.InstanceSwitches.Origin;
import io.adhocfs.malleability.InstanceSwitches.Value;
import io.adhocfs.malleability.JobStatistics;
import io.adhocfs.malleability.Limits.Listed;
import io.adhocfs.malleability.ResizePlan;
import io.adhocfs.malleability.plan.SlotPlan;
import io.adhocfs.malleability.verify.LostSearch.LostFile;
import io.adhocfs.malleability.verify.Mend;
import io.adhocfs.malleability.verify.VerifyReport;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Membership;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.statistics.RuleWaits;
import io.adhocfs.protocol.throttle.Resource;
import io.adhocfs.protocol.throttle.RuleFigures;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.wire.NodeStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Compares the keys of {@code --json} with the tables of docs/cli.md. The results here have every
 * key that a command can print, so the tables can neither lack a key nor have one too many.
 */
class JsonKeysTest {
  private static final Path HOME = Path.of(System.getProperty("adhocfs.home", ".."));

  private static final Pattern TABLE = Pattern.compile("\\| JSON of `([^`]+)` \\|.*");
  private static final Pattern KEY = Pattern.compile("`([^`]+)`");
  private static final Pattern NAME = Pattern.compile("^ +name = \"(\\w+)\"", Pattern.MULTILINE);

  private static final NodeId N0 = new NodeId(0);
  private static final NodeId N1 = new NodeId(1);
  private static final ClusterMap.Node NODE =
      new ClusterMap.Node(N0, "host0", 4711, "", 1, NodeState.ACTIVE);
  private static final ClusterMap.Node SILENT =
      new ClusterMap.Node(N1, "host1", 4711, "", 1, NodeState.ACTIVE);
  private static final MountRecord MOUNT =
      new MountRecord("elsewhere", "", 7, "/mnt", "direct", true, "/log");
  private static final SlotPlan SLOTS = new SlotPlan(new short[SlotId.COUNT], 2, 1);
  private static final FinishedRebalance FINISHED =
      new FinishedRebalance(
          1, Rebalance.Kind.EXPAND, 2, 2, 30, 20, 0, 5, FinishedRebalance.Outcome.DONE);
  private static final Dataset DATASET = new Dataset(1, new InodeId(5), "/out", 3, false);
  private static final ThrottleRule RULE =
      new ThrottleRule(Resource.DATA_BANDWIDTH.label(), DATASET.scope(), 1000, 2);

  /** The results of a table in docs/cli.md that together have all keys. */
  record Sample(String table, List<Object> results) {
    static Sample of(String table, Object... results) {
      return new Sample(table, List.of(results));
    }

    @Override
    public String toString() {
      return table;
    }
  }

  private static Stream<Sample> samples() {
    return Stream.of(
        Sample.of("status", status()),
        Sample.of("start", StartCommand.json(Set.of(N0))),
        Sample.of("mount", MountCommand.json(MOUNT)),
        Sample.of("copy", copy()),
        Sample.of("stat", stat(FileType.REGULAR), stat(FileType.DIRECTORY), stat(FileType.SYMLINK)),
        Sample.of("expand", ResizeCommand.json(1, SLOTS)),
        Sample.of("expand --wait", ResizeCommand.json(FINISHED, SLOTS, List.of(N0))),
        Sample.of("expand --plan", ResizeCommand.json(plan(), 1.5)),
        Sample.of("shrink --lost", lost()),
        Sample.of("rebalance", RebalanceReport.json(running()), RebalanceReport.json(over())),
        Sample.of("verify", VerifyCommand.json("some", verified(), 1)),
        Sample.of("throttle list", ThrottleCommand.json(List.of(listed()), List.of(DATASET))),
        Sample.of("stats --job", StatsCommand.json(statistics(), List.of(DATASET))),
        Sample.of("config list", ConfigCommand.json(List.of(value()))),
        Sample.of("config profiles", ConfigCommand.jsonOfProfiles()));
  }

  @ParameterizedTest
  @MethodSource("samples")
  void theKeysOfACommandAreThoseOfItsTable(Sample sample) throws IOException {
    SortedSet<String> keys = new TreeSet<>();
    for (Object result : sample.results()) {
      addKeys("", JSON.std.anyFrom(Json.pretty(result)), keys);
    }
    assertThat(keys)
        .as("keys of %s, and its table in docs/cli.md", sample)
        .isEqualTo(tables().get(sample.table()));
  }

  @Test
  void theListOfAllJobsHasTheKeysOfOneJobForEach() throws IOException {
    SortedSet<String> ofOne = new TreeSet<>();
    addKeys(
        "jobs[].", JSON.std.anyFrom(Json.line(StatsCommand.json(statistics(), List.of()))), ofOne);
    SortedSet<String> ofAll = new TreeSet<>();
    addKeys(
        "",
        JSON.std.anyFrom(Json.line(StatsCommand.json(List.of(statistics()), List.of()))),
        ofAll);
    assertThat(ofAll).isEqualTo(ofOne);
  }

  @Test
  void everyTableIsCompared() throws IOException {
    assertThat(tables().keySet()).isEqualTo(new TreeSet<>(samples().map(Sample::table).toList()));
  }

  @Test
  void everyCommandThatPrintsJsonHasATable() throws IOException {
    List<String> commands = new ArrayList<>();
    Path sources = HOME.resolve("adhocfs-cli/src/main/java/io/adhocfs/cli/command");
    try (Stream<Path> files = Files.list(sources)) {
      for (Path file : files.toList()) {
        String source = Files.readString(file);
        if (source.contains("names = \"--json\"")) {
          Matcher name = NAME.matcher(source);
          // The common part of expand, shrink and relocate has no name.
          commands.add(name.find() ? name.group(1) : "expand");
        }
      }
    }
    List<String> documented =
        tables().keySet().stream().map(table -> table.split(" ", 2)[0]).toList();
    assertThat(documented).containsAll(commands).hasSizeGreaterThan(10);
  }

  /** Adds the path of each value that is not a map or a list. */
  private static void addKeys(String path, Object value, Set<String> keys) {
    switch (value) {
      case Map<?, ?> map ->
          map.forEach((key, inner) ->
              addKeys(
                  path.isEmpty() || path.endsWith(".") ? path + key : path + "." + key,
                  inner,
                  keys));
      case List<?> list -> {
        assertThat(list).as(path + ": an empty list hides keys").isNotEmpty();
        list.forEach(inner -> addKeys(path + "[]", inner, keys));
      }
      default -> keys.add(path);
    }
  }

  /** The keys in the tables of docs/cli.md. */
  private static Map<String, SortedSet<String>> tables() throws IOException {
    Map<String, SortedSet<String>> tables = new TreeMap<>();
    SortedSet<String> keys = null;
    for (String line : Files.readAllLines(HOME.resolve("docs/cli.md"))) {
      Matcher head = TABLE.matcher(line);
      if (head.matches()) {
        keys = new TreeSet<>();
        assertThat(tables.put(head.group(1), keys)).as("a second table: " + line).isNull();
      } else if (!line.startsWith("|")) {
        keys = null;
      } else if (keys != null) {
        Matcher key = KEY.matcher(line.substring(0, line.indexOf('|', 1)));
        while (key.find()) {
          assertThat(keys.add(key.group(1))).as("a key that is there twice: " + line).isTrue();
        }
      }
    }
    return tables;
  }

  private static Object status() {
    var description =
        new InstanceDescription(
            new Instance("some", "00", new byte[32], Settings.DEFAULT, List.of()),
            List.of(new Place(N0, "", "/data/node-0")),
            Instant.EPOCH);
    var space = new StorageSpace("disk", 9, 8, 7, 6, 5);
    var answer =
        new NodeStatus(
            N0,
            "1",
            "host0",
            7,
            "/data",
            NodeState.ACTIVE,
            1,
            2,
            space,
            3,
            4,
            5,
            6,
            0,
            8,
            1500,
            0,
            9);
    return StatusCommand.json(
        new StatusCommand.Brought(description, List.of(N1)),
        1,
        List.of(
            new StatusCommand.Node(NODE, answer, null, 0),
            new StatusCommand.Node(
                SILENT, null, new FsException(FsError.UNREACHABLE, "silent"), 0)),
        List.of(MOUNT),
        List.of("a warning"));
  }

  private static Object copy() {
    return CopyCommand.json(
        new TransferReport(
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            List.of(new TransferError("/file", FsError.NOT_FOUND, "gone")),
            true,
            false,
            1_500_000_000));
  }

  private static Object stat(FileType type) {
    var attributes =
        new FileAttributes(
            new InodeId(5),
            type,
            0644,
            0,
            0,
            1,
            10,
            1,
            1,
            1,
            0,
            InodeId.NONE,
            0,
            0,
            0,
            false,
            new FileLayout(1 << 20, 3, 1, 0, false));
    return StatCommand.json("adhoc:/file", attributes, "n0", "target");
  }

  private static ResizePlan plan() {
    var bytes = new TreeMap<>(Map.of(N0, new TreeMap<>(Map.of(N1, 10L))));
    return new ResizePlan(
        new Change.Expand(List.of("")), SLOTS, new TreeMap<>(bytes), new TreeMap<>());
  }

  private static Object lost() {
    var file =
        new LostFile(
            new InodeId(5), 10 << 20, 1 << 20, new TreeSet<>(Set.of(3L)), List.of("/file"));
    return new LossReport(List.of(N0), List.of(file), verified()).json();
  }

  private static VerifyReport verified() {
    return new VerifyReport(
        1,
        2,
        3,
        4,
        List.of("a name without an inode"),
        1,
        List.of(new Mend.RemovePartition(new InodeId(5), 1)),
        List.of("node n1"),
        List.of(new NodeId(2)),
        List.of("a note"),
        5,
        1500);
  }

  private static ControlState running() {
    var owners = new short[SlotId.COUNT];
    return state(
        new Rebalance(
            1, Rebalance.Kind.EXPAND, owners, owners, true, "by command", 0, 2, 10, 5, 30, 20, 0));
  }

  private static ControlState over() {
    return state(null);
  }

  private static ControlState state(@Nullable Rebalance running) {
    ControlState initial = ControlState.initial(ClusterMap.initial(List.of(NODE)));
    return new ControlState(
        1,
        new Membership(initial.map(), running, FINISHED),
        initial.voterSet(),
        initial.policies());
  }

  private static Listed listed() {
    return new Listed(
        RULE, new LinkedHashMap<>(Map.of("job 42", new RuleFigures(RULE.key(), "42", 1, 2, 3, 4))));
  }

  private static JobStatistics statistics() {
    return new JobStatistics(
        "42",
        "",
        new TreeSet<>(Set.of("1")),
        new TreeSet<>(Set.of(1000)),
        Duration.ofMillis(1500),
        List.of(new KindFigures("create", 1, 0, 0, 0, 0), new KindFigures("read", 1, 0, 10, 1, 1)),
        List.of(new RuleWaits(RULE.key(), 1, 1_500_000_000)));
  }

  private static Value value() {
    return new Value(Setting.LOG_LEVEL, "info", Origin.DIRECTORY, "/out");
  }
}
