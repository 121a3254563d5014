package io.adhocfs.daemon.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NumberLimitTest {
  private static final int SLOT = 77;
  private static final int DRAWN = 3 * MetadataStore.ID_BLOCK / 2;

  @TempDir Path directory;

  private void draw(Path records, Set<Long> numbers) throws FsException {
    try (var database = new RocksSlotStore(records, 1L << 30)) {
      var store =
          new MetadataStore(
              database, NumberLimit.open(SmallFile.at(directory.resolve(NumberLimit.FILE_NAME))));
      for (int i = 0; i < DRAWN; i++) {
        numbers.add(store.drawInode(SLOT).value());
        numbers.add(store.drawTransaction(SLOT).value());
      }
    }
  }

  @Test
  void numbersAreNeverGivenAgainAfterTheLogThatCountedThemWasLost() throws Exception {
    Set<Long> numbers = new HashSet<>();
    // Each time the counter of the time before is missing, as are the records that it was for.
    draw(directory.resolve("first"), numbers);
    draw(directory.resolve("second"), numbers);
    draw(directory.resolve("third"), numbers);
    assertThat(numbers).hasSize(3 * 2 * DRAWN);
  }

  @Test
  void numbersPastTheBoundRaiseItBeforeTheyAreGiven() throws Exception {
    NumberLimit limit = NumberLimit.open(SmallFile.at(directory.resolve(NumberLimit.FILE_NAME)));
    assertThat(limit.first()).isZero();
    long high = 5 * NumberLimit.STEP;
    limit.reach(high);
    assertThat(NumberLimit.open(SmallFile.at(directory.resolve(NumberLimit.FILE_NAME))).first())
        .isGreaterThanOrEqualTo(high);
  }
}
