package io.adhocfs.fuse.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.fuse.InodeFileSystem.OpenMode;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the kernel is told of files that are open, with a played kernel. */
class CachedPagesTest {
  private static final long NODE = 78;
  private static final OpenMode KEPT = new OpenMode(false, true);

  /** A thread of a program. */
  private static final int THREAD = 5001;

  /** The notifier's work, done when a test says so. */
  private final ArrayDeque<Runnable> work = new ArrayDeque<>();

  private final List<String> done = new ArrayList<>();
  private CompletableFuture<ByteBuf> lastByte = byteOf(7);
  private Runnable beforeDrop = () -> {};

  private final CachedPages pages =
      new CachedPages(
          new CachedPages.Kernel() {
            @Override
            public void dropPages(long node, long offset, long lengthBytes) {
              beforeDrop.run();
              done.add(
                  lengthBytes == 0
                      ? "drop " + node
                      : "drop %d from %d of %d".formatted(lengthBytes, offset, node));
            }

            @Override
            public void store(long node, long offset, ByteBuf bytes) {
              done.add("store " + bytes.getByte(0) + " at " + offset + " of " + node);
            }
          },
          new CachedPages.Files() {
            @Override
            public long stamp(FileAttributes attributes) {
              return attributes.dataVersion();
            }

            @Override
            public CompletableFuture<ByteBuf> lastByte(FileAttributes attributes) {
              return lastByte;
            }
          },
          work::add);

  private static CompletableFuture<ByteBuf> byteOf(int value) {
    return CompletableFuture.completedFuture(Unpooled.buffer(1).writeByte(value));
  }

  private static FileAttributes file(long version, long sizeBytes, long mtimeNanos, int mode) {
    return new FileAttributes(
        new InodeId(NODE),
        FileType.REGULAR,
        mode,
        0,
        0,
        1,
        sizeBytes,
        0,
        mtimeNanos,
        0,
        0,
        InodeId.NONE,
        0,
        0,
        version,
        false,
        new FileLayout(FileLayout.CHUNK_SIZE_BYTES_MAX, 0, 1, 0, false));
  }

  private static FileAttributes file(long version, long sizeBytes) {
    return file(version, sizeBytes, version, 0644);
  }

  /** Opened, with the size that a lookup has just told. */
  private void opened(FileAttributes file) {
    assertThat(pages.tell(file, true)).isEqualTo(file.mtimeNanos());
    assertThat(open(file, false)).isNull();
  }

  private @Nullable CompletableFuture<Void> open(FileAttributes file, boolean tellsSize) {
    return pages.opened(file, OpenMode.CACHED, tellsSize).drop();
  }

  private CompletableFuture<Void> waited(@Nullable CompletableFuture<Void> drop) {
    return Objects.requireNonNull(drop, "nothing is waited for");
  }

  private void work() {
    Objects.requireNonNull(work.poll(), "the notifier has nothing to do").run();
  }

  @Test
  void nothingIsDroppedWhileTheStampStays() {
    opened(file(1, 100));
    assertThat(pages.current(file(1, 100))).isNull();
    assertThat(pages.current(file(1, 200, 9, 0600))).isNull();
    assertThat(work).isEmpty();
  }

  @Test
  void allWhoAskWaitForTheSameDrop() {
    opened(file(1, 100));
    CompletableFuture<Void> first = waited(pages.current(file(2, 100)));
    assertThat(pages.current(file(2, 100))).isSameAs(first);
    assertThat(first).isNotDone();
    work();
    assertThat(first).isDone();
    assertThat(done).containsExactly("drop " + NODE);
    assertThat(pages.current(file(2, 100))).isNull();
    assertThat(work).isEmpty();
  }

  @Test
  void aChangeDuringADropIsDroppedAfterIt() {
    opened(file(1, 100));
    CompletableFuture<Void> first = waited(pages.current(file(2, 100)));
    CompletableFuture<Void> second = waited(pages.current(file(3, 100)));
    assertThat(second).isNotSameAs(first);
    assertThat(work).hasSize(1);
    work();
    assertThat(first).isDone();
    assertThat(second).isNotDone();
    work();
    assertThat(second).isDone();
    assertThat(done).hasSize(2);
  }

