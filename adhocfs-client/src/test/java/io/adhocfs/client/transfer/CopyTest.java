package io.adhocfs.client.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.client.transfer.TransferOptions.Existing;
import io.adhocfs.client.transfer.TransferOptions.Verification;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a copy does, whatever lies at its ends: here directories of this host at both. */
@Timeout(60)
class CopyTest {
  private static final TransferOptions SMALL_PIECES =
      TransferOptions.DEFAULT.withBounds(4, 256 << 10, 64 << 10, 3);
  private static final FileTime LONG_AGO =
      FileTime.from(Instant.ofEpochSecond(1_000_000_000, 123_456_789));

  @TempDir Path directory;

  private final List<TransferError> heard = new ArrayList<>();
  private final List<TransferProgress> progress = new ArrayList<>();

  /** Puts something between a copy and the files that it reads. */
  private UnaryOperator<SourceFile> wrapper = file -> file;

  private TransferListener listener =
      new TransferListener() {
        @Override
        public void progress(TransferProgress now) {
          progress.add(now);
        }

        @Override
        public void failed(TransferError error) {
          heard.add(error);
        }
      };

  @BeforeEach
  void makeTree() throws IOException {
    Files.createDirectories(path("source/inner/empty"));
    write("source/file", "content");
    write("source/inner/deep", "more content");
    Files.createSymbolicLink(path("source/inner/link"), Path.of("../file"));
    Files.createSymbolicLink(path("source/dangling"), Path.of("/nowhere"));
    Files.setLastModifiedTime(path("source/inner"), LONG_AGO);
    Files.setLastModifiedTime(path("source/inner/deep"), LONG_AGO);
  }

  @Test
  void copiesATreeAsANewName() throws IOException {
    TransferReport report = copy("copy", "source");
    assertComplete(report);
    assertThat(tree("copy")).isEqualTo(tree("source"));
    assertThat(report.files()).isEqualTo(2);
    assertThat(report.directories()).isEqualTo(3);
    assertThat(report.symlinks()).isEqualTo(2);
    assertThat(report.bytes()).isEqualTo("contentmore content".length());
  }

  @Test
  void copiesIntoAnExistingDirectory() throws IOException {
    Files.createDirectory(path("there"));
    write("there/kept", "kept");
    assertComplete(copy("there", "source"));
    assertThat(tree("there/source")).isEqualTo(tree("source"));
    assertThat(path("there/kept")).hasContent("kept");
  }

  @Test
  void copiesWhatIsInADirectoryWithoutAName() throws IOException {
    Files.createDirectory(path("there"));
    assertComplete(copy("there", "source/."));
    assertThat(tree("there")).isEqualTo(tree("source"));
    assertComplete(copy("new", "source/inner/.."));
    assertThat(tree("new")).isEqualTo(tree("source"));
  }

  @Test
  void mergesIntoWhatIsThere() throws IOException {
    Files.createDirectories(path("there/source/inner"));
    write("there/source/inner/deep", "something longer than the new content");
    write("there/source/inner/other", "stays");
    assertComplete(copy("there", "source"));
    Map<String, String> expected = tree("source");
    expected.put("inner/other", describe(path("there/source/inner/other")));
    assertThat(tree("there/source")).isEqualTo(expected);
  }

  @Test
  void severalSourcesNeedADirectory() throws IOException {
    Files.createDirectory(path("there"));
    assertComplete(copy("there", "source/file", "source/inner", "source/dangling"));
    assertThat(path("there/file")).hasContent("content");
    assertThat(tree("there/inner")).isEqualTo(tree("source/inner"));
    assertThat(Files.readSymbolicLink(path("there/dangling"))).hasToString("/nowhere");
    assertRefused(FsError.NOT_DIRECTORY, "nothing", "source/file", "source/inner");
    assertRefused(FsError.NOT_DIRECTORY, "source/file", "source/file", "source/inner");
  }

