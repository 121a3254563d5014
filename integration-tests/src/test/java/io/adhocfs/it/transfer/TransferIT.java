package io.adhocfs.it.transfer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryListing;
import io.adhocfs.client.transfer.Transfer;
import io.adhocfs.client.transfer.TransferError;
import io.adhocfs.client.transfer.TransferListener;
import io.adhocfs.client.transfer.TransferOptions;
import io.adhocfs.client.transfer.TransferOptions.Existing;
import io.adhocfs.client.transfer.TransferOptions.Verification;
import io.adhocfs.client.transfer.TransferPath;
import io.adhocfs.client.transfer.TransferReport;
import io.adhocfs.client.transfer.local.LocalDirectory;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.it.instance.Commands;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.it.instance.Waiting;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;

/** Staging with an instance of four daemons. */
@Timeout(300)
class TransferIT {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final TransferOptions KEEP_ALL =
      TransferOptions.DEFAULT.withKeepOwner(LocalFiles.effectiveUserId() == 0);

  private static TestInstance instance;
  private static AdhocFileSystem fileSystem;

  private Path local = Path.of("/");
  private String inside = "/";

  @BeforeAll
  static void open() throws Exception {
    instance = TestInstance.up(4);
    var instances = InstanceDirectory.of(instance.environment());
    fileSystem =
        AdhocFileSystem.open(
            () -> instances.read(instance.name()).instance(),
            ClientOptions.DEFAULT.withTrafficClass(TrafficClass.STAGING));
  }

  @AfterAll
  static void takeDown() throws Exception {
    fileSystem.close();
    instance.close();
  }

  @BeforeEach
  void makeDirectories(TestInfo test) throws Exception {
    String name = test.getTestMethod().orElseThrow().getName();
    local = Files.createDirectory(instance.scratch().resolve(name));
    inside = "/" + name;
    fileSystem.createDirectory(AdhocPath.ofText(inside), 0755);
  }

  @AfterEach
  void verify() throws Exception {
    instance.verify();
    // Who is not root could not delete what is in read-only directories.
    Commands.bash(local, instance.environment(), "chmod -R u+rwx .");
  }

  @Test
  void randomTreesComeBackAsTheyWent() throws Exception {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    int rounds = FULL ? 20 : 3;
    for (int round = 0; round < rounds; round++) {
      System.out.println("tree of seed " + (seed + round) + " (-Dadhocfs.seed=" + seed + ")");
      Path source = Files.createDirectory(local.resolve("source" + round));
      Map<String, String> expected = fill(source, seed + round, FULL ? 2000 : 300);
      TransferOptions options =
          round % 2 == 0 ? KEEP_ALL : KEEP_ALL.withVerification(Verification.CHECKSUM);
      assertComplete(copy(options, adhoc("in" + round), local("source" + round)));
      assertComplete(copy(options, adhoc("copy" + round), adhoc("in" + round)));
      assertComplete(copy(options, local("out" + round), adhoc("copy" + round)));
      assertThat(describe(local.resolve("out" + round))).isEqualTo(expected);
      // Once more over what is there: everything is replaced, and nothing differs.
      assertComplete(copy(options, adhoc("in" + round), local("source" + round + "/.")));
      assertComplete(copy(options, local("out" + round), adhoc("in" + round + "/.")));
      assertThat(describe(local.resolve("out" + round))).isEqualTo(expected);
      TransferReport same =
          copy(
              options.withExisting(Existing.OVERWRITE_IF_DIFFERENT),
              adhoc("in" + round),
              local("source" + round + "/."));
      assertComplete(same);
      assertThat(same.bytes()).isZero();
    }
  }

