package io.adhocfs.fuse.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class DroppedPagesTest {
  private static final int THREAD = 4711;
  private static final int OTHER_THREAD = 4712;
  private static final long NODE = 78;

  private long stamp = 1;
  private final DroppedPages pages = new DroppedPages(_ -> stamp);

  private static FileAttributes file(long mtimeNanos) {
    return file(mtimeNanos, 0644);
  }

  private static FileAttributes file(long mtimeNanos, int mode) {
    return new FileAttributes(
        new InodeId(NODE),
        FileType.REGULAR,
        mode,
        0,
        0,
        1,
        100,
        0,
        mtimeNanos,
        0,
        0,
        InodeId.NONE,
        0,
        0,
        0,
        false,
        new FileLayout(FileLayout.CHUNK_SIZE_BYTES_MAX, 0, 1, 0, false));
  }

  /** What the kernel is told before a read, or with a name. */
  private long told(FileAttributes file, int thread) {
    return pages.tell(file, thread, true);
  }

  /** Opened, told once, and whoever was told has come back. */
  private void known(FileAttributes file) {
    pages.opened(NODE);
    assertThat(told(file, THREAD)).isEqualTo(file.mtimeNanos());
    pages.heard(THREAD);
  }

  private CompletableFuture<Void> drop(FileAttributes file, int thread) {
    return Objects.requireNonNull(pages.underWay(file, thread));
  }

  @Test
  void othersWaitUntilWhoWasToldOfAChangeComesBack() {
    known(file(1));
    assertThat(pages.underWay(file(1), OTHER_THREAD)).isNull();
    stamp = 2;
    assertThat(told(file(2), THREAD)).isEqualTo(2);
    assertThat(pages.underWay(file(2), THREAD)).isNull();
    CompletableFuture<Void> drop = drop(file(2), OTHER_THREAD);
    assertThat(drop).isNotDone();
    pages.heard(OTHER_THREAD);
    assertThat(drop).isNotDone();
    pages.heard(THREAD);
    assertThat(drop).isDone();
    assertThat(pages.underWay(file(2), OTHER_THREAD)).isNull();
    assertThat(told(file(2), OTHER_THREAD)).isEqualTo(2);
    assertThat(pages.underWay(file(2), THREAD)).isNull();
  }

  @Test
  void whoIsToldOfSeveralChangesInOneAnswerComesBackFromAll() {
    known(file(1));
    stamp = 2;
    assertThat(told(file(2), THREAD)).isEqualTo(2);
    stamp = 3;
    assertThat(told(file(3), THREAD)).isEqualTo(3);
    CompletableFuture<Void> drop = drop(file(3), OTHER_THREAD);
    pages.heard(THREAD);
    assertThat(drop).isDone();
  }

  @Test
  void aChangeThatMovesNoTimeIsShownByOne() {
    known(file(1));
    stamp = 2;
    assertThat(told(file(1), THREAD)).isEqualTo(2);
    assertThat(drop(file(1), OTHER_THREAD)).isNotDone();
    pages.heard(THREAD);
    assertThat(told(file(1), OTHER_THREAD)).isEqualTo(2);
    assertThat(pages.underWay(file(1), THREAD)).isNull();
  }

  @Test
  void timesThatMoveWhilePagesMayStayAreForProgramsAlone() {
    known(file(1));
    assertThat(told(file(5), THREAD)).isEqualTo(1);
    assertThat(pages.underWay(file(5), OTHER_THREAD)).isNull();
    assertThat(pages.tellProgram(file(5), THREAD)).isTrue();
    assertThat(told(file(5), THREAD)).isEqualTo(1);
    // Another mode is for the inode too, whatever that drops.
    assertThat(pages.tellProgram(file(5, 0600), THREAD)).isFalse();
    assertThat(told(file(5, 0600), THREAD)).isEqualTo(5);
  }

  @Test
  void nobodyWhoAsksBeforeAReadIsPassedOver() {
    known(file(1));
    pages.asks(NODE);
    assertThat(pages.tellProgram(file(5), THREAD)).isFalse();
    pages.answered(NODE);
    assertThat(pages.tellProgram(file(6), THREAD)).isTrue();
  }

  @Test
  void aProgramThatIsToldOfAChangeDropsPagesLikeOthers() {
    known(file(1));
    stamp = 2;
    assertThat(pages.tellProgram(file(2), THREAD)).isFalse();
    assertThat(drop(file(2), OTHER_THREAD)).isNotDone();
    pages.heard(THREAD);
    assertThat(told(file(2), OTHER_THREAD)).isEqualTo(2);
    assertThat(pages.underWay(file(2), THREAD)).isNull();
  }

  @Test
  void aChangeThatAProgramCanNotShowTheKernelIsShownBeforeTheNextRead() {
    known(file(1));
    stamp = 2;
    assertThat(pages.tellProgram(file(1), THREAD)).isFalse();
    assertThat(pages.underWay(file(1), OTHER_THREAD)).isNull();
    assertThat(told(file(1), THREAD)).isEqualTo(2);
    assertThat(drop(file(1), OTHER_THREAD)).isNotDone();
  }

  @Test
  void aChangeThatTheKernelOnlyNotesIsShownBeforeTheNextRead() {
    known(file(1));
    stamp = 2;
    pages.tellChanged(file(2), THREAD);
    assertThat(told(file(2), THREAD)).isEqualTo(3);
    // A change of attributes alone drops nothing.
    pages.tellChanged(file(3, 0600), THREAD);
    assertThat(told(file(3, 0600), THREAD)).isEqualTo(3);
  }

  @Test
  void whereProgramsDoNotAskAgainTheyAreNotMisled() {
    known(file(1));
    assertThat(pages.tell(file(5), THREAD, false)).isEqualTo(5);
    stamp = 2;
    assertThat(pages.tell(file(6), THREAD, false)).isEqualTo(6);
  }

  @Test
  void nothingIsKeptOfFilesThatNobodyHasOpened() {
    assertThat(told(file(1), THREAD)).isEqualTo(1);
    stamp = 2;
    assertThat(told(file(2), THREAD)).isEqualTo(2);
    assertThat(pages.tellProgram(file(3), THREAD)).isFalse();
    assertThat(pages.underWay(file(2), OTHER_THREAD)).isNull();
  }
}
