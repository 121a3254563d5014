package io.adhocfs.fuse.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PendingSignalsTest {
  @ParameterizedTest
  @CsvSource({
    // thread, process, blocked, ignored, handled
    "0000000000000100, 0000000000000000, 0000000000000000, 0000000000000000, 0000000000000000, DEADLY",
    "0000000000000000, 0000000000000002, 0000000000000000, 0000000000000000, 0000000000000000, DEADLY",
    "0000000000000000, 0000000000000002, 0000000000000000, 0000000000000000, 0000000000000002, ASKED_TO_END",
    "0000000000000000, 0000000000004000, 0000000000000000, 0000000000000000, fffffffffffffeff, ASKED_TO_END",
    "0000000000000000, 0000000000000002, 0000000000000002, 0000000000000000, 0000000000000000, HARMLESS",
    "0000000000000000, 0000000000000002, 0000000000000000, 0000000000000002, 0000000000000000, HARMLESS",
    "0000000000000000, 0000000000040000, 0000000000000000, 0000000000000000, 0000000000000000, HARMLESS",
    "0000000000002000, 0000000000000000, 0000000000000000, 0000000000000000, 0000000000002000, HARMLESS",
    "0000000000002000, 0000000000000000, 0000000000000000, 0000000000000000, 0000000000000000, DEADLY",
    "8000000000000000, 0000000000000000, 0000000000000000, 0000000000000000, 0000000000000000, DEADLY",
    "0000000000000000, 0000000000000000, 0000000000000000, 0000000000000000, 0000000000000000, HARMLESS",
  })
  void tellsWhatASignalMeans(
      String thread,
      String process,
      String blocked,
      String ignored,
      String handled,
      PendingSignals expected) {
    assertThat(
            PendingSignals.ofStatus(
                "Name:\tx\nSigQ:\t0/1\nSigPnd:\t%s\nShdPnd:\t%s\nSigBlk:\t%s\nSigIgn:\t%s\nSigCgt:\t%s\nCapInh:\t0\n"
                    .formatted(thread, process, blocked, ignored, handled)))
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"0", "-1", "2147483647"})
  void knowsNothingOfThreadsThatAreNotThere(int thread) {
    assertThat(PendingSignals.of(thread)).isEqualTo(PendingSignals.UNKNOWN);
  }
}
