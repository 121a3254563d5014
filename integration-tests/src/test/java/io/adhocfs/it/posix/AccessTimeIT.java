package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import org.junit.jupiter.api.Test;

/** The setting {@code atime}. */
class AccessTimeIT {
  @Test
  void accessTimesMoveByTheFirstReadAfterAChange() throws Exception {
    try (TestInstance instance = TestInstance.up(2, "--set", "atime=relatime");
        SystemCalls calls = SystemCalls.start()) {
      assertThat(calls.run("begin " + instance.mount())).isEqualTo("0");
      for (String size : new String[] {"@100", "@100000"}) {
        assertThat(calls.run("fill f " + size + " | snap a f | tick")).isEqualTo("0 | 0 | 0");
        assertThat(calls.run("open f O_RDONLY,O_NOATIME | close 0 | moved a f"))
            .isEqualTo("0 | 0 | none");
        assertThat(read(calls)).isEqualTo("a");
        assertThat(calls.run("snap a f | tick")).isEqualTo("0 | 0");
        assertThat(read(calls)).isEqualTo("none");
        assertThat(calls.run("chmod f 0600 | snap a f | tick")).isEqualTo("0 | 0 | 0");
        assertThat(read(calls)).isEqualTo("a");
      }
      // The mount keeps the instance busy as long as it is somebody's working directory.
      assertThat(calls.run("begin /")).isEqualTo("0");
    }
  }

  private static String read(SystemCalls calls) throws Exception {
    assertThat(calls.run("content f")).matches("v+");
    return calls.run("moved a f");
  }
}
