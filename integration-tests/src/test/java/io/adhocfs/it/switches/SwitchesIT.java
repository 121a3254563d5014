package io.adhocfs.it.switches;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.InstanceSwitches;
import io.adhocfs.malleability.InstanceSwitches.Origin;
import io.adhocfs.malleability.InstanceSwitches.Value;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.settings.Profile;
import io.adhocfs.protocol.settings.Setting;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Switches that are set while programs use an instance, for all of it and for directories.
 *
 * <p>Long, since all of it goes by one instance, which takes longer to start than most of it.
 */
@Timeout(300)
class SwitchesIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final long LOOK_NANOS = 20_000_000;

  private static TestInstance instance;
  private static Path mount;
  private static int tests;

  /** Of one test; in the instance it is called {@link #name}. */
  private Path directory = Path.of("");

  private String name = "";

  @BeforeAll
  static void bringUp() throws Exception {
    instance = TestInstance.up(3, "--set", "inline.max=8KiB");
    mount = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    instance.close();
  }

  @BeforeEach
  void begin() throws Exception {
    name = "/t" + ++tests;
    directory = Files.createDirectory(mount.resolve(name.substring(1)));
  }

  @AfterEach
  void end() throws Exception {
    config("unset", "--all").expectSuccess();
    instance.verify();
  }

  private static Commands.Result config(String... arguments) throws Exception {
    String[] words = new String[arguments.length + 1];
    words[0] = "config";
    System.arraycopy(arguments, 0, words, 1, arguments.length);
    return instance.adhocfs(words);
  }

  private static FileLayout layout(String path) throws Exception {
    try (AdhocFileSystem files = AdhocFileSystem.open(instance.described())) {
      return files.stat(AdhocPath.ofText(path)).layout();
    }
  }

  private static ClusterMap map() throws Exception {
    try (Controller controller = Controller.open(instance.described())) {
      return controller.state().map();
    }
  }

  /** Waits until a file that is made now is as it should be. */
  private void untilMade(String in, int chunkSizeBytes, boolean inline) throws Exception {
    Waiting.until(
        "a file in %s with chunks of %d bytes".formatted(in, chunkSizeBytes),
        PATIENCE,
        LOOK_NANOS,
        () -> {
          Path file = Files.createTempFile(directory.resolve(in), "f", "");
          Files.writeString(file, "ten bytes.");
          FileLayout layout = layout(name + "/" + directory.relativize(file));
          return layout.chunkSizeBytes() == chunkSizeBytes && layout.inline() == inline;
        });
  }

  @Test
  void dataLiesOnAllNodesOrOnThatOfItsMaker() throws Exception {
    for (String each : List.of("wide-striping", "local-data-global-metadata")) {
      Files.createDirectory(directory.resolve(each));
      config("set", "--path", name + "/" + each, "--wait", "distribution=" + each).expectSuccess();
    }
    String here = name + "/local-data-global-metadata/f";
    Waiting.until(
        "the switch",
        PATIENCE,
        LOOK_NANOS,
        () -> {
          Path file = directory.resolve("local-data-global-metadata/f");
          Files.deleteIfExists(file);
          Files.write(file, new byte[10 << 20]);
          return layout(here).slotStep() == 0;
        });
    Path wide = directory.resolve("wide-striping/f");
    Files.write(wide, new byte[10 << 20]);
    assertThat(layout(name + "/wide-striping/f").slotStep()).isEqualTo(1);
    // All files of one mount on one node; they go on from there when nodes come and go.
    Set<NodeId> owners = new HashSet<>();
    ClusterMap map = map();
    for (int i = 0; i < 20; i++) {
      Files.write(directory.resolve("local-data-global-metadata/f" + i), new byte[100_000]);
      owners.add(map.owner(Placement.chunkSlot(layout(here + i), 0)));
    }
    assertThat(owners).hasSize(1);
    instance.adhocfs("expand", "--nodes", "1", "--wait").expectSuccess();
    instance.adhocfs("shrink", "--nodes", "1", "--wait").expectSuccess();
    assertThat(Files.mismatch(directory.resolve("local-data-global-metadata/f"), wide))
        .isEqualTo(-1);
  }

  @Test
  void directoriesLieAnywhereOrOnTheNodeOfTheirMaker() throws Exception {
    for (String each : List.of("local-data-global-metadata", "local")) {
      Files.createDirectory(directory.resolve(each));
      config("set", "--path", name + "/" + each, "--wait", "distribution=" + each).expectSuccess();
    }
    ClusterMap map = map();
    try (AdhocFileSystem files = AdhocFileSystem.open(instance.described())) {
      Waiting.until(
          "the switch", PATIENCE, LOOK_NANOS, () -> ownersOfTrees("local", files, map).size() == 1);
      // The mount offers its slot there too.
      assertThat(ownersOfTrees("local-data-global-metadata", files, map)).hasSizeGreaterThan(1);
      assertThat(ownersOfTrees(".", files, map)).hasSizeGreaterThan(1);
    }
  }

  /** Makes ten trees in a directory; on which nodes their directories, files and bytes lie. */
  private Set<NodeId> ownersOfTrees(String in, AdhocFileSystem files, ClusterMap map)
      throws Exception {
    Set<NodeId> owners = new HashSet<>();
    for (int i = 0; i < 10; i++) {
      Path tree = Files.createTempDirectory(directory.resolve(in), "tree");
      Path deep = Files.createDirectory(tree.resolve("deep"));
      Path file = Files.write(deep.resolve("f"), new byte[100_000]);
      for (Path each : List.of(tree, deep, file)) {
        FileAttributes attributes =
            files.stat(AdhocPath.ofText(name + "/" + directory.relativize(each)));
        owners.add(map.owner(attributes.id().slot()));
        if (!attributes.isDirectory()) {
          owners.add(map.owner(Placement.chunkSlot(attributes.layout(), 0)));
        }
      }
    }
    return owners;
  }

  /** How many requests of a kind all daemons together have answered. */
  private static long requests(String kind) throws Exception {
    Matcher ports =
        Pattern.compile("\"metrics_port\"\\s*:\\s*(\\d+)")
            .matcher(instance.adhocfs("status", "--json").expectSuccess().output());
    long sum = 0;
    int daemons = 0;
    try (HttpClient http = HttpClient.newHttpClient()) {
      while (ports.find()) {
        daemons++;
        String metrics =
            http.send(
                    HttpRequest.newBuilder(
                            URI.create("http://127.0.0.1:" + ports.group(1) + "/metrics"))
                        .build(),
                    HttpResponse.BodyHandlers.ofString())
                .body();
        Matcher count =
            Pattern.compile(
                    "adhocfs_operation_seconds_count\\{[^}]*operation=\"%s\"[^}]*\\} ([0-9.E]+)"
                        .formatted(kind))
                .matcher(metrics);
        while (count.find()) {
          sum += (long) Double.parseDouble(count.group(1));
        }
      }
    }
    assertThat(daemons).isEqualTo(3);
    return sum;
  }

  @Test
  void filesAreLaidOutAsTheDirectorySaysThatTheyAreMadeIn() throws Exception {
    Files.createDirectories(directory.resolve("out/deep"));
    Files.createDirectory(directory.resolve("other"));
    Files.writeString(directory.resolve("out/old"), "old");
    config("set", "--path", name + "/out", "--wait", "chunk.size=64KiB", "inline.max=0")
        .expectSuccess();
    untilMade("out", 64 << 10, false);
    // Taken in by the walk.
    untilMade("out/deep", 64 << 10, false);
    Path made = Files.createDirectory(directory.resolve("out/made"));
    Files.writeString(made.resolve("f"), "x".repeat(200_000));
    assertThat(layout(name + "/out/made/f").chunkSizeBytes()).isEqualTo(64 << 10);
    assertThat(Files.readString(made.resolve("f"))).hasSize(200_000);
    untilMade("other", 512 << 10, true);
    // What is there keeps its form and its bytes.
    assertThat(layout(name + "/out/old").inline()).isTrue();
    Files.writeString(directory.resolve("out/old"), " and longer", StandardOpenOption.APPEND);
    assertThat(directory.resolve("out/old")).hasContent("old and longer");

    // A directory within says otherwise of one switch, and has the other from without.
    config("set", "--path", name + "/out/deep", "--wait", "inline.max=4KiB").expectSuccess();
    untilMade("out/deep", 64 << 10, true);
    config("unset", "--path", name + "/out", "--all").expectSuccess();
    untilMade("out", 512 << 10, true);
    untilMade("out/deep", 512 << 10, true);
  }

  @Test
  void fsyncDoesWhatItPromisesAndNoMore() throws Exception {
    for (String each : List.of("none", "process", "disk")) {
      Files.createDirectory(directory.resolve(each));
      config("set", "--path", name + "/" + each, "--wait", "fsync=" + each).expectSuccess();
    }
    Waiting.until("the switches", PATIENCE, LOOK_NANOS, () -> synced("disk").nodes() > 0);
    Synced none = synced("none");
    assertThat(none.nodes()).isZero();
    Synced process = synced("process");
    assertThat(process.nodes()).isZero();
    assertThat(process.reports()).isGreaterThanOrEqualTo(10);
    // By the timer, which tells each second.
    assertThat(none.reports()).isLessThan(10);
  }

  /**
   * What ten calls of fsync, each after a write, have led to.
   *
   * @param nodes how often a node was told to sync an inode
   * @param reports how often an inode's owner was told the time of a write
   */
  private record Synced(long nodes, long reports) {}

  private Synced synced(String in) throws Exception {
    Path file = directory.resolve(in).resolve("f");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(100_000), 0);
      channel.force(true);
      // What the first write owes is told within a second, and nothing shows that none is owed.
      Thread.sleep(1500);
      long nodes = requests("sync_inode");
      long reports = requests("report_write");
      for (int i = 0; i < 10; i++) {
        channel.write(ByteBuffer.allocate(10), i);
        channel.force(true);
      }
      return new Synced(requests("sync_inode") - nodes, requests("report_write") - reports);
    }
  }

  @Test
  void sizesAreToldAtEachWriteOrAtTheEnd() throws Exception {
    Path there = instance.mount().resolve(name.substring(1));
    for (String each : List.of("at-write", "at-close")) {
      Files.createDirectory(directory.resolve(each));
      config("set", "--path", name + "/" + each, "--wait", "size-updates=" + each).expectSuccess();
    }
    Waiting.until("the switch", PATIENCE, LOOK_NANOS, () -> grow("at-close", there) <= 20);
    assertThat(grow("at-write", there)).isGreaterThanOrEqualTo(100);
  }

  /**
   * Has a file grow by a hundred writes, and compares what both mounts say of it.
   *
   * @return how often the file's owner was told of a size
   */
  private long grow(String in, Path there) throws Exception {
    long before = requests("report_write");
    Path file = Files.createTempFile(directory.resolve(in), "f", "");
    Path elsewhere = there.resolve(in).resolve(file.getFileName());
    long told;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      for (int i = 0; i < 100; i++) {
        channel.write(ByteBuffer.allocate(10_000));
        if (in.equals("at-write")) {
          assertThat(Files.size(elsewhere)).isEqualTo(10_000L * (i + 1));
        }
      }
      told = requests("report_write") - before;
      // This mount knows in any case, and by being asked tells the others.
      assertThat(Files.size(file)).isEqualTo(1_000_000);
      assertThat(Files.size(elsewhere)).isEqualTo(1_000_000);
      channel.write(ByteBuffer.allocate(10_000));
      assertThat(channel.size()).isEqualTo(1_010_000);
      channel.truncate(1_005_000);
      channel.write(ByteBuffer.allocate(95_000), 1_005_000);
      Waiting.until(
          "the size elsewhere", PATIENCE, LOOK_NANOS, () -> Files.size(elsewhere) == 1_100_000);
      channel.write(ByteBuffer.wrap("the end".getBytes(US_ASCII)), 2_000_000);
    }
    assertThat(Files.size(elsewhere)).isEqualTo(2_000_007);
    assertThat(Files.readString(elsewhere)).endsWith("\0the end");
    return told;
  }

  @Test
  void writesGoOutOneByOneOrTogether() throws Exception {
    Path there = instance.mount().resolve(name.substring(1));
    for (String each : List.of("through", "behind")) {
      Files.createDirectory(directory.resolve(each));
      config("set", "--path", name + "/" + each, "--wait", "writes=" + each).expectSuccess();
    }
    Waiting.until("the switch", PATIENCE, LOOK_NANOS, () -> smallWrites("behind", there) <= 10);
    // The first ones lie with the metadata.
    assertThat(smallWrites("through", there)).isGreaterThanOrEqualTo(90);
  }

  /**
   * Has a file grow by a hundred small writes, and compares what both mounts say of it.
   *
   * @return how often daemons were told to write
   */
  private long smallWrites(String in, Path there) throws Exception {
    long before = requests("write_chunks");
    Path file = Files.createTempFile(directory.resolve(in), "f", "");
    Path elsewhere = there.resolve(in).resolve(file.getFileName());
    var expected = new byte[100_000];
    long sent;
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      for (int i = 0; i < 100; i++) {
        Arrays.fill(expected, i * 1000, (i + 1) * 1000, (byte) (i + 1));
        channel.write(ByteBuffer.wrap(expected, i * 1000, 1000));
      }
      sent = requests("write_chunks") - before;
      // This mount knows of them in any case.
      var now = ByteBuffer.allocate(1000);
      channel.read(now, 99_000);
      assertThat(now.array()).containsOnly(100);
      assertThat(Files.size(file)).isEqualTo(100_000);
      assertThat(Files.size(elsewhere)).isEqualTo(100_000);
      channel.write(ByteBuffer.wrap(new byte[1000]), 0);
      Arrays.fill(expected, 0, 1000, (byte) 0);
      Waiting.until(
          "the bytes elsewhere",
          PATIENCE,
          LOOK_NANOS,
          () -> Arrays.equals(Files.readAllBytes(elsewhere), expected));
      channel.write(ByteBuffer.wrap("the end".getBytes(US_ASCII)), 200_000);
    }
    assertThat(Files.size(elsewhere)).isEqualTo(200_007);
    assertThat(Files.readString(elsewhere)).endsWith("\0the end");
    return sent;
  }

  @Test
  void whatFsyncHasReturnedForOutlivesItsMount() throws Exception {
    try (TestInstance other = TestInstance.up(2, "--set", "access=write-only")) {
      Path mount = other.mount();
      var expected = new byte[300_000];
      new Random(11).nextBytes(expected);
      FileChannel channel =
          FileChannel.open(
              mount.resolve("f"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      for (int i = 0; i < 200_000; i += 1000) {
        channel.write(ByteBuffer.wrap(expected, i, 1000));
      }
      channel.force(false);
      Files.write(mount.resolve("closed"), Arrays.copyOf(expected, 1000));
      for (int i = 200_000; i < 300_000; i += 1000) {
        channel.write(ByteBuffer.wrap(expected, i, 1000));
      }
      other.killMount(mount);
      assertThatThrownBy(() -> channel.write(ByteBuffer.allocate(10)))
          .isInstanceOf(IOException.class);
      // Its mount is not there to be told.
      assertThatThrownBy(channel::close).isInstanceOf(IOException.class);
      Path there = other.mount();
      byte[] left = Files.readAllBytes(there.resolve("f"));
      assertThat(left).hasSizeBetween(200_000, 300_000);
      assertThat(left).isEqualTo(Arrays.copyOf(expected, left.length));
      assertThat(Files.readAllBytes(there.resolve("closed")))
          .isEqualTo(Arrays.copyOf(expected, 1000));
      other.verify();
    }
  }

  @Test
  void bytesThatCouldNotBeStoredAreToldOfAtTheEnd() throws Exception {
    try (TestInstance other =
        TestInstance.up(1, "--set", "writes=behind", "--set", "client.deadline=2s")) {
      Path mount = other.mount();
      Path file = mount.resolve("f");
      Files.write(file, new byte[100_000]);
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.write(ByteBuffer.allocate(10_000), 0);
        channel.force(false);
        other.killDaemon(0);
        channel.write(ByteBuffer.allocate(10_000), 10_000);
        assertThatThrownBy(() -> channel.force(false)).isInstanceOf(IOException.class);
        other.adhocfs("start").expectSuccess();
        // It is told once.
        channel.force(false);
        channel.write(ByteBuffer.wrap("the end".getBytes(US_ASCII)), 100_000);
      }
      assertThat(Files.readString(other.mount().resolve("f"))).endsWith("the end");
      other.verify();
    }
  }

  @Test
  void aSizeThatCouldNotBeToldIsToldWhenItsOwnerIsBack() throws Exception {
    try (TestInstance other =
        TestInstance.up(1, "--set", "size-updates=at-close", "--set", "client.deadline=2s")) {
      Path here = other.mount().resolve("f");
      try (FileChannel channel =
          FileChannel.open(here, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        channel.write(ByteBuffer.allocate(100_000));
        channel.write(ByteBuffer.wrap("the end".getBytes(US_ASCII)));
        other.killDaemon(0);
        // Longer than anybody tries: what it does after that is the subject.
        Thread.sleep(4000);
        other.adhocfs("start").expectSuccess();
        Path there = other.mount().resolve("f");
        Waiting.until("the size", PATIENCE, LOOK_NANOS, () -> Files.size(there) == 100_007);
        assertThat(Files.readString(there)).endsWith("\0the end");
      }
      other.verify();
    }
  }

  @Test
  void accessTimesMoveWhereTheyAreWanted() throws Exception {
    Files.createDirectory(directory.resolve("kept"));
    config("set", "--path", name + "/kept", "--wait", "atime=relatime").expectSuccess();
    Waiting.until("an access time that moves", PATIENCE, LOOK_NANOS, () -> movesByReading("kept"));
    assertThat(movesByReading(".")).isFalse();
    config("set", "atime=relatime").expectSuccess();
    Waiting.until("another that moves", PATIENCE, LOOK_NANOS, () -> movesByReading("."));
    config("set", "--path", name + "/kept", "atime=off").expectSuccess();
    Waiting.until("one that stays", PATIENCE, LOOK_NANOS, () -> !movesByReading("kept"));
    assertThat(movesByReading(".")).isTrue();
  }

  private boolean movesByReading(String in) throws Exception {
    Path file = Files.createTempFile(directory.resolve(in), "f", "");
    Files.writeString(file, "something");
    FileTime before = accessed(file);
    // A time of now is another one then.
    Thread.sleep(10);
    assertThat(file).hasContent("something");
    return !accessed(file).equals(before);
  }

  private static FileTime accessed(Path file) throws Exception {
    return Files.readAttributes(file, BasicFileAttributes.class).lastAccessTime();
  }

  @ParameterizedTest
  @ValueSource(strings = {"cache=cached cache.timeout=1h", "access=read-only"})
  void oneDirectoryIsCachedAndItsNeighbourIsNot(String switches) throws Exception {
    Path there = instance.mount().resolve(name.substring(1));
    Files.createDirectory(directory.resolve("cached"));
    Files.writeString(directory.resolve("strict"), "1");
    List<String> command = new ArrayList<>(List.of("set", "--path", name + "/cached", "--wait"));
    command.addAll(List.of(switches.split(" ")));
    config(command.toArray(String[]::new)).expectSuccess();
    assertThat(config("list", "--path", name + "/cached").expectSuccess().output())
        .contains("cache=cached", "cache.timeout=1h");
    Waiting.until(
        "a size that is old there",
        PATIENCE,
        LOOK_NANOS,
        () -> {
          Path here = Files.createTempFile(directory.resolve("cached"), "f", "");
          Path elsewhere = there.resolve("cached").resolve(here.getFileName());
          assertThat(Files.size(elsewhere)).isZero();
          Files.writeString(here, "new");
          assertThat(Files.size(here)).isEqualTo(3);
          return Files.size(elsewhere) == 0;
        });
    for (int i = 2; i < 20; i++) {
      Files.writeString(directory.resolve("strict"), "x".repeat(i));
      assertThat(Files.size(there.resolve("strict"))).isEqualTo(i);
    }
  }

  @Test
  void switchesSurviveDaemonsAndReachNewOnes() throws Exception {
    config("set", "--path", name, "--wait", "chunk.size=128KiB").expectSuccess();
    config("set", "fsync=disk").expectSuccess();
    for (int node = 0; node < 3; node++) {
      instance.killDaemon(node);
    }
    instance.adhocfs("start").expectSuccess();
    untilMade(".", 128 << 10, true);
    instance.adhocfs("expand", "--nodes", "1", "--wait").expectSuccess();
    for (int i = 0; i < 40; i++) {
      // A directory lies anywhere, and its files with it.
      Path made = Files.createDirectory(directory.resolve("d" + i));
      Files.writeString(made.resolve("f"), "f");
      assertThat(layout(name + "/d" + i + "/f").chunkSizeBytes()).isEqualTo(128 << 10);
    }
    assertThat(config("list", "--path", name).expectSuccess().output())
        .contains("chunk.size=128KiB", "set for " + name, "fsync=disk", "set later");
    instance.adhocfs("shrink", "--nodes", "1", "--wait").expectSuccess();
    config("unset", "--path", name, "chunk.size").expectSuccess();
    untilMade(".", 512 << 10, true);
  }

  @Test
  void nodesComeAndGoWhileSwitchesAreSet() throws Exception {
    var ended = new AtomicBoolean();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        Controller controller = Controller.open(instance.described())) {
      InstanceSwitches switches = controller.switches();
      Future<Integer> setting =
          threads.submit(() -> {
            int changes = 0;
            for (; !ended.get(); changes++) {
              switches.set(null, Map.of(Setting.CACHE_TIMEOUT, (1 + changes % 2) + "s"));
              // A pace, not a wait.
              Thread.sleep(20);
            }
            return changes;
          });
      try {
        instance.adhocfs("expand", "--nodes", "1", "--wait").expectSuccess();
        instance.adhocfs("shrink", "--nodes", "1", "--wait").expectSuccess();
      } finally {
        ended.set(true);
      }
      assertThat(setting.get()).isGreaterThan(10);
    }
  }

  @Test
  void aProgramReadsAndSetsThemToo() throws Exception {
    try (Controller controller = Controller.open(instance.described())) {
      InstanceSwitches switches = controller.switches();
      var dataset = controller.datasets().of(name);
      switches.set(dataset, Profile.CHECKPOINT.settings());
      switches.set(null, Map.of(Setting.ATIME, "relatime"));
      controller.datasets().walk(dataset, seen -> {});
      assertThat(value(switches, Setting.SIZE_UPDATES))
          .isEqualTo(new Value(Setting.SIZE_UPDATES, "at-close", Origin.DIRECTORY, name));
      // A profile says a value for every switch.
      assertThat(value(switches, Setting.ATIME))
          .isEqualTo(new Value(Setting.ATIME, "off", Origin.DIRECTORY, name));
      switches.unset(dataset, List.of(Setting.ATIME));
      assertThat(value(switches, Setting.ATIME).origin()).isEqualTo(Origin.SET);
      assertThat(value(switches, Setting.LOCKS).origin()).isEqualTo(Origin.DEFAULT);
      switches.unset(dataset, Setting.switches());
      assertThat(value(switches, Setting.INLINE_MAX))
          .isEqualTo(new Value(Setting.INLINE_MAX, "8KiB", Origin.GIVEN, ""));
    }
  }

  private Value value(InstanceSwitches switches, Setting setting) {
    return Objects.requireNonNull(
        switches.values(name).stream()
            .filter(value -> value.setting() == setting)
            .findFirst()
            .orElse(null));
  }

  private String shell(String script) throws Exception {
    return instance.bash(directory, script).strip();
  }

  /** What the mount says of a switch. */
  private String attribute(String key, String of) throws Exception {
    return shell(
        "getfattr --absolute-names -n user.adhocfs.%s --only-values %s".formatted(key, of));
  }

  private void setAttribute(String key, String value, String of) throws Exception {
    shell("setfattr -n user.adhocfs.%s -v %s %s".formatted(key, value, of));
  }

  private void untilTakenIn(String path) throws Exception {
    Waiting.until(
        "the walk of " + path,
        PATIENCE,
        LOOK_NANOS,
        () -> {
          try (Controller controller = Controller.open(instance.described())) {
            return controller.datasets().list().stream()
                .anyMatch(dataset -> dataset.path().equals(path) && dataset.complete());
          }
        });
  }

  @Test
  void extendedAttributesOfDirectoriesAreSwitches() throws Exception {
    shell("mkdir -p out/deep other; echo old > out/deep/old; ln out/deep/old out/too");
    setAttribute("chunk.size", "64KiB", "out");
    setAttribute("inline.max", "0", "out");
    untilTakenIn(name + "/out");
    untilMade("out", 64 << 10, false);
    untilMade("out/deep", 64 << 10, false);
    untilMade("other", 512 << 10, true);
    assertThat(config("list", "--path", name + "/out/deep").expectSuccess().output())
        .contains("chunk.size=64KiB", "inline.max=0", "set for " + name + "/out\n");
    assertThat(attribute("chunk.size", "out")).isEqualTo("64KiB");
    assertThat(attribute("chunk.size", "out/deep")).isEqualTo("64KiB");
    assertThat(attribute("chunk.size", "out/deep/old")).isEqualTo("64KiB");
    assertThat(attribute("chunk.size", "other")).isEqualTo("512KiB");
    assertThat(attribute("inline.max", "other")).isEqualTo("8KiB");

    // A directory within has its own, and the rest from without.
    setAttribute("chunk.size", "128KiB", "out/deep");
    untilTakenIn(name + "/out/deep");
    untilMade("out/deep", 128 << 10, false);
    assertThat(attribute("chunk.size", "out/deep/old")).isEqualTo("128KiB");
    assertThat(attribute("inline.max", "out/deep")).isEqualTo("0");
    shell("setfattr -x user.adhocfs.chunk.size out/deep");
    assertThat(attribute("chunk.size", "out/deep")).isEqualTo("64KiB");
    untilMade("out/deep", 64 << 10, false);

    // They stay with a directory that is renamed.
    shell("mv out moved");
    assertThat(attribute("chunk.size", "moved")).isEqualTo("64KiB");
    setAttribute("chunk.size", "32KiB", "moved");
    untilMade("moved", 32 << 10, false);
    shell("for key in chunk.size inline.max; do setfattr -x user.adhocfs.$key moved; done");
    untilMade("moved", 512 << 10, true);
  }

  @Test
  void theRootOfAMountIsTheWholeInstance() throws Exception {
    setAttribute("fsync", "none", mount.toString());
    assertThat(config("list").expectSuccess().output()).contains("fsync=none", "set later");
    assertThat(attribute("fsync", ".")).isEqualTo("none");
    shell("setfattr -x user.adhocfs.fsync " + mount);
    assertThat(attribute("fsync", mount.toString())).isEqualTo("process");

    setAttribute("profile", "checkpoint", ".");
    assertThat(attribute("chunk.size", ".")).isEqualTo("1MiB");
    assertThat(attribute("size-updates", ".")).isEqualTo("at-close");
    assertThat(config("list", "--path", name).expectSuccess().output())
        .contains(
            "size-updates=at-close    # one of at-write, at-close; default at-write; set for");
  }

  @Test
  void copiesOfDirectoriesHaveNoSwitches() throws Exception {
    shell("mkdir out; setfattr -n user.own -v kept out");
    setAttribute("chunk.size", "64KiB", "out");
    assertThat(shell("getfattr -d -m - out")).contains("user.own").doesNotContain("adhocfs");
    shell("cp -a out copied; rsync -aX out/ synced; tar --xattrs -c out | tar --xattrs -xC ..");
    for (String copy : List.of("copied", "synced", "../out")) {
      assertThat(shell("getfattr -n user.own --only-values " + copy)).isEqualTo("kept");
      assertThat(attribute("chunk.size", copy)).as(copy).isEqualTo("512KiB");
    }
  }

  @Test
  void attributesThatAreNoneSayWhyAndChangeNothing() throws Exception {
    shell("mkdir -m 0777 out; touch out/file");
    setAttribute("fsync", "disk", "out");
    String set = "setfattr -n user.adhocfs.";
    String remove = "setfattr -x user.adhocfs.";
    String get = "getfattr -n user.adhocfs.";
    String somebodyElse = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
    String call = "python3 -c 'import os; os.setxattr(\"out\", \"user.adhocfs.%s\", b\"%s\", %d)'";
    List<List<String>> wrong =
        List.of(
            List.of(set + "chunk.size -v 3MiB out", "Invalid argument"),
            List.of(set + "profile -v fast out", "Invalid argument"),
            List.of(set + "fsyc -v disk out", "Operation not supported"),
            List.of(set + "locks -v local out", "Operation not supported"),
            List.of(set + "fsync -v none out/file", "Operation not supported"),
            List.of(call.formatted("fsync", "none", 1), "File exists"),
            List.of(call.formatted("atime", "relatime", 2), "No data available"),
            List.of(remove + "atime out", "No such attribute"),
            List.of(remove + "profile out", "No such attribute"),
            List.of(remove + "fsync out/file", "No such attribute"),
            List.of(remove + "fsync .", "No such attribute"),
            List.of(get + "profile out", "No such attribute"),
            List.of(get + "locks out", "No such attribute"),
            List.of(somebodyElse + set + "fsync -v none out", "Operation not permitted"),
            List.of(somebodyElse + remove + "fsync out", "Operation not permitted"));
    for (List<String> each : wrong) {
      assertThat(shell("if " + each.get(0) + " 2>&1; then echo done; fi"))
          .as(each.get(0))
          .contains(each.get(1))
          .doesNotContain("done");
    }
    assertThat(shell(somebodyElse + get + "fsync --only-values out")).isEqualTo("disk");
    try (Controller controller = Controller.open(instance.described())) {
      assertThat(controller.switches().values(name + "/out"))
          .filteredOn(value -> value.origin() == Origin.DIRECTORY)
          .containsExactly(new Value(Setting.FSYNC, "disk", Origin.DIRECTORY, name + "/out"));
    }
    // At most one warning in a second.
    Waiting.until(
        "the log's word",
        PATIENCE,
        LOOK_NANOS,
        () ->
            instance
                .bash(
                    instance.home(),
                    """
                    ! setfattr -n user.adhocfs.fsyc -v disk %s/out 2>/dev/null
                    grep -rh --include='*.log' 'WARN.*NOT_SUPPORTED' . || true
                    """
                        .formatted(directory))
                .contains("fsyc is not a switch; switches: chunk.size"));
    // The modes of the call do what they are for, too.
    shell(call.formatted("fsync", "none", 2));
    // With a newline, as a shell's echo leaves one.
    shell(call.formatted("atime", "relatime\\n", 1));
    assertThat(attribute("atime", "out")).isEqualTo("relatime");
    assertThat(attribute("fsync", "out/file")).isEqualTo("none");
  }

  @Test
  void wrongWordsSayWhatIsRightAndChangeNothing() throws Exception {
    Map<List<String>, String> wrong =
        Map.of(
            List.of("set"), "KEY=VALUE",
            List.of("set", "fsync"), "key=value",
            List.of("set", "fsync=disk", "fsyc=disk"), "no setting 'fsyc'; switches: chunk.size",
            List.of("set", "fsync=disk", "chunk.size=3MiB"), "power of two",
            List.of("set", "fsync=disk", "locks=local"), "only be given to 'adhocfs up'",
            List.of("set", "profile=fast"), "posix, checkpoint, scratch, read-only-dataset",
            List.of("set", "--path", "/", "fsync=disk"), "below the root",
            List.of("set", "--wait", "fsync=disk"), "--path",
            List.of("unset"), "--all",
            List.of("unset", "--path", name, "--all"), "nothing has been set for this directory");
    for (Map.Entry<List<String>, String> each : wrong.entrySet()) {
      Commands.Result result = config(each.getKey().toArray(String[]::new));
      assertThat(result.exitCode()).as(each.getKey().toString()).isEqualTo(2);
      assertThat(result.output()).contains(each.getValue());
    }
    Commands.Result missing = config("set", "--path", name + "/no", "fsync=disk");
    assertThat(missing.exitCode()).isEqualTo(1);
    assertThat(missing.output()).contains(name + "/no");
    assertThat(config("list", "--json").expectSuccess().output())
        .contains("\"switch\" : true")
        .doesNotContain("\"origin\" : \"set\"");
  }
}
