package io.adhocfs.protocol.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.transport.Handshake.Refusal;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RefusalLogTest {
  private final List<String> lines = new ArrayList<>();
  private final RefusalLog log = new RefusalLog(lines::add);

  @Test
  void ofManyRefusalsWithinAMinuteMostShareALine() {
    for (int i = 0; i < 39_000; i++) {
      log.refused("connection " + i, i % 2 == 0 ? Refusal.MALFORMED : Refusal.SECRET, "no");
    }
    int said = 2 * RefusalLog.LINES_MAX;
    assertThat(lines).as("a few for each reason").hasSize(said);
    assertThat(lines.getFirst()).contains("connection 0", "MALFORMED", "no");
    log.minute();
    assertThat(lines).hasSize(said + 1);
    assertThat(lines.getLast()).contains("38980 more", "19490 MALFORMED", "19490 SECRET");
    log.minute();
    assertThat(lines).hasSize(said + 1);
    log.refused("another", Refusal.SECRET, "no");
    assertThat(lines.getLast()).contains("another");
  }

  @Test
  void aFloodHidesNothingElse() {
    for (int i = 0; i < 1000; i++) {
      log.refused("connection " + i, Refusal.MALFORMED, "no");
    }
    log.refused("a", Refusal.MALFORMED, "something new");
    log.refused("b", Refusal.SECRET, "another reason");
    assertThat(lines).anyMatch(line -> line.contains("something new"));
    assertThat(lines).anyMatch(line -> line.contains("another reason"));
    for (int i = 0; i < 1000; i++) {
      log.refused("connection " + i, Refusal.MALFORMED, "always something new " + i);
    }
    assertThat(lines).hasSizeLessThan(2 * RefusalLog.MESSAGES_MAX);
  }
}