  @Test
  void sourcesOfOneNameAreCopiedOneAfterTheOther() throws IOException {
    Files.createDirectories(path("one/same"));
    Files.createDirectories(path("two/same"));
    Files.createDirectory(path("there"));
    write("one/same/file", "one");
    write("one/same/first", "first");
    write("two/same/file", "two");
    assertComplete(copy("there", "one/same", "two/same"));
    assertThat(path("there/same/file")).hasContent("two");
    assertThat(path("there/same/first")).hasContent("first");
  }

  @Test
  void aFileNeedsAParentAndNoSlash() throws IOException {
    assertComplete(copy("copy", "source/file"));
    assertThat(path("copy")).hasContent("content");
    assertFails(FsError.NOT_FOUND, "missing/copy", "source/file");
    assertFails(FsError.NOT_DIRECTORY, "newname/", "source/file");
    assertComplete(copy("newdirectory/", "source"));
    assertThat(tree("newdirectory")).isEqualTo(tree("source"));
  }

  @Test
  void aLinkIsFollowedOnlyThroughASlash() throws IOException {
    Files.createSymbolicLink(path("toSource"), Path.of("source"));
    assertComplete(copy("copyOfLink", "toSource"));
    assertThat(Files.readSymbolicLink(path("copyOfLink"))).hasToString("source");
    assertComplete(copy("copy", "toSource/"));
    assertThat(tree("copy")).isEqualTo(tree("source"));
    assertFails(FsError.NOT_DIRECTORY, "copy2", "source/file/");
  }

  @Test
  void whatIsMissingIsReportedAndTheRestIsCopied() throws IOException {
    Files.createDirectory(path("there"));
    TransferReport report = copy("there", "missing", "source");
    assertThat(report.complete()).isFalse();
    assertThat(report.errors()).hasSize(1);
    assertThat(report.errors().getFirst().error()).isEqualTo(FsError.NOT_FOUND);
    assertThat(report.errors().getFirst().path()).endsWith("/missing");
    assertThat(heard).isEqualTo(report.errors());
    assertThat(tree("there/source")).isEqualTo(tree("source"));
  }

  @Test
  void whatIsInTheWayIsReportedAndTheRestIsCopied() throws IOException {
    Files.createDirectories(path("there/source/file"));
    write("there/source/inner", "a file where a directory is to be");
    TransferReport report = copy("there", "source");
    assertThat(report.errors()).extracting(TransferError::error).containsOnly(FsError.EXISTS);
    assertThat(report.errors())
        .extracting(error -> error.path().substring(error.path().lastIndexOf('/') + 1))
        .containsExactlyInAnyOrder("file", "inner");
    assertThat(path("there/source/dangling").toFile().toPath()).isSymbolicLink();
    assertFails(FsError.EXISTS, "there/source/inner", "source");
  }

  @Test
  void failFastEndsAtTheFirstError() throws IOException {
    Files.createDirectory(path("there"));
    TransferReport report =
        copy(TransferOptions.DEFAULT.withFailFast(true), "there", "missing", "source");
    assertThat(report.errorCount()).isEqualTo(1);
    assertThat(report.interrupted()).isTrue();
    assertThat(path("there/source")).doesNotExist();
  }

  @Test
  void linksAtTheTargetAreReplacedAndNeverFollowed() throws IOException {
    write("precious", "precious");
    Files.createDirectory(path("there"));
    Files.createSymbolicLink(path("there/file"), path("precious"));
    assertComplete(copy("there", "source/file"));
    assertThat(path("precious")).hasContent("precious");
    assertThat(path("there/file")).hasContent("content");
    assertThat(Files.isSymbolicLink(path("there/file"))).isFalse();
  }

  @Test
  void aTargetWithOtherNamesIsMadeAnew() throws IOException {
    Files.createDirectory(path("there"));
    write("there/file", "old");
    Files.createLink(path("there/backup"), path("there/file"));
    assertComplete(copy("there", "source/file"));
    assertThat(path("there/file")).hasContent("content");
    assertThat(path("there/backup")).hasContent("old");
  }

