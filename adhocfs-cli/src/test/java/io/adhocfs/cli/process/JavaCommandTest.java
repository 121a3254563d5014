package io.adhocfs.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class JavaCommandTest {
  @Test
  void jarsOfOneDirectoryAreWrittenAsItsWildcard() {
    assertThat(JavaCommand.classPath("/d/lib/a.jar:/d/lib/b.jar")).isEqualTo("/d/lib/*");
    assertThat(JavaCommand.classPath("/d/lib/a.jar:/e/b.jar")).isEqualTo("/d/lib/a.jar:/e/b.jar");
    assertThat(JavaCommand.classPath("/d/classes:/d/a.jar")).isEqualTo("/d/classes:/d/a.jar");
  }

  @Test
  void capsMemoryAndEndsWithTheArguments() {
    List<String> command = JavaCommand.ofService(1 << 28, List.of("daemon", "--config", "/x"));
    assertThat(command).contains("-Xmx268435456").endsWith("daemon", "--config", "/x");
    assertThat(command.get(command.indexOf("daemon") - 1)).isEqualTo(JavaCommand.MAIN_CLASS);
  }

  @Test
  void foreignProcessesAreNotOurs() {
    assertThat(ServiceProcess.isOurs(ProcessHandle.current().pid())).isFalse();
    assertThat(ServiceProcess.isOurs(1L << 30)).isFalse();
  }
}