  @Test
  void keepsExtendedAttributesOfUsers() throws Exception {
    Path source = Files.createDirectory(local.resolve("source"));
    for (String name : List.of("empty", "small", "large")) {
      Path file = source.resolve(name);
      Files.write(file, new byte[name.equals("large") ? 3 << 20 : name.equals("small") ? 9 : 0]);
      var attributes = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
      attributes.write("origin", ByteBuffer.wrap(name.getBytes(UTF_8)));
      attributes.write("nothing", ByteBuffer.allocate(0));
    }
    assertComplete(copy(KEEP_ALL, adhoc("in"), local("source")));
    assertComplete(copy(KEEP_ALL, adhoc("copy"), adhoc("in")));
    assertComplete(copy(KEEP_ALL, local("out"), adhoc("copy")));
    assertThat(describe(local.resolve("out"))).isEqualTo(describe(source));
    for (String name : List.of("empty", "small", "large")) {
      Path file = local.resolve("out").resolve(name);
      var attributes = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
      assertThat(attributes.list()).containsExactlyInAnyOrder("origin", "nothing");
      ByteBuffer value = ByteBuffer.allocate(16);
      int length = attributes.read("origin", value);
      assertThat(new String(value.array(), 0, length, UTF_8)).isEqualTo(name);
      assertThat(attributes.size("nothing")).isZero();
    }
  }

  @Test
  void manySmallFilesAreStagedAtOnce() throws Exception {
    int count = FULL ? 50_000 : 5_000;
    Path source = Files.createDirectory(local.resolve("source"));
    for (int i = 0; i < count; i++) {
      if (i % 100 == 0) {
        Files.createDirectory(source.resolve("directory" + i / 100));
      }
      Files.writeString(source.resolve("directory" + i / 100 + "/file" + i), "file " + i);
    }
    TransferReport in = copy(KEEP_ALL, adhoc("tree"), local("source"));
    assertComplete(in);
    assertThat(in.files()).isEqualTo(count);
    assertThat(in.directories()).isEqualTo(count / 100 + 1);
    TransferReport out = copy(KEEP_ALL, local("out"), adhoc("tree"));
    assertComplete(out);
    assertThat(describe(local.resolve("out"))).isEqualTo(describe(source));
    System.out.printf(
        "%d files in at %.0f/s, out at %.0f/s%n",
        count, count * 1e9 / in.elapsedNanos(), count * 1e9 / out.elapsedNanos());
  }

  @Test
  void aLargeFileIsCopiedInPieces() throws Exception {
    long size = (FULL ? 1024L : 96L) << 20;
    Commands.bash(
        local,
        instance.environment(),
        "head -c " + size + " /dev/urandom > large; printf end >> large");
    TransferOptions checked = KEEP_ALL.withVerification(Verification.CHECKSUM);
    TransferReport in = copy(checked, adhoc("large"), local("large"));
    assertComplete(in);
    assertThat(in.bytes()).isEqualTo(size + 3);
    assertComplete(copy(KEEP_ALL, local("out"), adhoc("large")));
    assertThat(Files.mismatch(local.resolve("large"), local.resolve("out"))).isEqualTo(-1);
  }

  @Test
  void namesItsTargetAsCpDoes() throws Exception {
    Path source = Files.createDirectories(local.resolve("source/inner"));
    Files.writeString(source.resolve("file"), "content");
    assertComplete(copy(KEEP_ALL, adhoc("new"), local("source")));
    assertThat(stat("new/inner/file").sizeBytes()).isEqualTo(7);
    assertComplete(copy(KEEP_ALL, adhoc("new"), local("source")));
    assertThat(stat("new/source/inner/file").sizeBytes()).isEqualTo(7);
    assertComplete(
        copy(KEEP_ALL, adhoc("new/"), local("source/inner"), local("source/inner/file")));
    assertThat(stat("new/inner/file").sizeBytes()).isEqualTo(7);
    assertThat(stat("new/file").sizeBytes()).isEqualTo(7);
    assertComplete(copy(KEEP_ALL, local("out"), adhoc("new/.")));
    assertThat(local.resolve("out/file")).hasContent("content");
    assertRefused(FsError.NOT_DIRECTORY, adhoc("none"), local("source"), local("source/inner"));
    assertRefused(FsError.INVALID, local("out"), local("source"));
    assertRefused(FsError.INVALID, adhoc("new"), local("source"), adhoc("new"));
  }