  @Test
  void keepsOrSkipsWhatIsThereAsAsked() throws IOException {
    assertComplete(copy("copy", "source/."));
    write("copy/inner/deep", "changed here!");
    TransferReport kept =
        copy(TransferOptions.DEFAULT.withExisting(Existing.KEEP), "copy", "source/.");
    assertComplete(kept);
    assertThat(kept.skipped()).isEqualTo(4);
    assertThat(kept.files()).isZero();
    assertThat(path("copy/inner/deep")).hasContent("changed here!");
    TransferReport different =
        copy(
            TransferOptions.DEFAULT.withExisting(Existing.OVERWRITE_IF_DIFFERENT),
            "copy",
            "source/.");
    assertComplete(different);
    assertThat(different.files()).isEqualTo(1);
    assertThat(different.skipped()).isEqualTo(1);
    assertThat(tree("copy")).isEqualTo(tree("source"));
  }

  @Test
  void neverCopiesAFileOntoItself() throws IOException {
    assertFails(FsError.EXISTS, "source", "source/file");
    assertThat(path("source/file")).hasContent("content");
    Files.createLink(path("other"), path("source/file"));
    assertFails(FsError.EXISTS, "other", "source/file");
    assertThat(path("source/file")).hasContent("content");
  }

  @Test
  void neverCopiesADirectoryIntoItself() throws IOException {
    TransferReport report = copy("source/inner", "source");
    assertThat(report.errors()).extracting(TransferError::error).contains(FsError.INVALID);
    assertThat(path("source/inner/source/inner/deep")).hasContent("more content");
    assertThat(path("source/inner/source/inner/source")).doesNotExist();
    assertFails(FsError.INVALID, "source", "source/.");
  }

