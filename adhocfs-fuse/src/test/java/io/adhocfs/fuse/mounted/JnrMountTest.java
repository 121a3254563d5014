package io.adhocfs.fuse.mounted;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The fallback driver: the contract of every driver, and what becomes of a request in vain. */
class JnrMountTest extends MountContract {

  @Override
  MountedServer.Settings settings() throws Exception {
    Process search =
        new ProcessBuilder(
                "sh", "-c", "PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -q libfuse.so.2")
            .start();
    if (search.waitFor() != 0) {
      fail(
          "libfuse.so.2 is missing, which the fallback driver needs: install the package libfuse2");
    }
    return MountedServer.Settings.of("jnr");
  }

  @Test
  void aRequestInVainFailsAtItsDeadline() throws Exception {
    try (MountedServer silent = MountedServer.start("jnr")) {
      silent.output("echo data > never-opened");
      assertThat(silent.run("cat never-opened").output())
          .isEqualTo("cat: never-opened: Input/output error");
    }
  }

  @Test
  void unmountRefusesWhileInUse() throws Exception {
    try (MountedServer busy = MountedServer.start("jnr")) {
      Process user = busy.startProgram("exec 3> held; echo ready; read line; echo still here >&3");
      assertThat(user.inputReader().readLine()).isEqualTo("ready");
      assertThat(busy.command("unmount")).contains("busy");
      user.outputWriter().append("\n").close();
      assertThat(user.waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(user.exitValue()).isZero();
    }
  }
}
