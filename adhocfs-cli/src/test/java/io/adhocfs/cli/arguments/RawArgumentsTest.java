package io.adhocfs.cli.arguments;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import org.junit.jupiter.api.Test;

class RawArgumentsTest {
  @Test
  void takesBytesThatNoLocaleDecodes() {
    byte[] commandLine = "java\0-cp\0x\0Main\0cat\0adhoc:/\u00ff\u0080\0".getBytes(ISO_8859_1);
    String[] raw = RawArguments.of(new String[] {"cat", "adhoc:/??"}, commandLine);
    assertThat(raw).containsExactly("cat", "adhoc:/\u00ff\u0080");
    assertThat(RawArguments.bytes(raw[1])).endsWith(0xff, 0x80);
  }

  @Test
  void keepsEmptyArguments() {
    byte[] commandLine = "java\0Main\0\0x\0\0".getBytes(ISO_8859_1);
    assertThat(RawArguments.of(new String[] {"", "x", ""}, commandLine))
        .containsExactly("", "x", "");
  }

  @Test
  void fallsBackToDecodedArgumentsWhereTheCommandLineDoesNotHaveThem() {
    for (String commandLine : new String[] {"", "java", "java\0Main\0other\0", "x\0"}) {
      String[] raw =
          RawArguments.of(new String[] {"ls", "adhoc:/\u00e4"}, commandLine.getBytes(ISO_8859_1));
      assertThat(RawArguments.text(raw[1])).isEqualTo("adhoc:/\u00e4");
    }
  }

  @Test
  void pathsOfTheInstanceKeepTheirBytes() throws Exception {
    RawPath path = RawPath.ofArgument("adhoc:/a\u00fe/b");
    assertThat(path.inInstance()).isEqualTo("/a\u00fe/b".getBytes(ISO_8859_1));
    assertThat(RawPath.ofArgument("/a").inInstance()).isEqualTo("/a".getBytes(UTF_8));
    assertThatThrownBy(() -> RawPath.ofArgument("adhoc:a").inInstance())
        .hasMessageContaining("adhoc:/");
    assertThatThrownBy(() -> RawPath.ofArgument("").inInstance()).isInstanceOf(FsException.class);
  }

  @Test
  void refusesHostPathsThatCannotBeExpressed() throws Exception {
    assertThatThrownBy(() -> RawPath.ofArgument("/a\u00ff").onHost())
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.INVALID));
    assertThat(RawPath.ofArgument("/a/../b/.").onHost()).hasToString("/b");
  }
}
