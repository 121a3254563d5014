package io.adhocfs.fuse.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ToldAttributesTest {
  private static final int THREAD = 4711;
  private static final int OTHER_THREAD = 4712;
  private static final long LONG_NANOS = TimeUnit.HOURS.toNanos(1);

  private final ToldAttributes told = new ToldAttributes(LONG_NANOS);
  private final FileAttributes directory = attributes(77, FileType.DIRECTORY);
  private final FileAttributes file = attributes(78, FileType.REGULAR);

  private static FileAttributes attributes(long inode, FileType type) {
    return new FileAttributes(
        new InodeId(inode),
        type,
        0755,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        InodeId.NONE,
        0,
        0,
        0,
        false,
        new FileLayout(FileLayout.CHUNK_SIZE_BYTES_MAX, 0, 1, 0, false));
  }

  @Test
  void answersForADirectoryAgainToEverybody() {
    told.told(directory, THREAD, told.now(), false);
    assertThat(told.recall(77, THREAD)).isSameAs(directory);
    assertThat(told.recall(77, OTHER_THREAD)).isSameAs(directory);
    assertThat(told.recall(76, THREAD)).isNull();
  }

  @Test
  void answersForAFileOnceToWhoLookedItUp() {
    told.told(file, THREAD, told.now(), true);
    assertThat(told.recall(78, OTHER_THREAD)).isNull();
    assertThat(told.recall(78, THREAD)).isSameAs(file);
    assertThat(told.recall(78, THREAD)).isNull();
  }

  @Test
  void forgetsAFileWhenTheCallIsOver() {
    told.told(file, THREAD, told.now(), true);
    told.callGoesOn(OTHER_THREAD);
    told.callGoesOn(THREAD);
    assertThat(told.recall(78, THREAD)).isNull();
    told.told(file, THREAD, told.now(), false);
    assertThat(told.recall(78, THREAD)).isNull();
  }

  @Test
  void answersNothingFromBeforeAChange() {
    long asked = told.now();
    told.changes(77);
    told.told(directory, THREAD, asked, true);
    assertThat(told.recall(77, THREAD)).isNull();
    told.told(directory, THREAD, laterThanAllBefore(), true);
    assertThat(told.recall(77, THREAD)).isSameAs(directory);
    told.changes(77);
    assertThat(told.recall(77, THREAD)).isNull();
    told.told(directory, THREAD, laterThanAllBefore(), true);
    told.changesUnknown();
    assertThat(told.recall(77, THREAD)).isNull();
  }

  @Test
  void takesWhatWasAskedBehindAChangeAndAnsweredAfterIt() {
    long asked = told.now();
    told.changes(77);
    laterThanAllBefore();
    told.toldInOrder(directory, asked);
    assertThat(told.recall(77, THREAD)).isSameAs(directory);
    assertThat(told.isInUse(77)).isTrue();
    long askedBeforeRename = told.now();
    told.changesUnknown();
    laterThanAllBefore();
    told.toldInOrder(directory, askedBeforeRename);
    assertThat(told.recall(77, THREAD)).isNull();
    assertThat(told.isInUse(77)).isFalse();
  }

  @Test
  void answersNothingAfterItsTime() {
    var brief = new ToldAttributes(1);
    brief.told(directory, THREAD, brief.now(), false);
    long until = brief.now() + 1;
    while (brief.now() <= until) {
      Thread.onSpinWait();
    }
    assertThat(brief.recall(77, THREAD)).isNull();
    var never = new ToldAttributes(0);
    never.told(directory, THREAD, Long.MAX_VALUE / 2, false);
    assertThat(never.recall(77, THREAD)).isNull();
  }

  /** A moment of its own, however coarse the clock. */
  private long laterThanAllBefore() {
    long before = told.now();
    long now = before;
    while (now == before) {
      now = told.now();
    }
    return now;
  }
}
