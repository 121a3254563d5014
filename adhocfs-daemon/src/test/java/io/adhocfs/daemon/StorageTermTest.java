package io.adhocfs.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StorageTermTest {
  @Test
  void risesWithEachStartOfTheMachineAndNotOfTheProcess(@TempDir Path directory)
      throws FsException {
    SmallFile file = SmallFile.at(directory.resolve("term"));
    assertThat(StorageTerm.take(file, "first")).isEqualTo(1);
    assertThat(StorageTerm.take(file, "first")).isEqualTo(1);
    assertThat(StorageTerm.take(file, "second")).isEqualTo(2);
    assertThat(StorageTerm.take(file, "second")).isEqualTo(2);
    assertThat(StorageTerm.take(file, "first")).isEqualTo(3);
  }

  @Test
  void theKernelTellsWhichStartItIs(@TempDir Path directory) throws FsException {
    SmallFile file = SmallFile.at(directory.resolve("term"));
    assertThat(StorageTerm.take(file)).isEqualTo(StorageTerm.take(file));
  }

  @Test
  void aDamagedFileIsNamed(@TempDir Path directory) throws Exception {
    Path path = directory.resolve("term");
    long _ = StorageTerm.take(SmallFile.at(path), "first");
    byte[] bytes = Files.readAllBytes(path);
    bytes[bytes.length - 1] ^= 1;
    Files.write(path, bytes);
    assertThatExceptionOfType(FsException.class)
        .isThrownBy(() -> StorageTerm.take(SmallFile.at(path), "first"))
        .withMessageContaining(path.toString())
        .matches(failure -> failure.error() == FsError.CORRUPT);
  }
}
