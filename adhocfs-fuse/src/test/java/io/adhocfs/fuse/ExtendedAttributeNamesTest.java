package io.adhocfs.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ExtendedAttributeNamesTest {
  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  @Test
  void switchesHaveNamesOfTheirOwn() {
    assertThat(ExtendedAttributeNames.switchKey(bytes("user.adhocfs.chunk.size")))
        .isEqualTo("chunk.size");
    assertThat(ExtendedAttributeNames.switchKey(bytes("user.adhocfs."))).isEmpty();
    for (String other :
        new String[] {"user.adhocfs", "user.adhocfsx", "trusted.adhocfs.fsync", "user.a", ""}) {
      assertThat(ExtendedAttributeNames.switchKey(bytes(other))).as(other).isNull();
    }
  }

  @Test
  void listingsShowWhatMayBeSeenAndNoSwitches() {
    List<byte[]> names = List.of(bytes("user.a"), bytes("trusted.b"), bytes("user.adhocfs.fsync"));
    assertThat(ExtendedAttributeNames.listing(names, true)).isEqualTo(bytes("user.a\0trusted.b\0"));
    assertThat(ExtendedAttributeNames.listing(names, false)).isEqualTo(bytes("user.a\0"));
  }
}
