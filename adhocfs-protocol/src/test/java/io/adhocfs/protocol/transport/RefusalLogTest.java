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
    assertThat(lines).hasSize(RefusalLog.LINES_MAX);
    assertThat(lines.getFirst()).contains("connection 0", "MALFORMED", "no");
    log.minute();
    assertThat(lines).hasSize(RefusalLog.LINES_MAX + 1);
    assertThat(lines.getLast()).contains("38990 more", "19495 MALFORMED", "19495 SECRET");
    log.minute();
    assertThat(lines).hasSize(RefusalLog.LINES_MAX + 1);
    log.refused("another", Refusal.SECRET, "no");
    assertThat(lines.getLast()).contains("another");
  }
}
