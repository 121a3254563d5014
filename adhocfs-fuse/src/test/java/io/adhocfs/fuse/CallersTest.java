package io.adhocfs.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class CallersTest {
  @Test
  void aProcessIsForkedUntilItBeginsAProgram() throws Exception {
    // The shell's subshell never begins one: it is the line that it reads itself.
    Process shell =
        new ProcessBuilder("bash", "-c", "(read -r line < /proc/$BASHPID/stat; echo \"$line\")")
            .start();
    String forked = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(Callers.isForked(forked)).as(forked).isTrue();

    String started = Files.readString(Path.of("/proc/self/stat"));
    assertThat(Callers.isForked(started)).as(started).isFalse();
  }

  @Test
  void namesOfProcessesMayLookLikeFields() {
    assertThat(Callers.isForked("7 (a) S 1 (b) R) S 1 7 7 0 -1 4194368 3 0")).isTrue();
    assertThat(Callers.isForked("7 (a) S 1 64 64) S 1 7 7 0 -1 4194304 3 0")).isFalse();
  }
}
