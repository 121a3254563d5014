package io.adhocfs.daemon.transaction;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Records of transactions that are damaged. */
final class TransactionRecordsTest {
  @Test
  void aDamagedDecisionIsCorrupt() throws Exception {
    byte[] record = TransactionRecords.slots(List.of(3, 70));
    assertThat(TransactionRecords.slots(record)).containsExactly(3, 70);
    for (int length : new int[] {0, 1, 4, record.length - 1, record.length + 1}) {
      byte[] damaged = Arrays.copyOf(record, length);
      assertThat(
              catchThrowableOfType(FsException.class, () -> TransactionRecords.slots(damaged))
                  .error())
          .as("%d bytes", length)
          .isEqualTo(FsError.CORRUPT);
    }
  }
}
