package io.adhocfs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.OwnVersions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CachedVersionsTest {
  private final CachedVersions versions = new CachedVersions();

  private CachedVersions.Pages opened(long inode, long version) {
    return versions.of(inode, new OwnVersions(version, version));
  }

  /** Opened, and back from having older pages dropped. */
  private CachedVersions.Pages alone(long version) {
    CachedVersions.Pages pages = opened(7, version);
    pages.opened();
    return pages;
  }

  private long stamp(long version, @Nullable OwnVersions own) {
    return versions.stamp(
        new FileAttributes(
            new InodeId(7),
            FileType.REGULAR,
            0644,
            1,
            1,
            1,
            5,
            1,
            1,
            1,
            0,
            InodeId.NONE,
            0,
            0,
            version,
            false,
            false,
            new FileLayout(4096, 0, 1, 0, false)),
        own);
  }

  @Test
  void pagesStayOnceSomebodyIsBackFromHavingOlderOnesDropped() {
    CachedVersions.Pages first = opened(7, 1);
    assertThat(first.areAlone()).isFalse();
    assertThat(opened(7, 1).areAlone()).isFalse();
    first.opened();
    assertThat(opened(7, 1).areAlone()).isTrue();
    assertThat(opened(8, 1).areAlone()).isFalse();
  }

  @Test
  void aNewVersionBeginsAnewWhateverComesOfOlderOnes() {
    CachedVersions.Pages first = opened(7, 1);
    first.opened();
    CachedVersions.Pages second = opened(7, 2);
    assertThat(second.areAlone()).isFalse();
    first.opened();
    assertThat(opened(7, 2).areAlone()).isFalse();
    second.opened();
    assertThat(opened(7, 2).areAlone()).isTrue();
  }

  @Test
  void pagesStayOverVersionsThatThisMountHasMade() {
    CachedVersions.Pages pages = alone(4);
    long stamp = stamp(4, new OwnVersions(4, 4));
    assertThat(stamp(6, new OwnVersions(4, 6))).isEqualTo(stamp);
    versions.closing(7, new OwnVersions(4, 8));
    assertThat(stamp(8, null)).isEqualTo(stamp);
    assertThat(opened(7, 8)).isSameAs(pages);
    // An answer from before is no reason to drop anything.
    assertThat(stamp(5, null)).isEqualTo(stamp);
  }

  @Test
  void pagesGoWhereAnotherMountHasMadeAVersion() {
    CachedVersions.Pages pages = alone(4);
    long stamp = stamp(4, new OwnVersions(4, 4));
    long next = stamp(6, new OwnVersions(6, 6));
    assertThat(next).isNotEqualTo(stamp);
    assertThat(opened(7, 6)).isNotSameAs(pages);
    assertThat(opened(7, 6).areAlone()).isFalse();
    // Its own writes after that are its own again.
    assertThat(stamp(7, new OwnVersions(6, 7))).isEqualTo(next);
    assertThat(stamp(9, new OwnVersions(9, 9))).isNotIn(stamp, next);
  }

  @Test
  void pagesGoWhereSomethingWasWrittenPastThem() {
    alone(4);
    versions.writtenPast(7);
    assertThat(opened(7, 4).areAlone()).isFalse();
  }
}
