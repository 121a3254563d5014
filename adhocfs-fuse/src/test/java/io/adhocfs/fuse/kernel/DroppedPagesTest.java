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

  private final DroppedPages pages = new DroppedPages();

  private static FileAttributes file(long mtimeNanos, long dataVersion) {
    return new FileAttributes(
        new InodeId(NODE),
        FileType.REGULAR,
        0644,
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
        dataVersion,
        false,
        new FileLayout(FileLayout.CHUNK_SIZE_BYTES_MAX, 0, 1, 0, false));
  }

  /** Opened, told once, and whoever was told has come back. */
  private void known(FileAttributes file) {
    pages.opened(NODE);
    pages.tell(file, THREAD);
    pages.heard(THREAD);
  }

  @Test
  void othersWaitUntilWhoWasToldOfAChangeComesBack() {
    known(file(1, 1));
    assertThat(pages.underWay(file(1, 1), OTHER_THREAD)).isNull();
    assertThat(pages.tellBeforeRead(file(2, 2), THREAD)).isEqualTo(2);
    assertThat(pages.underWay(file(2, 2), THREAD)).isNull();
    CompletableFuture<Void> drop = Objects.requireNonNull(pages.underWay(file(2, 2), OTHER_THREAD));
    assertThat(drop).isNotDone();
    pages.heard(OTHER_THREAD);
    assertThat(drop).isNotDone();
    pages.heard(THREAD);
    assertThat(drop).isDone();
    assertThat(pages.underWay(file(2, 2), OTHER_THREAD)).isNull();
    assertThat(pages.tellBeforeRead(file(2, 2), OTHER_THREAD)).isEqualTo(2);
    assertThat(pages.underWay(file(2, 2), THREAD)).isNull();
  }

  @Test
  void whoIsToldOfSeveralChangesInOneAnswerComesBackFromAll() {
    known(file(1, 1));
    pages.tell(file(2, 2), THREAD);
    pages.tell(file(3, 3), THREAD);
    CompletableFuture<Void> drop = Objects.requireNonNull(pages.underWay(file(3, 3), OTHER_THREAD));
    pages.heard(THREAD);
    assertThat(drop).isDone();
  }

  @Test
  void aChangeThatMovesNoTimeIsShownByOne() {
    known(file(1, 1));
    pages.tell(file(1, 2), THREAD);
    assertThat(pages.tellBeforeRead(file(1, 2), THREAD)).isEqualTo(2);
    assertThat(pages.underWay(file(1, 2), OTHER_THREAD)).isNotNull();
    pages.heard(THREAD);
    // The true time again, which is a change too.
    assertThat(pages.tellBeforeRead(file(1, 2), OTHER_THREAD)).isEqualTo(1);
    pages.heard(OTHER_THREAD);
    assertThat(pages.tellBeforeRead(file(1, 2), THREAD)).isEqualTo(1);
    assertThat(pages.underWay(file(1, 2), OTHER_THREAD)).isNull();
  }

  @Test
  void aChangeThatTheKernelOnlyNotesIsShownBeforeTheNextRead() {
    known(file(1, 1));
    pages.tellChanged(file(2, 2));
    assertThat(pages.tellBeforeRead(file(2, 2), THREAD)).isEqualTo(3);
    // A change of attributes alone drops nothing.
    known(file(2, 2));
    pages.tellChanged(file(2, 2));
    assertThat(pages.tellBeforeRead(file(2, 2), THREAD)).isEqualTo(2);
  }

  @Test
  void nothingIsKeptOfFilesThatNobodyHasOpened() {
    pages.tell(file(1, 1), THREAD);
    assertThat(pages.tellBeforeRead(file(2, 2), THREAD)).isEqualTo(2);
    assertThat(pages.underWay(file(2, 2), OTHER_THREAD)).isNull();
  }
}
