package io.adhocfs.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RemoteHostTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir private Path directory;

  /** What is run on the other host: here a script that shows what it got. */
  @BeforeEach
  void setLauncher() throws Exception {
    Path launcher = directory.resolve("it's a launcher");
    Files.writeString(
        launcher,
        "#!/bin/sh\nfor a in \"$@\"; do echo \"[$a]\"; done\ncat\n[ \"$1\" != fail ] || { echo no >&2; exit 3; }\n");
    assertThat(launcher.toFile().setExecutable(true)).isTrue();
    System.setProperty("adhocfs.launcher", launcher.toString());
  }

  @AfterEach
  void clearLauncher() {
    System.clearProperty("adhocfs.launcher");
  }

  @Test
  void argumentsAndInputArriveAsTheyAre() throws Exception {
    String said =
        RemoteHost.of("sh -c", "here")
            .run(List.of("a b", "$HOME 'x' \"y\"", "", "*"), "input".getBytes(UTF_8), LIMIT);
    assertThat(said).isEqualTo("[a b]\n[$HOME 'x' \"y\"]\n[]\n[*]\ninput");
  }

  @Test
  void failuresNameHostCommandAndReason() {
    assertThatThrownBy(() -> RemoteHost.of("sh -c", "cn7").run(List.of("fail"), new byte[0], LIMIT))
        .isInstanceOf(FsException.class)
        .hasMessageContaining("cn7")
        .hasMessageContaining("exit code 3")
        .hasMessageContaining("no");
    assertThatThrownBy(() ->
            RemoteHost.of("/no/such/program {host}", "cn7").run(List.of("x"), new byte[0], LIMIT))
        .hasMessageContaining("cn7")
        .hasMessageContaining("/no/such/program");
  }

  @Test
  void aCommandThatHangsIsGivenUp() {
    assertThatThrownBy(() ->
            RemoteHost.of("sleep 1000 #", "cn7").run(List.of(), new byte[0], Duration.ofMillis(1)))
        .isInstanceOf(FsException.class);
    assertThatThrownBy(() ->
            RemoteHost.of("sh -c 'exec sleep 1000'", "cn7")
                .run(List.of(), new byte[0], Duration.ofMillis(50)))
        .isInstanceOfSatisfying(
            FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.TIMED_OUT));
  }

  @Test
  void templatesAreSplitAtBlanksOutsideQuotes() {
    assertThat(RemoteHost.words("ssh -o 'A b' \"c d\"e  {host}"))
        .containsExactly("ssh", "-o", "A b", "c de", "{host}");
    assertThatThrownBy(() -> RemoteHost.words("ssh 'x")).hasMessageContaining("open");
    assertThatThrownBy(() -> RemoteHost.of("  ", "x")).hasMessageContaining("remote.start");
  }

  @Test
  void srunIsKnownToEndItsProcesses() {
    assertThat(RemoteHost.of("/usr/bin/srun -w {host} sh -c", "a").endsWithItsCommand()).isTrue();
    assertThat(RemoteHost.of("ssh {host}", "a").endsWithItsCommand()).isFalse();
  }
}
