package io.adhocfs.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ThrottleWordsTest {
  private static final InstanceDescription INSTANCE =
      new InstanceDescription(
          new Instance("some", "00", new byte[32], Settings.DEFAULT, List.of()),
          List.of(new Place(new NodeId(0), "", "/data/node-0")),
          Instant.EPOCH);

  @Test
  void settingsOfLimitsAreTakenOutOfTheOthers() throws Exception {
    Map<String, String> settings =
        new LinkedHashMap<>(Map.of("throttle.data-bandwidth", "200MB/s", "chunk.size", "1MiB"));
    Map<String, String> limits = ThrottleWords.takeOut(settings);
    assertThat(settings).containsOnlyKeys("chunk.size");
    assertThat(ThrottleWords.rules(INSTANCE, limits))
        .containsExactly(new ThrottleRule("data-bandwidth", Scope.INSTANCE, 200_000_000, 1));
  }

  @Test
  void aSettingHasAScopeALimitAndAWeight() throws Exception {
    assertThat(rules("throttle.metadata-ops.job:1.2_[3]", "500 weight 3"))
        .containsExactly(
            new ThrottleRule("metadata-ops", new Scope(Scope.Kind.JOB, "1.2_[3]"), 500, 3));
    assertThat(rules("throttle.metadata-ops.user:7", "weight 3"))
        .containsExactly(new ThrottleRule("metadata-ops", new Scope(Scope.Kind.USER, "7"), 0, 3));
    assertThat(rules("throttle.data-bandwidth.traffic:migration", "20MiB"))
        .containsExactly(
            new ThrottleRule(
                "data-bandwidth", new Scope(Scope.Kind.TRAFFIC, "migration"), 20 << 20, 1));
    assertThat(rules("throttle.rpc-tokens.node:n0", "5/s"))
        .containsExactly(new ThrottleRule("rpc-tokens", new Scope(Scope.Kind.NODE, "0"), 5, 1));
  }

  @Test
  void whatIsWrongIsRefusedWithWhatIsAllowed() {
    refuses("throttle.data-bandwidth", "20 MB", "200MB/s");
    refuses("throttle.data-bandwidth", "", "200MB/s");
    refuses("throttle.data-bandwidth", "0MB/s", "1 byte");
    refuses("throttle.data-bandwidth", "none", "500MB/s");
    refuses("throttle.data-ops", "-1", "a number");
    refuses("throttle.data-ops", "20MB/s", "a number");
    refuses("throttle.data-ops.job:1", "5 weight 0", "1 to 1000");
    refuses("throttle.data-ops.job:1", "5 weight", "weight N");
    refuses("throttle.data-ops", "5 weight 2", "job:ID");
    refuses("throttle.speed", "5", "metadata-ops");
    refuses("throttle.", "5", "metadata-ops");
    refuses("throttle.data-ops.path:/out", "5", "after it is made");
    refuses("throttle.data-ops.instance:x", "5", "job:ID");
    refuses("throttle.data-ops.job:a b", "5", "job:ID");
    refuses("throttle.data-ops.node:n1", "5", "it has: n0");
    refuses("throttle.data-ops.traffic:all", "5", "traffic:staging");
  }

  private static List<ThrottleRule> rules(String key, String value) throws Exception {
    return ThrottleWords.rules(INSTANCE, Map.of(key, value));
  }

  private static void refuses(String key, String value, String allowed) {
    assertThatThrownBy(() -> rules(key, value))
        .as(key + "=" + value)
        .isInstanceOf(UsageException.class)
        .hasMessageContaining(key)
        .hasMessageContaining(allowed);
  }
}
