package io.adhocfs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.InodeId;
import org.junit.jupiter.api.Test;

class CachedVersionsTest {
  private final CachedVersions versions = new CachedVersions();

  private CachedVersions.Pages opened(long inode, long version) {
    return versions.of(
        new FileAttributes(
            new InodeId(inode),
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
            new FileLayout(4096, 0, 1, 0, false)));
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
}
