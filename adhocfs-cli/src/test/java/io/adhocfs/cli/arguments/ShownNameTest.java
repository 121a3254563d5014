package io.adhocfs.cli.arguments;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ShownNameTest {
  @Test
  void namesWithoutAnythingSpecialAreShownAsTheyAre() {
    for (String name : new String[] {"file", "a-b_c.d", "/dir/file", "adhoc:/results", "größe"}) {
      assertThat(quoted(name)).isEqualTo(name);
    }
  }

  @Test
  void namesAreQuotedAsGnuLsDoes() {
    assertThat(quoted("a b")).isEqualTo("'a b'");
    assertThat(quoted("it's")).isEqualTo("'it'\\''s'");
    assertThat(quoted("a\nb")).isEqualTo("'a'$'\\n''b'");
    assertThat(quoted("\u001b[31mred")).isEqualTo("''$'\\033''[31mred'");
    assertThat(quoted("end\t")).isEqualTo("'end'$'\\t'");
    assertThat(ShownName.quoted(new byte[] {'a', (byte) 0xff, 'b'})).isEqualTo("'a'$'\\377''b'");
    assertThat(quoted("\u009b")).isEqualTo("''$'\\302\\233'");
  }

  /** Whatever is pasted into a shell is the name again. */
  @Test
  void aShellTakesEveryShownNameForTheName() throws IOException, InterruptedException {
    long seed = Long.getLong("adhocfs.seed", System.nanoTime());
    System.out.println("names of seed " + seed + " (-Dadhocfs.seed=" + seed + ")");
    var random = new Random(seed);
    var expected = new ByteArrayOutputStream();
    var script = new StringBuilder("export LC_ALL=C.UTF-8; printf '%%s\\0'".formatted());
    for (int i = 0; i < 300; i++) {
      byte[] name = new byte[1 + random.nextInt(12)];
      for (int at = 0; at < name.length; at++) {
        name[at] = (byte) (1 + random.nextInt(i % 2 == 0 ? 127 : 255));
      }
      expected.write(name);
      expected.write(0);
      String shown = ShownName.quoted(name);
      assertThat(shown.chars().noneMatch(Character::isISOControl)).isTrue();
      script.append(' ').append(shown);
    }
    var shell = new ProcessBuilder("bash").redirectErrorStream(true).start();
    shell.getOutputStream().write(script.append('\n').toString().getBytes(UTF_8));
    shell.getOutputStream().close();
    byte[] said = shell.getInputStream().readAllBytes();
    assertThat(shell.waitFor()).isZero();
    assertThat(said).isEqualTo(expected.toByteArray());
  }

  @Test
  void onlyATerminalIsSparedControlCharacters() {
    byte[] name = {'a', 27, 'b'};
    for (boolean terminal : new boolean[] {true, false}) {
      var out = new ByteArrayOutputStream();
      var err = new ByteArrayOutputStream();
      var output = new Output(out, err, terminal, terminal);
      output.name(name);
      output.bytes(name);
      output.line("\u001b]0;title\u0007");
      output.note("two\nlines\u001b[2J");
      output.flush();
      assertThat(out.toString(UTF_8))
          .isEqualTo(
              terminal
                  ? "'a'$'\\033''b'a\u001bb\\x1b]0;title\\x07\n"
                  : "a\u001bba\u001bb\u001b]0;title\u0007\n");
      assertThat(err.toString(UTF_8))
          .isEqualTo(terminal ? "two\nlines\\x1b[2J\n" : "two\nlines\u001b[2J\n");
    }
  }

  private static String quoted(String name) {
    return ShownName.quoted(name.getBytes(UTF_8));
  }
}
