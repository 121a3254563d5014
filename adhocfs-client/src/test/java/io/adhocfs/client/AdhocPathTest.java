package io.adhocfs.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class AdhocPathTest {
  private static FsError refusal(byte[] bytes) {
    try {
      AdhocPath path = AdhocPath.of(bytes);
      throw new AssertionError("it is " + path);
    } catch (FsException e) {
      return e.error();
    }
  }

  @Test
  void dropsEmptyComponentsAndDots() throws FsException {
    assertThat(AdhocPath.ofText("//a/./b///c/").toString()).isEqualTo("/a/b/c");
    assertThat(AdhocPath.ofText("/a/b")).isEqualTo(AdhocPath.ofText("/./a//b/"));
    assertThat(AdhocPath.ofText("/.")).isEqualTo(AdhocPath.ROOT);
    assertThat(AdhocPath.ROOT.bytes()).containsExactly('/');
  }

  @Test
  void keepsDotDot() throws FsException {
    AdhocPath path = AdhocPath.ofText("/a/../b");
    assertThat(path.toString()).isEqualTo("/a/../b");
    assertThat(path).isNotEqualTo(AdhocPath.ofText("/b"));
    assertThatThrownBy(() -> AdhocPath.ofText("/a/..").name()).isInstanceOf(FsException.class);
  }

  @Test
  void keepsArbitraryBytes() throws FsException {
    byte[] bytes = {'/', (byte) 0xff, (byte) 0xfe, '/', 1, '\n', (byte) 0x80};
    AdhocPath path = AdhocPath.of(bytes);
    assertThat(path.bytes()).isEqualTo(bytes);
    assertThat(path.name().bytes()).containsExactly(1, '\n', 0x80);
    assertThat(path.parent().bytes()).containsExactly('/', 0xff, 0xfe);
    assertThat(path.parent().resolve(path.name())).isEqualTo(path);
  }

  @Test
  void refusesWhatIsNoPath() {
    assertThat(refusal(new byte[0])).isEqualTo(FsError.INVALID);
    assertThat(refusal("a/b".getBytes(StandardCharsets.UTF_8))).isEqualTo(FsError.INVALID);
    assertThat(refusal(new byte[] {'/', 'a', 0})).isEqualTo(FsError.INVALID);
  }

  @Test
  void refusesWhatIsTooLong() throws FsException {
    byte[] longest = new byte[AdhocPath.LENGTH_MAX - 1];
    Arrays.fill(longest, (byte) '/');
    assertThat(AdhocPath.of(longest).isRoot()).isTrue();
    byte[] tooLong = new byte[AdhocPath.LENGTH_MAX];
    Arrays.fill(tooLong, (byte) '/');
    assertThat(refusal(tooLong)).isEqualTo(FsError.NAME_TOO_LONG);
    byte[] longName = new byte[2 + EntryName.LENGTH_MAX];
    Arrays.fill(longName, (byte) 'x');
    longName[0] = '/';
    assertThat(refusal(longName)).isEqualTo(FsError.NAME_TOO_LONG);
  }
}
