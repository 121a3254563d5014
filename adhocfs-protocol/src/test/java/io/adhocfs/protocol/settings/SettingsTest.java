package io.adhocfs.protocol.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.Epoch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SettingsTest {
  @Test
  void whatIsSaidOfADatasetCountsBeforeTheInstanceAndThatBeforeWhatItWasBroughtUpWith() {
    var given = new Settings(Map.of("chunk.size", "1MiB", "fsync", "disk"));
    SwitchTable table =
        SwitchTable.initial(given)
            .after(
                new Epoch(7),
                List.of(
                    new SettingChange(0, Setting.FSYNC, "none"),
                    new SettingChange(0, Setting.INLINE_MAX, "0"),
                    new SettingChange(3, Setting.INLINE_MAX, "16KiB")));
    assertThat(table.epoch()).isEqualTo(new Epoch(7));
    assertThat(table.of(0).chunkSizeBytes()).isEqualTo(1 << 20);
    assertThat(table.of(0).fsync()).isEqualTo(Switches.Fsync.NONE);
    assertThat(table.of(0).inlineBytesMax()).isZero();
    assertThat(table.of(3).inlineBytesMax()).isEqualTo(16 << 10);
    assertThat(table.of(3).fsync()).isEqualTo(Switches.Fsync.NONE);
    // Nothing is said of others.
    assertThat(table.of(99)).isEqualTo(table.of(0));
    assertThat(table.sameFsyncEverywhere()).isTrue();
    assertThat(
            table
                .after(new Epoch(8), List.of(new SettingChange(3, Setting.FSYNC, "process")))
                .sameFsyncEverywhere())
        .isFalse();
    // What was set goes when it is taken back.
    assertThat(table.after(new Epoch(9), List.of()).of(3)).isEqualTo(Switches.of(given));
  }

  @ParameterizedTest
  @EnumSource(Profile.class)
  void profilesSayAValueThatIsRightForEverySwitch(Profile profile) {
    assertThat(profile.settings().keySet()).isEqualTo(Setting.switches());
    profile.settings().forEach((setting, value) -> setting.check(value));
    assertThat(Profile.ofLabel(profile.label())).isEqualTo(profile);
  }

  @Test
  void whatIsSaidBesideAProfileCountsMore() {
    Map<String, String> byKey =
        new LinkedHashMap<>(Map.of("profile", "checkpoint", "chunk.size", "8MiB"));
    Profile.expand(byKey);
    assertThat(byKey)
        .containsEntry("chunk.size", "8MiB")
        .containsEntry("size-updates", "at-close")
        .doesNotContainKey("profile");
    assertThatThrownBy(() -> Profile.expand(new LinkedHashMap<>(Map.of("profile", "fast"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("posix, checkpoint, scratch, read-only-dataset");
  }

  @Test
  void aHintCountsLessThanWhatIsSaidItself() {
    Switches writeOnly = Switches.of(new Settings(Map.of("access", "write-only")));
    assertThat(writeOnly.writesBehind()).isTrue();
    assertThat(writeOnly.tellsSizeLater()).isTrue();
    assertThat(writeOnly.cacheNanos()).isZero();
    Switches through =
        Switches.of(new Settings(Map.of("access", "write-only", "writes", "through")));
    assertThat(through.writesBehind()).isFalse();
    assertThat(through.tellsSizeLater()).isTrue();
    Switches readOnly = Switches.of(new Settings(Map.of("access", "read-only")));
    assertThat(readOnly.cacheNanos()).isEqualTo(3_600_000_000_000L);
    assertThat(
            Switches.of(new Settings(Map.of("access", "read-only", "cache", "strict")))
                .cacheNanos())
        .isZero();
    assertThat(Switches.of(new Settings(Map.of("access", "read-write"))))
        .isEqualTo(Switches.of(Settings.DEFAULT));
  }

  @Test
  void whatCannotBeHadYetSaysSo() {
    assertThatThrownBy(() -> new Settings(Map.of("resilience", "replicated")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'replicated' is not there yet, only 'none' is");
    assertThatThrownBy(() -> new Settings(Map.of("fsync", "soon")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("none, process, disk");
  }
}