  @Test
  void neverCopiesInsideTheInstanceOntoItself() throws Exception {
    Files.writeString(local.resolve("file"), "content");
    assertComplete(copy(KEEP_ALL, adhoc("file"), local("file")));
    assertFails(FsError.EXISTS, adhoc("file"), adhoc("file"));
    assertFails(FsError.EXISTS, adhoc(""), adhoc("file"));
    fileSystem.createDirectory(AdhocPath.ofText(inside + "/directory"), 0755);
    assertFails(FsError.INVALID, adhoc("directory"), adhoc("directory"));
    assertThat(stat("file").sizeBytes()).isEqualTo(7);
  }

  @Test
  void oneFilesErrorDoesNotStopTheRest() throws Exception {
    Files.createDirectories(local.resolve("source/blocked"));
    Files.writeString(local.resolve("source/blocked/file"), "content");
    Files.writeString(local.resolve("source/fine"), "content");
    Files.writeString(local.resolve("blocked"), "a file where a directory is to be");
    fileSystem.createDirectory(AdhocPath.ofText(inside + "/target"), 0755);
    assertComplete(copy(KEEP_ALL, adhoc("target"), local("blocked")));
    TransferReport report = copy(KEEP_ALL, adhoc("target"), local("source/."));
    assertThat(report.errors()).extracting(TransferError::error).containsExactly(FsError.EXISTS);
    assertThat(report.errors().getFirst().message()).contains("adhoc:").contains("blocked");
    assertThat(stat("target/fine").sizeBytes()).isEqualTo(7);
  }

  @Test
  void closingEndsACopyAndRefusesMore() throws Exception {
    Path source = Files.createDirectory(local.resolve("source"));
    for (int i = 0; i < 3000; i++) {
      Files.writeString(source.resolve("file" + i), "content");
    }
    var transfer = new Transfer(fileSystem, KEEP_ALL.withBounds(2, 1 << 20, 64 << 10, 2));
    var closed = new AtomicBoolean();
    TransferListener closing =
        progress -> {
          if (closed.compareAndSet(false, progress.filesDone() > 0)) {
            transfer.close();
          }
        };
    TransferReport report = transfer.copy(List.of(local("source")), adhoc("target"), closing);
    // On a machine that copies everything before the first word of progress, nothing is left to
    // end.
    assertThat(report.interrupted() || report.files() == 3000).isTrue();
    assertThat(report.errors()).isEmpty();
    assertThatThrownBy(
            () -> transfer.copy(List.of(local("source")), adhoc("again"), TransferListener.NONE))
        .isInstanceOfSatisfying(
            FsException.class, failure -> assertThat(failure.error()).isEqualTo(FsError.CLOSED));
  }

  @Test
  void whatTellsNoSizeIsCopiedWhole() throws Exception {
    for (Verification verification : Verification.values()) {
      TransferOptions options = KEEP_ALL.withVerification(verification);
      for (String source :
          List.of("/proc/version", "/proc/kallsyms", "/sys/kernel/uevent_seqnum")) {
        String name = verification + "-" + Path.of(source).getFileName();
        byte[] content = Files.readAllBytes(Path.of(source));
        assertThat(content).isNotEmpty();
        assertThat(Files.size(Path.of(source))).isNotEqualTo(content.length);
        assertComplete(copy(options, adhoc(name), TransferPath.ofText(source)));
        assertComplete(copy(options, local(name), adhoc(name)));
        assertThat(local.resolve(name)).hasBinaryContent(content);
      }
    }
  }

