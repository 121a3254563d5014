package io.adhocfs.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class HostsFileTest {
  @Test
  void takesOneHostALineWithComments() {
    assertThat(HostsFile.parse("# all\ncn1\n\n  cn2 # twice\nme@cn2\n10.0.0.3\nfe80::1%eth0\n"))
        .containsExactly("cn1", "cn2", "me@cn2", "10.0.0.3", "fe80::1%eth0");
    assertThat(HostsFile.address("me@cn2")).isEqualTo("cn2");
  }

  @Test
  void refusesWhatACommandCouldTakeForSomethingElse() {
    for (String line : new String[] {"-oProxyCommand=x", "a b", "a;b", "$(x)", "a'b"}) {
      assertThatThrownBy(() -> HostsFile.parse("ok\n" + line + "\n"))
          .as(line)
          .hasMessageContaining("line 2");
    }
    assertThatThrownBy(() -> HostsFile.parse("# nothing\n")).hasMessageContaining("no host");
  }
}
