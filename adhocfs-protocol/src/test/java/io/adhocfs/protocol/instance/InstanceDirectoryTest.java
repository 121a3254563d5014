package io.adhocfs.protocol.instance;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstanceDirectoryTest {
  @TempDir private Path temporary;

  private static InstanceDescription example(String name) {
    var secret = new byte[32];
    Arrays.fill(secret, (byte) 0xAB);
    return new InstanceDescription(
        new Instance(
            name,
            "0123456789abcdef0123456789abcdef",
            secret,
            new Settings(Map.of("chunk.size", "1MiB")),
            List.of(
                new Node(new NodeId(0), "127.0.0.1", 4000, "/x/socket", 1, NodeState.ACTIVE),
                new Node(new NodeId(3), "cn3", 4001, "", 7, NodeState.ACTIVE))),
        List.of(
            new Place(new NodeId(0), "", "/data/node-0"),
            new Place(new NodeId(3), "me@cn3", "/data/node-3")),
        Instant.parse("2026-01-02T03:04:05.678Z"));
  }

  private InstanceDirectory directory() {
    return new InstanceDirectory(temporary.resolve("home"));
  }

  @Test
  void readsWhatWasWritten() throws Exception {
    InstanceDescription written = example("a");
    directory().create(written);
    InstanceDescription read = directory().read("a");
    assertThat(read.version()).isEqualTo(1);
    assertThat(read.withVersion(0).toJson()).isEqualTo(written.toJson());
    assertThat(read.instance().nodes()).isEqualTo(written.instance().nodes());
    assertThat(read.places()).isEqualTo(written.places());
    assertThat(read.instance().secret()).isEqualTo(written.instance().secret());
    assertThat(directory().names()).containsExactly("a");
  }

  @Test
  void nobodyElseMayReadSecrets() throws Exception {
    directory().create(example("a"));
    directory().update(example("a"), written -> written.withNodes(List.of()));
    Path home = directory().path("a");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home)))
        .isEqualTo("rwx------");
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(home.resolve("instance.2.json"))))
        .isEqualTo("rw-------");
    assertThat(example("a").toString()).doesNotContain("abab");
    assertThat(example("a").instance().toString()).doesNotContain("abab");
  }

  @Test
  void aNameIsTakenOnce() throws Exception {
    directory().create(example("a"));
    assertThatThrownBy(() -> directory().create(example("a")))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.EXISTS));
    directory().remove("a");
    directory().remove("a");
    assertThat(directory().names()).isEmpty();
    directory().create(example("a"));
  }

  @Test
  void whatACreationThatWasKilledLeftIsReplaced() throws Exception {
    Files.createDirectories(directory().path("a").resolve("mounts"));
    assertThat(directory().names()).isEmpty();
    directory().create(example("a"));
    assertThat(directory().names()).containsExactly("a");
  }

  @Test
  void damageAndOtherVersionsAreToldApart() throws Exception {
    directory().create(example("a"));
    Path file = directory().path("a").resolve("instance.1.json");
    String text = Files.readString(file);
    assertError(file, text.substring(0, text.length() / 2), FsError.CORRUPT);
    assertError(file, "[]", FsError.CORRUPT);
    assertError(file, text.replace("\"port\" : 4000", "\"port\" : 400000"), FsError.CORRUPT);
    assertError(file, text.replace("\"secret\"", "\"secrets\""), FsError.CORRUPT);
    assertError(file, text.replace("abab", "xyab"), FsError.CORRUPT);
    assertError(file, text.replace("1MiB", "3MiB"), FsError.CORRUPT);
    assertError(file, text.replace("\"format\" : 2", "\"format\" : 3"), FsError.UNKNOWN_MESSAGE);
  }

  private void assertError(Path file, String text, FsError error) throws Exception {
    Files.writeString(file, text);
    assertThatThrownBy(() -> directory().read("a"))
        .as(text)
        .isInstanceOfSatisfying(
            FsException.class,
            e -> {
              assertThat(e.error()).isEqualTo(error);
              assertThat(e.getMessage()).contains(file.toString());
            });
  }

  @Test
  void changesByManyAtOnceAreAllKept() throws Exception {
    int writers = 8;
    int changes = 25;
    directory().create(example("a"));
    try (ExecutorService threads = Executors.newFixedThreadPool(writers)) {
      List<Future<?>> running = new ArrayList<>();
      for (int writer = 0; writer < writers; writer++) {
        int first = 100 + writer * changes;
        running.add(
            threads.submit(() -> {
              for (int change = 0; change < changes; change++) {
                var place = new Place(new NodeId(first + change), "", "/data/" + first + change);
                InstanceDescription now =
                    directory().update(example("a"), written -> written.withPlaces(List.of(place)));
                assertThat(now.place(place.id())).isEqualTo(place);
                assertThat(directory().read("a").place(place.id())).isEqualTo(place);
              }
              return null;
            }));
      }
      for (Future<?> each : running) {
        each.get();
      }
    }
    InstanceDescription last = directory().read("a");
    assertThat(last.version()).isEqualTo(1 + writers * changes);
    assertThat(last.places()).hasSize(2 + writers * changes);
    try (Stream<Path> files = Files.list(directory().path("a"))) {
      assertThat(files).as("old versions go, and nothing unfinished stays").hasSizeLessThan(12);
    }
  }

  @Test
  void aChangeThatChangesNothingIsNotWritten() throws Exception {
    directory().create(example("a"));
    directory().update(example("a"), written -> written.withPlaces(example("a").places()));
    assertThat(directory().read("a").version()).isEqualTo(1);
  }

  @Test
  void anotherInstanceOfTheSameNameIsNotChanged() throws Exception {
    directory().create(example("a"));
    var another =
        new InstanceDescription(
            new Instance(
                "a", "ffffffffffffffffffffffffffffffff", new byte[32], Settings.DEFAULT, List.of()),
            example("a").places(),
            Instant.EPOCH);
    assertThatThrownBy(() -> directory().update(another, written -> written.without(List.of())))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.NOT_FOUND));
    directory().remove("a");
    assertThatThrownBy(() -> directory().update(another, written -> another))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.NOT_FOUND));
  }

  @Test
  void whatTheNodesHaveAgreedOnWinsAndTheNewestAddressCounts() {
    InstanceDescription written = example("a");
    ClusterMap map =
        ClusterMap.initial(
            List.of(
                new Node(new NodeId(0), "127.0.0.1", 4100, "/y", 2, NodeState.ACTIVE),
                new Node(new NodeId(3), "cn3", 4900, "", 6, NodeState.DRAINING),
                new Node(new NodeId(4), "cn4", 4400, "", 1, NodeState.JOINING),
                new Node(new NodeId(5), "cn5", 4500, "", 1, NodeState.GONE)));
    assertThat(written.agreeingWith(map).instance().nodes())
        .containsExactly(
            new Node(new NodeId(0), "127.0.0.1", 4100, "/y", 2, NodeState.ACTIVE),
            new Node(new NodeId(3), "cn3", 4001, "", 7, NodeState.ACTIVE),
            new Node(new NodeId(4), "cn4", 4400, "", 1, NodeState.ACTIVE));
  }

  @Test
  void theLastThatEndsForgetsTheInstance() throws Exception {
    directory().create(example("a"));
    var mount = new MountRecord("cn1", "cn1", 42, "/mnt", "direct", true, "/log");
    directory().putMount("a", mount);
    directory().putRemoved("a", new NodeId(0));
    directory().removeIfNothingIsLeft("a");
    assertThat(directory().names()).as("a node is left").containsExactly("a");
    directory().putRemoved("a", new NodeId(3));
    directory().removeIfNothingIsLeft("a");
    assertThat(directory().names()).as("a mount is left").containsExactly("a");
    directory().removeMount("a", mount);
    directory().takeBackRemoved("a", new NodeId(3));
    directory().removeIfNothingIsLeft("a");
    assertThat(directory().names()).as("a node was started again").containsExactly("a");
    directory().putRemoved("a", new NodeId(3));
    assertThat(directory().nameOf(example("a").instance().id())).contains("a");
    directory().removeIfNothingIsLeft("a");
    assertThat(directory().path("a")).doesNotExist();
    // What ends later has nothing to say any more, and makes nothing.
    directory().putRemoved("a", new NodeId(3));
    directory().removeIfNothingIsLeft("a");
    assertThat(directory().path("a")).doesNotExist();
  }

  @Test
  void mountsComeAndGo() throws Exception {
    directory().create(example("a"));
    var mount = new MountRecord("cn1", "", 42, "/mnt/\u00e4 b", "direct", true, "/log");
    directory().putMount("a", mount);
    directory().putMount("a", mount.withRemote("me@cn1"));
    assertThat(directory().mounts("a")).containsExactly(mount.withRemote("me@cn1"));
    var next = new MountRecord("cn1", "", 43, "/mnt/\u00e4 b", "jnr", false, "/log");
    directory().putMount("a", next);
    assertThat(directory().mounts("a"))
        .as("the mount of a process that died is replaced; its directory is still ours")
        .containsExactly(new MountRecord("cn1", "", 43, "/mnt/\u00e4 b", "jnr", true, "/log"));
    directory().removeMount("a", mount);
    directory().removeMount("a", next);
    directory().removeMount("a", next);
    assertThat(directory().mounts("a")).isEmpty();
    assertThatThrownBy(() -> MountRecord.parse("x", "{\"host\":\"a/b\"}"))
        .isInstanceOf(FsException.class);
  }

  @Test
  void refusesNamesThatAreNoDirectoryNames() {
    for (String name : new String[] {"", ".", "..", "a/b", "-a", "a b", "a".repeat(64)}) {
      assertThatThrownBy(() -> InstanceDescription.checkName(name))
          .as(name)
          .isInstanceOf(IllegalArgumentException.class);
    }
    InstanceDescription.checkName("a.B-c_9");
  }

  @Test
  void anInstanceThatNeverCameUpCanBeWrittenDown() throws Exception {
    directory().create(example("a").withNodes(List.of()));
    assertThat(directory().read("a").instance().nodes()).isEmpty();
    assertThat(new String(example("a").toJson(), UTF_8)).contains("\"places\"");
  }
}
