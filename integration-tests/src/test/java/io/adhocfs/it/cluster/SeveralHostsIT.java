package io.adhocfs.it.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.it.instance.Hosts;
import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** An instance on several hosts grows by all kinds of nodes, and goes with all its mounts. */
class SeveralHostsIT {
  @Test
  void newNodesAreReachedByAllHostsAndAllMountsAreFound() throws Exception {
    try (Hosts hosts = Hosts.make(256, 256, 256)) {
      Path mountPoint = hosts.disk().resolve("mnt");
      Path byHand = hosts.disk().resolve("by-hand");
      try (TestInstance instance =
          TestInstance.up(hosts, hosts.file(0, 1), "--mount", mountPoint.toString())) {
        hosts.bash(0, "for i in $(seq 40); do echo $i > %s/$i; done".formatted(mountPoint));
        // A daemon on this machine, whose loopback no host reaches.
        instance.adhocfs("expand", "--nodes", "1", "--wait").expectSuccess();
        assertThat(addresses(instance)).hasSize(3).noneMatch(a -> a.startsWith("127."));
        hosts.bash(
            1,
            "for i in $(seq 40); do [ $(cat %1$s/$i) = $i ]; echo $i > %1$s/second-$i; done"
                .formatted(mountPoint));
        // A host that comes is mounted where the others are.
        instance.adhocfs("expand", "--hosts", hosts.file(2).toString(), "--wait").expectSuccess();
        assertThat(addresses(instance)).hasSize(4);
        hosts.bash(2, "[ $(cat %s/second-7) = 7 ]".formatted(mountPoint));
        instance.verify();
        // Mounted by hand, and written down where nobody here sees it.
        hosts.bash(
            1,
            """
            mkdir %2$s/home
            cp -r %3$s/%4$s %2$s/home/
            rm -rf %2$s/home/%4$s/mounts
            ADHOCFS_BUILD=never ADHOCFS_HOME=%2$s/home %5$s mount --name %4$s %1$s
            ls %1$s/second-1
            """
                .formatted(
                    byHand,
                    hosts.disk(),
                    instance.home(),
                    instance.name(),
                    instance.environment().get("adhocfs")));
      }
      for (int host = 0; host < 3; host++) {
        hosts.on(
            host,
            "! grep fuse.adhocfs /proc/self/mountinfo && [ ! -e %s ] && [ ! -e %s ] && [ ! -e %s ]"
                .formatted(mountPoint, byHand, hosts.disk().resolve("data")));
      }
      assertThat(hosts.disk().resolve("data")).doesNotExist();
    }
  }

  @Test
  void aMountThatHidesSomethingOnOneHostIsRefusedBeforeAnythingIsStarted() throws Exception {
    try (Hosts hosts = Hosts.make(256, 256)) {
      Path full = hosts.disk().resolve("full");
      hosts.bash(1, "mkdir %1$s && touch %1$s/precious".formatted(full));
      String look = "stat -c %y " + hosts.disk();
      String before = hosts.on(0, look);
      assertThatThrownBy(
              () -> TestInstance.up(hosts, hosts.file(0, 1), "--mount", full.toString()).close())
          .hasMessageContaining("--over")
          .hasMessageContaining(full.toString());
      assertThat(hosts.on(0, look)).as("when something was last made there").isEqualTo(before);
    }
  }

  private static List<String> addresses(TestInstance instance) throws Exception {
    Map<String, Object> status =
        JSON.std.mapFrom(instance.adhocfs("status", "--json").expectSuccess().output());
    List<String> addresses = new ArrayList<>();
    if (status.get("nodes") instanceof List<?> nodes) {
      nodes.forEach(node -> addresses.add(String.valueOf(((Map<?, ?>) node).get("address"))));
    }
    return addresses;
  }
}