  @Test
  void keepsModesOfReadOnlyDirectories() throws IOException {
    Files.setPosixFilePermissions(
        path("source/inner"), PosixFilePermissions.fromString("r-xr-xr-x"));
    Files.setPosixFilePermissions(
        path("source/inner/deep"), PosixFilePermissions.fromString("r--------"));
    assertComplete(copy("copy", "source"));
    assertThat(tree("copy")).isEqualTo(tree("source"));
    assertComplete(copy("copy", "source/."));
    assertThat(tree("copy")).isEqualTo(tree("source"));
    for (String inner : List.of("source/inner", "copy/inner")) {
      Files.setPosixFilePermissions(path(inner), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  @Test
  void namesOfOneFileStayNamesOfOneFile() throws IOException {
    Files.createLink(path("source/inner/second"), path("source/file"));
    Files.createLink(path("source/third"), path("source/file"));
    TransferReport report = copy("copy", "source");
    assertComplete(report);
    assertThat(report.hardLinks()).isEqualTo(2);
    assertThat(report.files()).isEqualTo(2);
    Object inode = Files.getAttribute(path("copy/file"), "unix:ino");
    assertThat(Files.getAttribute(path("copy/inner/second"), "unix:ino")).isEqualTo(inode);
    assertThat(Files.getAttribute(path("copy/third"), "unix:ino")).isEqualTo(inode);
    TransferReport again = copy("copy", "source/.");
    assertComplete(again);
    assertThat(tree("copy")).isEqualTo(tree("source"));
    assertThat(Files.getAttribute(path("copy/file"), "unix:nlink")).isEqualTo(3);
  }

  @Test
  void holesStayHoles() throws IOException {
    try (var file = new RandomAccessFile(path("source/sparse").toFile(), "rw")) {
      file.seek(5 << 20);
      file.write(new byte[] {1, 2, 3});
      file.setLength(20 << 20);
    }
    for (TransferOptions options :
        List.of(SMALL_PIECES, SMALL_PIECES.withVerification(Verification.CHECKSUM))) {
      TransferReport report = copy(options, "copy" + options.verification(), "source/sparse");
      assertComplete(report);
      assertThat(report.bytes()).isLessThan(1 << 20);
      Path copied = path("copy" + options.verification());
      assertThat(Files.mismatch(copied, path("source/sparse"))).isEqualTo(-1);
      assertThat(LocalFiles.status(bytes(copied.toString()), false).allocatedBytes())
          .isLessThan(1 << 20);
    }
  }

  @Test
  void readsToTheEndWhateverSizeIsTold() throws IOException {
    for (Verification verification : Verification.values()) {
      TransferOptions options = SMALL_PIECES.withVerification(verification);
      String copied = "copy" + verification;
      // procfs tells 0; sysfs tells a page.
      assertThat(Files.size(Path.of("/proc/version"))).isZero();
      assertComplete(copyFrom(options, copied + "OfProc", "/proc/version"));
      assertThat(Files.readAllBytes(path(copied + "OfProc")))
          .isNotEmpty()
          .isEqualTo(Files.readAllBytes(Path.of("/proc/version")));
      Path sysfs = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
      Assumptions.assumeTrue(Files.isReadable(sysfs));
      assertThat(Files.size(sysfs)).isEqualTo(4096);
      assertComplete(copyFrom(options, copied + "OfSys", sysfs.toString()));
      assertThat(path(copied + "OfSys")).hasBinaryContent(Files.readAllBytes(sysfs));
      // Many pieces that no size tells of.
      byte[] symbols = Files.readAllBytes(Path.of("/proc/kallsyms"));
      assertComplete(copyFrom(options, copied + "OfSymbols", "/proc/kallsyms"));
      assertThat(path(copied + "OfSymbols")).hasBinaryContent(symbols);
      assertThat(temporaries("")).isEmpty();
    }
  }

  @Test
  void copiesWhatAGrowingFileHasAtTheEndAndSaysThatItGrew() throws IOException {
    Files.write(path("source/growing"), new byte[300 << 10]);
    atTheFirstRead(() -> append("source/growing", new byte[200 << 10]));
    TransferReport report = copy(SMALL_PIECES, "copy", "source/growing");
    assertThat(report.errors()).extracting(TransferError::error).containsExactly(FsError.CHANGED);
    assertThat(report.errors().getFirst().message())
        .contains("from 307200 to 512000 bytes while it was copied");
    assertThat(Files.size(path("copy"))).isEqualTo(500 << 10);
    // It has the earlier time, so that an update takes it up.
    wrapper = file -> file;
    TransferReport again =
        copy(SMALL_PIECES.withExisting(Existing.OVERWRITE_IF_DIFFERENT), "copy", "source/growing");
    assertComplete(again);
    assertThat(again.files()).isEqualTo(1);
  }

  @Test
  void copiesWhatIsLeftOfAShrinkingFileAndSaysThatItShrank() throws IOException {
    Files.write(path("source/shrinking"), new byte[600 << 10]);
    atTheFirstRead(() -> cut("source/shrinking", 1000));
    TransferReport report = copy(SMALL_PIECES, "copy", "source/shrinking");
    assertThat(report.errors()).extracting(TransferError::error).containsExactly(FsError.CHANGED);
    assertThat(Files.size(path("copy"))).isEqualTo(1000);
  }

  /** What stops a copy in its middle leaves the old file, or none, and nothing beside it. */
  @Test
  void aFileGetsItsNameWhenItIsWhole() throws IOException {
    Files.createDirectory(path("there"));
    write("there/file", "old");
    Files.write(path("source/file"), new byte[300 << 10]);
    for (String target : List.of("there/file", "there/new")) {
      var seen = new ArrayList<String>();
      wrapper =
          file ->
              new Watched(file) {
                @Override
                public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
                  if (offset > 0) {
                    seen.addAll(temporaries("there"));
                    return CompletableFuture.failedFuture(
                        new FsException(FsError.STORAGE_FAILED, "a broken disk"));
                  }
                  return super.read(offset, lengthBytes);
                }
              };
      assertThat(copy(SMALL_PIECES, target, "source/file").errors())
          .extracting(TransferError::error)
          .containsExactly(FsError.STORAGE_FAILED);
      assertThat(seen).isNotEmpty();
      assertThat(temporaries("there")).isEmpty();
    }
    assertThat(path("there/file")).hasContent("old");
    assertThat(path("there/new")).doesNotExist();
  }

  @Test
  void whoHasTheOldFileOpenKeepsIt() throws IOException {
    Files.createDirectory(path("there"));
    write("there/file", "old content");
    try (var opened = new RandomAccessFile(path("there/file").toFile(), "r")) {
      assertComplete(copy("there", "source/file"));
      assertThat(opened.readLine()).isEqualTo("old content");
    }
    assertThat(path("there/file")).hasContent("content");
  }

  @Test
  void removesWhatEndedRunsLeftAndNothingOfLiveOnes() throws Exception {
    Files.createDirectories(path("there/inner"));
    Process ended = new ProcessBuilder("true").start();
    ended.waitFor();
    TemporaryName mine = TemporaryName.ofThisProcess(7);
    String left =
        text(new TemporaryName(mine.place(), ended.pid(), mine.startTicks() + 1, 3).bytes());
    String reused =
        text(new TemporaryName(mine.place(), mine.processId(), mine.startTicks() - 1, 4).bytes());
    String elsewhere = text(new TemporaryName(mine.place() + 1, 1, 1, 5).bytes());
    String live = text(mine.bytes());
    for (String name : List.of(left, reused, elsewhere, live, ".adhocfs-copy-of mine")) {
      write("there/" + name, "half");
      write("there/inner/" + name, "half");
      write("source/" + name, "half");
    }
    // Whatever is done with what is there already.
    for (Existing existing : Existing.values()) {
      write("there/" + left, "half");
      TransferOptions options = TransferOptions.DEFAULT.withExisting(existing);
      assertComplete(copy(options, "there", "source/."));
      assertThat(temporaries("there")).containsExactlyInAnyOrder(elsewhere, live);
      assertThat(temporaries("there/inner")).containsExactlyInAnyOrder(elsewhere, live);
    }
    // A name that only looks like it is a file like others.
    assertThat(path("there/.adhocfs-copy-of mine")).exists();
    // And a single file tidies the directory that it is copied into.
    write("there/" + left, "half");
    assertComplete(copy("there", "source/file"));
    assertThat(temporaries("there")).containsExactlyInAnyOrder(elsewhere, live);
  }

  @Test
  void copiesLargeFilesInPieces() throws IOException {
    byte[] content = new byte[(3 << 20) + 12345];
    for (int i = 0; i < content.length; i++) {
      content[i] = (byte) (i * 31 + i / 4096);
    }
    Files.write(path("source/large"), content);
    TransferReport report =
        copy(SMALL_PIECES.withVerification(Verification.CHECKSUM), "copy", "source");
    assertComplete(report);
    assertThat(path("copy/large")).hasBinaryContent(content);
    assertThat(tree("copy")).isEqualTo(tree("source"));
  }

  @Test
  void copiesFifosAndReportsAsNodes() throws IOException {
    try (var made = LocalFiles.openDirectory(bytes(path("source").toString()))) {
      made.makeNode(bytes("fifo"), io.adhocfs.protocol.model.FileType.FIFO, 0640, 0);
    }
    TransferReport report = copy("copy", "source");
    assertComplete(report);
    assertThat(report.nodes()).isEqualTo(1);
    var copied = LocalFiles.status(bytes(path("copy/fifo").toString()), false);
    assertThat(copied.type()).isEqualTo(io.adhocfs.protocol.model.FileType.FIFO);
    assertThat(copied.mode()).isEqualTo(0640);
  }

  @Test
  void copiesManyDirectoriesWithinItsBounds() throws IOException {
    for (int i = 0; i < 700; i++) {
      Files.createDirectories(path("source/many/directory" + i + "/inner"));
      write("source/many/directory" + i + "/inner/file", "file " + i);
    }
    TransferReport report = copy(SMALL_PIECES, "copy", "source");
    assertComplete(report);
    assertThat(tree("copy")).isEqualTo(tree("source"));
    TransferProgress last = progress.getLast();
    assertThat(last.everythingFound()).isTrue();
    assertThat(last.filesFound()).isEqualTo(704);
    assertThat(last.filesDone()).isEqualTo(704);
    assertThat(last.bytesDone()).isEqualTo(last.bytesFound());
    assertThat(last.directoriesDone()).isEqualTo(1404);
    for (TransferProgress each : progress) {
      assertThat(each.filesDone()).isLessThanOrEqualTo(each.filesFound());
    }
  }

  /** With two files in flight the copy itself finds nothing long before it copies it. */
  @Test
  void progressKnowsTheWholeBeforeTheEnd() throws IOException {
    for (int i = 0; i < 3_000; i++) {
      write("source/inner/file" + i, "0123456789");
    }
    Files.createLink(path("source/second name"), path("source/file"));
    long bytes = 3_000 * 10L + "contentmore content".length();
    TransferOptions slow = TransferOptions.DEFAULT.withBounds(1, 1 << 20, 4 << 10, 1);
    assertComplete(copy(slow, "copy", "source"));
    assertThat(progress)
        .anySatisfy(each -> {
          assertThat(each.everythingFound()).isTrue();
          assertThat(each.filesFound()).isEqualTo(3_005);
          assertThat(each.bytesFound()).isEqualTo(bytes);
          assertThat(each.filesDone()).isLessThan(3_005);
        });
    assertThat(progress.getLast().filesDone()).isEqualTo(3_005);
    assertThat(progress.getLast().bytesDone()).isEqualTo(bytes);
    progress.clear();
    assertComplete(copy(slow.withCountAhead(false), "copy2", "source"));
    assertThat(progress.getFirst().everythingFound()).isFalse();
    assertThat(progress.getLast().filesDone()).isEqualTo(3_005);
  }

  @Test
  void copiesTreesDeeperThanAPathIsLong() throws IOException {
    int depth = 300;
    String name = "a directory with a long name";
    var current = LocalFiles.openDirectory(bytes(path("source").toString()));
    for (int i = 0; i < depth; i++) {
      current.makeDirectory(bytes(name), 0755);
      var inner = current.openDirectory(bytes(name));
      current.close();
      current = inner;
    }
    current.createFile(bytes("at the end"), 0600).close();
    current.close();
    TransferReport report = copy("copy", "source");
    assertComplete(report);
    assertThat(report.directories()).isEqualTo(3 + depth);
    current = LocalFiles.openDirectory(bytes(path("copy").toString()));
    for (int i = 0; i < depth; i++) {
      var inner = current.openDirectory(bytes(name));
      current.close();
      current = inner;
    }
    assertThat(current.statusIfExists(bytes("at the end"))).isNotNull();
    current.close();
    // The JDK cannot delete paths longer than PATH_MAX.
    remove(path("source"));
    remove(path("copy"));
  }

  @Test
  void leavesNoDescriptorOpen() throws IOException {
    assertComplete(copy("warm", "source"));
    long before = openDescriptors();
    for (int i = 0; i < 5; i++) {
      assertComplete(copy("copy" + i, "source"));
    }
    copy("nowhere/at/all", "source");
    assertThat(openDescriptors()).isLessThanOrEqualTo(before);
  }

  @Test
  void whatAListenerThrowsEndsTheCopy() {
    listener =
        now -> {
          throw new IllegalStateException("enough");
        };
    assertThatThrownBy(() -> copy("copy", "source"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("enough");
  }

  @Test
  void anInterruptEndsTheCopyAndStaysSet() throws IOException {
    Thread.currentThread().interrupt();
    TransferReport report = copy("copy", "source");
    assertThat(Thread.interrupted()).isTrue();
    assertThat(report.interrupted()).isTrue();
    assertThat(report.complete()).isFalse();
  }

  private TransferReport copy(String destination, String... sources) throws FsException {
    return copy(TransferOptions.DEFAULT, destination, sources);
  }

  private TransferReport copy(TransferOptions options, String destination, String... sources)
      throws FsException {
    var paths = new ArrayList<TransferPath>();
    for (String source : sources) {
      paths.add(TransferPath.ofText(directory + "/" + source));
    }
    return copy(options, destination, paths);
  }

  private TransferReport copyFrom(TransferOptions options, String destination, String source)
      throws FsException {
    return copy(options, destination, List.of(TransferPath.ofText(source)));
  }

  private TransferReport copy(TransferOptions options, String destination, List<TransferPath> paths)
      throws FsException {
    try (var threads = new HostThreads(options.localThreads());
        var tree = new TreeCopy(options)) {
      var host =
          new HostPlace(options, threads, HostMounts.current(), new TemporaryNames(new Random(1)));
      TransferPath target = TransferPath.ofText(directory + "/" + destination);
      var from = new WatchedPlace(host, wrapper);
      return Transfer.follow(tree, new CopyPlan(tree, from, host, paths, target), listener);
    }
  }

  private void assertFails(FsError error, String destination, String source) throws FsException {
    TransferReport report = copy(destination, source);
    assertThat(report.errors()).extracting(TransferError::error).containsExactly(error);
  }

  private void assertRefused(FsError error, String destination, String... sources) {
    assertThatThrownBy(() -> copy(destination, sources))
        .isInstanceOfSatisfying(
            FsException.class, failure -> assertThat(failure.error()).isEqualTo(error));
  }

  private static void assertComplete(TransferReport report) {
    assertThat(report.errors()).isEmpty();
    assertThat(report.complete()).isTrue();
  }

  private Map<String, String> tree(String root) throws IOException {
    var described = new TreeMap<String, String>();
    try (var paths = Files.walk(path(root))) {
      for (Path each : paths.toList()) {
        described.put(path(root).relativize(each).toString(), describe(each));
      }
    }
    return described;
  }

  private static String describe(Path path) throws IOException {
    Map<String, Object> attributes =
        Files.readAttributes(path, "unix:mode,nlink,lastModifiedTime", LinkOption.NOFOLLOW_LINKS);
    String content =
        Files.isSymbolicLink(path)
            ? Files.readSymbolicLink(path).toString()
            : Files.isRegularFile(path) ? Files.readString(path, StandardCharsets.ISO_8859_1) : "";
    return attributes + " " + content.hashCode();
  }

  private static long openDescriptors() throws IOException {
    try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors.count();
    }
  }

  /** Does something to the files when the copy begins to read. */
  private void atTheFirstRead(Runnable deed) {
    var reads = new AtomicInteger();
    wrapper =
        file ->
            new Watched(file) {
              @Override
              public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
                if (reads.getAndIncrement() == 0) {
                  deed.run();
                }
                return super.read(offset, lengthBytes);
              }
            };
  }

  private List<String> temporaries(String in) {
    String[] names = Objects.requireNonNull(path(in).toFile().list());
    return Stream.of(names).filter(name -> TemporaryName.is(bytes(name))).toList();
  }

  private void append(String name, byte[] more) {
    try {
      Files.write(path(name), more, StandardOpenOption.APPEND);
      Files.setLastModifiedTime(path(name), LONG_AGO);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void cut(String name, long sizeBytes) {
    try (var file = new RandomAccessFile(path(name).toFile(), "rw")) {
      file.setLength(sizeBytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String text(byte[] name) {
    return new String(name, StandardCharsets.US_ASCII);
  }

  private static void remove(Path tree) throws IOException {
    try {
      assertThat(new ProcessBuilder("rm", "-rf", tree.toString()).start().waitFor()).isZero();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void write(String name, String content) throws IOException {
    Files.writeString(path(name), content);
  }

  private Path path(String name) {
    return directory.resolve(name);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
