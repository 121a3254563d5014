package io.adhocfs.daemon;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.adhocfs.daemon.chunk.ChunkFormats;
import io.adhocfs.daemon.cluster.MapFormats;
import io.adhocfs.daemon.control.ControlFormats;
import io.adhocfs.daemon.locking.LockFormats;
import io.adhocfs.daemon.metadata.MetadataFormats;
import io.adhocfs.daemon.session.SessionFormats;
import io.adhocfs.daemon.transaction.TransactionFormats;
import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.fuzz.Fuzz;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What disks may bring back: records, files of a node, files of an instance. */
final class RecordsFuzzTest {
  private static final int INPUTS = 1_500;
  private static final String MAGIC = "a file of tests";

  @TempDir Path directory;

  private static InstanceDescription description(Random random) {
    List<ClusterMap.Node> nodes = new ArrayList<>();
    List<InstanceDescription.Place> places = new ArrayList<>();
    for (int id = 0; id <= random.nextInt(3); id++) {
      nodes.add(
          new ClusterMap.Node(
              new NodeId(id), "host" + id, 4000 + id, "", 1, ClusterMap.NodeState.ACTIVE));
      places.add(new InstanceDescription.Place(new NodeId(id), "", "/data/" + id));
    }
    Settings settings = new Settings(Map.of("chunk.size", "1MiB"));
    return new InstanceDescription(
        new Instance("name", "id", new byte[] {1, 2, 3}, settings, nodes),
        places,
        Instant.ofEpochSecond(random.nextInt(1_000_000)),
        random.nextInt(100));
  }

  private static Format<InstanceDescription> instances() {
    return new Format<>(
        "the file of an instance",
        RecordsFuzzTest::description,
        InstanceDescription::toJson,
        bytes -> InstanceDescription.parse("a file", bytes),
        EnumSet.of(FsError.CORRUPT, FsError.UNKNOWN_MESSAGE),
        false);
  }

  private static Format<MountRecord> mounts() {
    return new Format<>(
        "the file of a mount",
        random ->
            new MountRecord(
                "host", "", 1 + random.nextInt(1000), "/mnt", "direct", true, "/log-\u00e9"),
        record -> record.toJson().getBytes(UTF_8),
        bytes -> MountRecord.parse("a file", new String(bytes, UTF_8)),
        EnumSet.of(FsError.CORRUPT),
        false);
  }

  private CheckedTextFile textFile() {
    return new CheckedTextFile(directory.resolve("text"), MAGIC, 1, 2);
  }

  private Format<Map<String, String>> texts() {
    return new Format<>(
        "a checked text file",
        random -> {
          Map<String, String> values = new LinkedHashMap<>();
          values.put("instance", "i" + random.nextInt());
          values.put("starts", String.valueOf(random.nextInt(100)));
          return values;
        },
        values -> {
          textFile().write(values);
          return Files.readAllBytes(directory.resolve("text"));
        },
        bytes -> {
          Files.write(directory.resolve("text"), signed(bytes));
          return Objects.requireNonNull(textFile().read());
        },
        EnumSet.of(FsError.CORRUPT, FsError.NOT_SUPPORTED),
        false);
  }

  /** With the checksum that the lines before it have, so that they are looked at. */
  private static byte[] signed(byte[] bytes) {
    String text = new String(bytes, ISO_8859_1);
    int at = text.lastIndexOf("checksum ");
    if (at < 0) {
      return bytes;
    }
    var sum = new CRC32C();
    sum.update(bytes, 0, at);
    return (text.substring(0, at) + "checksum " + Long.toHexString(sum.getValue()) + "\n")
        .getBytes(ISO_8859_1);
  }

  @Test
  void decodersTakeOrRefuseWhateverComes() throws Exception {
    List<Format<?>> formats = new ArrayList<>(MetadataFormats.all());
    formats.addAll(ChunkFormats.all());
    formats.addAll(LockFormats.all());
    formats.addAll(SessionFormats.all());
    formats.addAll(TransactionFormats.all());
    formats.addAll(ControlFormats.all());
    formats.addAll(MapFormats.all());
    formats.addAll(List.of(instances(), mounts(), texts()));
    Fuzz.run("records", INPUTS, random -> formats.get(random.nextInt(formats.size())).draw(random));
  }
}