  @Test
  void holesAreNeitherReadNorWritten() throws Exception {
    long size = 10L << 30;
    try (var file = new RandomAccessFile(local.resolve("sparse").toFile(), "rw")) {
      for (long offset : new long[] {0, 3L << 30, (7L << 30) + 12345}) {
        file.seek(offset);
        file.write(("data at " + offset).getBytes(UTF_8));
      }
      file.setLength(size);
    }
    for (Verification verification : Verification.values()) {
      TransferOptions options = KEEP_ALL.withVerification(verification);
      String name = "sparse-" + verification;
      TransferReport in = copy(options, adhoc(name), local("sparse"));
      TransferReport within = copy(options, adhoc(name + "-copy"), adhoc(name));
      TransferReport out = copy(options, local(name), adhoc(name + "-copy"));
      for (TransferReport report : List.of(in, within, out)) {
        assertComplete(report);
        assertThat(report.bytes()).isBetween(1L, 1L << 20);
      }
      assertThat(stat(name).sizeBytes()).isEqualTo(size);
      assertThat(Files.size(local.resolve(name))).isEqualTo(size);
      assertThat(
              LocalFiles.status(local.resolve(name).toString().getBytes(UTF_8), false)
                  .allocatedBytes())
          .isLessThan(1 << 20);
      try (var copied = new RandomAccessFile(local.resolve(name).toFile(), "r")) {
        for (long offset : new long[] {0, 3L << 30, (7L << 30) + 12345}) {
          copied.seek(offset);
          byte[] read = new byte[("data at " + offset).length()];
          copied.readFully(read);
          assertThat(new String(read, UTF_8)).isEqualTo("data at " + offset);
        }
      }
    }
  }

  @Test
  void aKilledCopyLeavesOnlyWholeFilesAndTheNextOneTheRest() throws Exception {
    int count = FULL ? 10_000 : 3_000;
    // In.
    Process in = startCopyIn("source", count);
    kill(in, "KILL");
    assertThat(in.waitFor()).isEqualTo(128 + 9);
    assertComplete(copy(KEEP_ALL, local("seen"), adhoc("in")));
    assertOnlyWholeFiles("seen", "source");
    assertComplete(copy(KEEP_ALL.withExisting(Existing.KEEP), adhoc("in"), local("source/.")));
    assertThat(countInside("in")).isEqualTo(count);
    assertThat(temporariesInside("in")).isZero();
    // Out.
    Process out = start("copy", "adhoc:" + inside + "/in", "out");
    Waiting.until(
        "the first files on this host",
        Duration.ofMinutes(1),
        1_000_000,
        () -> names("out").length > 100);
    kill(out, "KILL");
    assertThat(out.waitFor()).isEqualTo(128 + 9);
    assertOnlyWholeFiles("out", "source");
    assertComplete(copy(KEEP_ALL.withExisting(Existing.KEEP), local("out"), adhoc("in/.")));
    assertThat(local.resolve("out").toFile().list()).hasSize(count);
    assertOnlyWholeFiles("out", "source");
  }

  @Test
  void ctrlCSaysWhatIsCompleteAndTheCommandThatGoesOn() throws Exception {
    int count = FULL ? 10_000 : 3_000;
    Process process = startCopyIn("a source", count);
    kill(process, "INT");
    assertThat(process.waitFor()).isEqualTo(128 + 2);
    String said = Files.readString(local.resolve("said"));
    Matcher words =
        Pattern.compile(
                "interrupted: (\\d+) files are complete, (\\d+) more were found; to copy the rest:"
                    + " (adhocfs copy .*)")
            .matcher(said);
    assertThat(words.find()).as(said).isTrue();
    int complete = Integer.parseInt(words.group(1));
    assertThat(countInside("in")).isEqualTo(complete).isBetween(101L, count - 1L);
    assertThat(temporariesInside("in")).isZero();
    String rest = instance.bash(local, "adhocfs() { \"$adhocfs\" \"$@\"; }; " + words.group(3));
    assertThat(rest).contains("copied " + (count - complete) + " files");
    assertThat(countInside("in")).isEqualTo(count);
    assertComplete(copy(KEEP_ALL, local("out"), adhoc("in")));
    assertThat(describe(local.resolve("out"))).isEqualTo(describe(local.resolve("a source")));
  }

  // Helpers.
  // ---------------------------------------------------------------------------------------

  private TransferPath adhoc(String name) throws FsException {
    return TransferPath.ofText("adhoc:" + inside + "/" + name);
  }

  private TransferPath local(String name) throws FsException {
    return TransferPath.ofText(local + "/" + name);
  }

  /** Many small files in one directory. */
  private void fillFlat(String name, int count) throws IOException {
    Path source = Files.createDirectory(local.resolve(name));
    for (int i = 0; i < count; i++) {
      Files.writeString(source.resolve("file" + i), ("content of file " + i + "\n").repeat(10));
    }
  }

