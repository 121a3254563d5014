package io.adhocfs.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class NewInodeTest {
  private static final Owner OWNER = new Owner(3, 4);
  private static final byte[] NONE = {};
  private static final byte[] TARGET = {'t'};

  private static void refused(FileType type, int mode, byte[] target) {
    var made = new NewInode(type, mode, OWNER, 0, target);
    assertThatThrownBy(made::check)
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.INVALID));
  }

  @Test
  void onlyASymbolicLinkHasATarget() {
    refused(FileType.SYMLINK, 0777, NONE);
    refused(FileType.REGULAR, 0644, TARGET);
    refused(FileType.DIRECTORY, 0755, TARGET);
    assertThatCode(() -> new NewInode(FileType.SYMLINK, 0777, OWNER, 0, TARGET).check())
        .doesNotThrowAnyException();
  }

  @Test
  void modesHaveNoOtherBits() {
    refused(FileType.REGULAR, 0100644, NONE);
    refused(FileType.DIRECTORY, -1, NONE);
  }

  @Test
  void factoriesMakeSoundValuesOnly() {
    assertThatThrownBy(() -> NewInode.regularFile(010000, OWNER))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> NewInode.symlink(NONE, OWNER))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> NewInode.node(FileType.DIRECTORY, 0, OWNER, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> NewInode.node(FileType.SYMLINK, 0, OWNER, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static FileAttributes directory(int mode) {
    return new FileAttributes(
        InodeId.ROOT,
        FileType.DIRECTORY,
        mode,
        8,
        9,
        2,
        0,
        0,
        0,
        0,
        0,
        InodeId.ROOT,
        0,
        0,
        0,
        false,
        new FileLayout(1 << 20, 0, 1, 0, false));
  }

  @Test
  void aSetGroupIdDirectoryPassesItsGroupOnAndTheBitToDirectories() {
    NewInode file = NewInode.regularFile(0644, OWNER);
    NewInode below = NewInode.directory(0755, OWNER);
    assertThat(file.madeIn(directory(0755))).isSameAs(file);
    assertThat(below.madeIn(directory(0755))).isSameAs(below);
    assertThat(file.madeIn(directory(02755)))
        .returns(new Owner(3, 9), NewInode::owner)
        .returns(0644, NewInode::mode);
    assertThat(below.madeIn(directory(02755)))
        .returns(new Owner(3, 9), NewInode::owner)
        .returns(02755, NewInode::mode);
  }
}