  @Test
  void aSizeThatOthersHaveGrownIsRaisedByTheLastByte() {
    opened(file(1, 100));
    lastByte = new CompletableFuture<>();
    CompletableFuture<Void> drop = waited(pages.current(file(2, 300)));
    assertThat(work).isEmpty();
    ByteBuf bytes = Unpooled.buffer(1).writeByte(42);
    lastByte.complete(bytes);
    work();
    assertThat(drop).isDone();
    assertThat(done).containsExactly("drop " + NODE, "store 42 at 299 of " + NODE);
    assertThat(bytes.refCnt()).isZero();
  }

  @Test
  void anEndThatCannotBeReadStillDropsPages() {
    opened(file(1, 100));
    lastByte = CompletableFuture.failedFuture(new IllegalStateException("planted"));
    CompletableFuture<Void> drop = waited(pages.current(file(2, 300)));
    work();
    assertThat(drop).isCompletedWithValue(null);
    assertThat(done).containsExactly("drop " + NODE);
  }

  @Test
  void aSizeThatHasShrunkIsLeftToTheNextRead() {
    opened(file(1, 100));
    var _ = waited(pages.current(file(2, 10)));
    work();
    assertThat(done).containsExactly("drop " + NODE);
    lastByte = byteOf(5);
    var _ = waited(pages.current(file(3, 50)));
    work();
    assertThat(done).endsWith("drop " + NODE, "store 5 at 49 of " + NODE);
  }

  @Test
  void anOpenOfWhatIsOpenWaitsForPagesOfOldData() {
    opened(file(1, 100));
    CompletableFuture<Void> drop = waited(open(file(2, 100), false));
    work();
    assertThat(drop).isDone();
  }

  @Test
  void anOpenOfANewerFileThanWasLookedUpTellsItsSize() {
    assertThat(pages.tell(file(1, 100), true)).isEqualTo(1);
    CompletableFuture<Void> drop = waited(open(file(2, 300), false));
    work();
    assertThat(drop).isDone();
    assertThat(done).endsWith("store 7 at 299 of " + NODE);
  }

  @Test
  void anOpenThatTellsTheSizeOrFindsNoneWaitsForNothing() {
    assertThat(open(file(2, 300), true)).isNull();
    pages.closed(NODE);
    assertThat(work).isEmpty();
    assertThat(open(file(3, 0), false)).isNull();
    assertThat(work).isEmpty();
  }

  @Test
  void anotherOpenOfPagesThatMayBeTooOldHasThemDroppedHereAndNotByTheKernel() {
    opened(file(1, 100));
    CachedPages.Opening opening = pages.opened(file(1, 100), OpenMode.CACHED, false);
    assertThat(opening.mode()).isEqualTo(KEPT);
    CompletableFuture<Void> drop = waited(opening.drop());
    work();
    assertThat(drop).isDone();
    CachedPages.Opening direct = pages.opened(file(1, 100), new OpenMode(true, false), false);
    assertThat(direct).isEqualTo(new CachedPages.Opening(null, new OpenMode(true, true)));
  }

  /** As the kernel does it: it has the bytes of a write before the request comes. */
  @Test
  void pagesThatWereReadBetweenADropAndAWriteThatBeganBeforeItAreDroppedAgain() {
    opened(file(1, 100));
    long _ = pages.waits(THREAD);
    var _ = waited(pages.current(file(2, 100)));
    work();
    pages.reads(NODE);
    pages.written(NODE, pages.waits(THREAD), 8, 8);
    CompletableFuture<Void> again = waited(pages.current(file(2, 100)));
    work();
    assertThat(again).isDone();
    assertThat(done).containsExactly("drop " + NODE, "drop 8 from 8 of " + NODE);
    // Whatever it asks for, it waits for the answer.
    long _ = pages.waits(THREAD);
    pages.reads(NODE);
    pages.written(NODE, pages.waits(THREAD), 16, 8);
    assertThat(work).isEmpty();
  }

  @Test
  void aWriteWhoseThreadHasWaitedSinceTheDropHasBegunAfterIt() {
    opened(file(1, 100));
    var _ = waited(pages.current(file(2, 100)));
    work();
    long _ = pages.waits(THREAD);
    pages.reads(NODE);
    pages.written(NODE, pages.waits(THREAD), 8, 8);
    assertThat(work).isEmpty();
  }

