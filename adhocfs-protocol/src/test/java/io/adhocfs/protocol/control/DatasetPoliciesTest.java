package io.adhocfs.protocol.control;

import static io.adhocfs.protocol.control.ControlStateTest.after;
import static io.adhocfs.protocol.control.ControlStateTest.assertRefused;
import static io.adhocfs.protocol.control.ControlStateTest.assertUnchanged;
import static io.adhocfs.protocol.control.ControlStateTest.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.util.List;
import org.junit.jupiter.api.Test;

class DatasetPoliciesTest {
  @Test
  void aDatasetKeepsItsNumberUntilItsPathIsAnotherDirectorys() {
    ControlState state =
        after(ControlStateTest.of(2), new ControlCommand.AddDataset(new InodeId(7), "/out"));
    Dataset out = present(state.dataset("/out"));
    assertThat(out).isEqualTo(new Dataset(1, new InodeId(7), "/out", 0, false));
    assertUnchanged(state, new ControlCommand.AddDataset(new InodeId(7), "/out"));
    state = after(state, new ControlCommand.AddDataset(new InodeId(8), "/out/a"));
    assertThat(present(state.dataset("/out/a")).id()).isEqualTo(2);
    state = after(state, new ControlCommand.WalkDataset(1, 12, false));
    state = after(state, new ControlCommand.WalkDataset(1, 13, true));
    assertThat(present(state.dataset("/out")).walked()).isEqualTo(13);
    assertUnchanged(state, new ControlCommand.WalkDataset(1, 5, false));
    assertUnchanged(state, new ControlCommand.WalkDataset(99, 5, false));
    var rule = new ThrottleRule("data-ops", out.scope(), 5, 1);
    state = after(state, new ControlCommand.SetThrottle(rule));

    state = after(state, new ControlCommand.AddDataset(new InodeId(9), "/out"));

    assertThat(present(state.dataset("/out")))
        .isEqualTo(new Dataset(3, new InodeId(9), "/out", 0, false));
    assertThat(state.throttles()).isEmpty();
  }

  @Test
  void switchesOfADirectoryAreItsOwnAndThoseOfTheOnesItLiesIn() {
    ControlState state =
        after(ControlStateTest.of(2), new ControlCommand.AddDataset(new InodeId(7), "/out"));
    state = after(state, new ControlCommand.AddDataset(new InodeId(8), "/out/a"));
    long epoch = state.epoch().value();
    var disk = new SettingChange(1, Setting.FSYNC, "disk");
    state = after(state, new ControlCommand.ChangeSettings(1, List.of(disk), List.of()));
    assertThat(state.epoch().value()).isEqualTo(epoch + 1);
    assertUnchanged(state, new ControlCommand.ChangeSettings(1, List.of(disk), List.of()));
    var none = new SettingChange(2, Setting.FSYNC, "none");
    var cached = new SettingChange(1, Setting.CACHE, "cached");
    var relatime = new SettingChange(0, Setting.ATIME, "relatime");
    state = after(state, new ControlCommand.ChangeSettings(2, List.of(none), List.of()));
    state = after(state, new ControlCommand.ChangeSettings(1, List.of(cached), List.of()));
    state = after(state, new ControlCommand.ChangeSettings(0, List.of(relatime), List.of()));

    assertThat(state.inheritedChanges())
        .containsExactlyInAnyOrder(
            relatime, disk, cached, none, new SettingChange(2, Setting.CACHE, "cached"));

    // One that comes into being within another has what that has, which all must hear.
    epoch = state.epoch().value();
    state = after(state, new ControlCommand.AddDataset(new InodeId(9), "/out/b"));
    assertThat(state.epoch().value()).isEqualTo(epoch + 1);
    assertThat(state.inheritedChanges()).contains(new SettingChange(3, Setting.FSYNC, "disk"));

    state = after(state, new ControlCommand.ChangeSettings(2, List.of(), List.of(Setting.FSYNC)));
    assertThat(state.inheritedChanges()).contains(new SettingChange(2, Setting.FSYNC, "disk"));
    // Another directory in the same place begins anew.
    state = after(state, new ControlCommand.AddDataset(new InodeId(10), "/out"));
    assertThat(state.changes()).containsExactly(relatime);
    assertRefused(
        state, new ControlCommand.ChangeSettings(1, List.of(disk), List.of()), "no dataset 1");
  }

  @Test
  void whatIsNoSwitchIsRefused() {
    assertThatThrownBy(() -> new SettingChange(0, Setting.LOCKS, "local"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("locks");
    assertThatThrownBy(() -> new SettingChange(0, Setting.CHUNK_SIZE, "3MiB"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("chunk.size")
        .hasMessageContaining("power of two");
  }

  @Test
  void boundsTheDatasets() {
    ControlState state = ControlStateTest.of(1);
    for (int i = 0; i < Dataset.DATASETS_MAX; i++) {
      state = after(state, new ControlCommand.AddDataset(new InodeId(7), "/d" + i));
    }
    assertRefused(state, new ControlCommand.AddDataset(new InodeId(7), "/more"), "1000 datasets");
    var _ = after(state, new ControlCommand.AddDataset(new InodeId(8), "/d5"));
  }

  @Test
  void datasetsHavePathsOfDirectoriesBelowTheRoot() {
    for (String path :
        List.of(
            "",
            "/",
            "out",
            "/out/",
            "//out",
            "/./out",
            "/out/..",
            "/a\0b",
            "/a" + "b".repeat(1024))) {
      assertThatThrownBy(() -> Dataset.requirePath(path))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("such as /out");
    }
    for (String path :
        List.of("/out", "/a/b", "/...", "/.hidden/..x", "/with blank\n", "/\u00e9")) {
      Dataset.requirePath(path);
    }
    var out = new Dataset(1, new InodeId(7), "/out", 0, true);
    assertThat(new Dataset(2, new InodeId(7), "/out/a", 0, true).isWithin(out)).isTrue();
    assertThat(out.isWithin(out)).isTrue();
    assertThat(new Dataset(2, new InodeId(7), "/outer", 0, true).isWithin(out)).isFalse();
  }
}