  /** Begins to copy many small files into the instance, and waits until some are there. */
  private Process startCopyIn(String source, int count) throws Exception {
    fillFlat(source, count);
    Process process = start("copy", source, "adhoc:" + inside + "/in");
    Waiting.until(
        "the first files in the instance",
        Duration.ofMinutes(1),
        1_000_000,
        () -> countInside("in") > 100);
    return process;
  }

  /** Begins a command of the command line; what it says goes to the file "said". */
  private Process start(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(instance.environment().get("adhocfs")));
    command.addAll(List.of(arguments));
    var builder =
        new ProcessBuilder(command)
            .directory(local.toFile())
            .redirectErrorStream(true)
            .redirectOutput(local.resolve("said").toFile());
    builder.environment().putAll(instance.environment());
    return builder.start();
  }

  private static void kill(Process process, String signal)
      throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
  }

  private void assertOnlyWholeFiles(String copy, String source) throws IOException {
    String[] names = names(copy);
    assertThat(names).isNotEmpty();
    for (String name : names) {
      assertThat(Files.mismatch(local.resolve(copy, name), local.resolve(source, name)))
          .as(name)
          .isEqualTo(-1);
    }
  }

  /** The names in a directory of this host, without those of copies that are not whole. */
  private String[] names(String directory) {
    String[] names = local.resolve(directory).toFile().list((_, name) -> !isTemporary(name));
    return names == null ? new String[0] : names;
  }

  private static boolean isTemporary(String name) {
    return name.startsWith(".adhocfs-copy-");
  }

  private long countInside(String directory) throws FsException {
    return list(directory).stream().filter(name -> !isTemporary(name)).count();
  }

  private long temporariesInside(String directory) throws FsException {
    return list(directory).stream().filter(TransferIT::isTemporary).count();
  }

  private List<String> list(String directory) throws FsException {
    var names = new ArrayList<String>();
    try {
      DirectoryListing listing = fileSystem.list(AdhocPath.ofText(inside + "/" + directory), false);
      for (DirectoryItem item = listing.next(); item != null; item = listing.next()) {
        names.add(item.name().toString());
      }
    } catch (FsException failure) {
      if (failure.error() != FsError.NOT_FOUND) {
        throw failure;
      }
    }
    return names;
  }

  private FileAttributes stat(String name) throws FsException {
    return fileSystem.stat(AdhocPath.ofText(inside + "/" + name));
  }

  private static TransferReport copy(
      TransferOptions options, TransferPath destination, TransferPath... sources)
      throws FsException {
    try (var transfer = new Transfer(fileSystem, options)) {
      return transfer.copy(List.of(sources), destination, TransferListener.NONE);
    }
  }

  private static void assertComplete(TransferReport report) {
    assertThat(report.errors()).isEmpty();
    assertThat(report.complete()).isTrue();
  }

  private static void assertFails(FsError error, TransferPath destination, TransferPath source)
      throws FsException {
    assertThat(copy(KEEP_ALL, destination, source).errors())
        .extracting(TransferError::error)
        .containsExactly(error);
  }

  private static void assertRefused(
      FsError error, TransferPath destination, TransferPath... sources) {
    var given = new ArrayList<>(List.of(sources));
    assertThatThrownBy(() -> copy(KEEP_ALL, destination, given.toArray(TransferPath[]::new)))
        .isInstanceOfSatisfying(
            FsException.class, failure -> assertThat(failure.error()).isEqualTo(error));
  }

  private static Map<String, String> fill(Path directory, long seed, int entries)
      throws IOException {
    try (LocalDirectory opened = open(directory)) {
      RandomTree.fill(opened, seed, entries);
    }
    return describe(directory);
  }

  private static Map<String, String> describe(Path directory) throws IOException {
    try (LocalDirectory opened = open(directory)) {
      return TreeDescription.of(opened);
    }
  }

  private static LocalDirectory open(Path directory) throws FsException {
    return LocalFiles.openDirectory(directory.toString().getBytes(StandardCharsets.UTF_8));
  }
}