  @Test
  void aWriteBesideADropOfPagesThatNobodyHasReadSinceDropsNothing() {
    opened(file(1, 100));
    long _ = pages.waits(THREAD);
    pages.reads(NODE);
    var _ = waited(pages.current(file(2, 100)));
    work();
    pages.written(NODE, pages.waits(THREAD), 8, 8);
    assertThat(work).isEmpty();
  }

  @Test
  void aWriteThatIsAnsweredDuringADropHasItsPagesDroppedAfterIt() {
    opened(file(1, 100));
    long _ = pages.waits(THREAD);
    beforeDrop =
        () -> {
          beforeDrop = () -> {};
          pages.reads(NODE);
          pages.written(NODE, pages.waits(THREAD), 8, 8);
        };
    var _ = waited(pages.current(file(2, 100)));
    work();
    work();
    assertThat(done).containsExactly("drop " + NODE, "drop 8 from 8 of " + NODE);
  }

  @Test
  void dropsOfOtherPartsOfAFileDoNotConcernAWrite() {
    long far = 1L << 30;
    opened(file(1, 2 * far));
    long _ = pages.waits(THREAD);
    long _ = pages.waits(THREAD + 1);
    var _ = waited(pages.current(file(2, 2 * far)));
    work();
    pages.reads(NODE);
    pages.written(NODE, pages.waits(THREAD), far, 8);
    long since = pages.waits(THREAD);
    work();
    pages.reads(NODE);
    pages.written(NODE, since, 0, 8);
    assertThat(work).isEmpty();
    pages.written(NODE, since, far + 100, 8);
    assertThat(work).hasSize(1);
  }

  @Test
  void ofAThreadThatIsNotKnownAllMayHaveBegunLongAgo() {
    opened(file(1, 100));
    var _ = waited(pages.current(file(2, 100)));
    work();
    pages.reads(NODE);
    assertThat(pages.waits(0)).isEqualTo(CachedPages.UNKNOWN);
    assertThat(pages.waits(THREAD)).isEqualTo(CachedPages.UNKNOWN);
    // In the same place of the table.
    assertThat(pages.waits(THREAD + 4096)).isEqualTo(CachedPages.UNKNOWN);
    pages.written(NODE, CachedPages.UNKNOWN, 0, 8);
    assertThat(work).hasSize(1);
  }

  @Test
  void afterTheLastCloseNothingIsWaitedFor() {
    opened(file(1, 100));
    assertThat(pages.opened(file(1, 100), KEPT, false).drop()).isNull();
    pages.closed(NODE);
    assertThat(pages.current(file(2, 100))).isNotNull();
    pages.closed(NODE);
    assertThat(pages.current(file(3, 100))).isNull();
  }

  @Test
  void timesThatNoProgramSeesStayAsTheyWereToldFirst() {
    opened(file(1, 100, 11, 0644));
    assertThat(pages.tell(file(2, 100, 12, 0644), true)).isEqualTo(11);
    // With timeouts a program may be told what the kernel has: the true time.
    assertThat(pages.tell(file(2, 100, 12, 0644), false)).isEqualTo(12);
    assertThat(pages.tell(file(3, 100, 13, 0644), true)).isEqualTo(12);
  }

  @Test
  void whatWasNeverOpenHereIsAlwaysToldTheTrueTime() {
    assertThat(pages.tell(file(1, 100, 11, 0644), true)).isEqualTo(11);
    assertThat(pages.tell(file(2, 100, 12, 0644), true)).isEqualTo(12);
    assertThat(pages.tellProgram(file(3, 100, 13, 0644))).isFalse();
  }

  @Test
  void aProgramsAnswerIsKeptFromTheKernelWhereOnlyTheTimeDiffers() {
    opened(file(1, 100, 11, 0644));
    assertThat(pages.tellProgram(file(1, 100, 11, 0644))).isFalse();
    assertThat(pages.tellProgram(file(2, 100, 12, 0644))).isTrue();
    assertThat(pages.tellProgram(file(2, 100, 12, 0600))).isFalse();
    assertThat(pages.tellProgram(file(2, 100, 12, 0600))).isFalse();
    assertThat(pages.tellProgram(file(3, 101, 13, 0600))).isFalse();
  }
}
