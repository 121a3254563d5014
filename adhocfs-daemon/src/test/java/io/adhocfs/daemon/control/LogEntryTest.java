package io.adhocfs.daemon.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What comes back from the replicated log. */
final class LogEntryTest {
  private static FsError refusal(byte[] result) {
    return catchThrowableOfType(FsException.class, () -> LogEntry.Result.of(result)).error();
  }

  @Test
  void aResultThatIsNoneIsABadMessage() throws Exception {
    var result = new LogEntry.Result(Outcome.OK, 7);
    byte[] bytes = result.bytes();
    assertThat(LogEntry.Result.of(bytes)).isEqualTo(result);
    byte[] unknown = bytes.clone();
    unknown[0] = 99;
    assertThat(refusal(unknown)).isEqualTo(FsError.BAD_MESSAGE);
    assertThat(refusal(Arrays.copyOf(bytes, bytes.length - 1))).isEqualTo(FsError.BAD_MESSAGE);
    assertThat(refusal(Arrays.copyOf(bytes, bytes.length + 1))).isEqualTo(FsError.BAD_MESSAGE);
  }
}
