package io.adhocfs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FsError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ErrnosTest {

  @ParameterizedTest
  @EnumSource(FsError.class)
  void everyErrorIsOneThatTheKernelPassesOn(FsError error) {
    assertThat(Errnos.of(error)).isBetween(1, 511);
    // Only a lock that was asked for without waiting may say so.
    assertThat(Errnos.of(error) == Errnos.EAGAIN).isEqualTo(error == FsError.WOULD_BLOCK);
  }

  @Test
  void aMissingInodeIsStaleAndAMissingNameIsNot() {
    assertThat(Errnos.of(FsError.NOT_FOUND)).isEqualTo(Errnos.ENOENT);
    assertThat(Errnos.ofInodeRequest(FsError.NOT_FOUND)).isEqualTo(Errnos.ESTALE);
    assertThat(Errnos.ofInodeRequest(FsError.EXISTS)).isEqualTo(Errnos.EEXIST);
  }
}
