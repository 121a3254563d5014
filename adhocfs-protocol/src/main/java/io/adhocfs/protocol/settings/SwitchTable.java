package io.adhocfs.protocol.settings;

import io.adhocfs.protocol.model.Epoch;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The switches of all datasets, as the instance has agreed on them at one epoch. Immutable.
 *
 * <p>What is said for a dataset counts before what is said for the instance, and that before what
 * the instance was brought up with.
 */
public final class SwitchTable {
  private final Epoch epoch;
  private final Settings given;
  private final Switches ofInstance;
  private final Map<Integer, Switches> ofDatasets;
  private final boolean anyLocal;
  private final boolean anyOnDisk;

  /**
   * A table.
   *
   * @param epoch of the state that said so
   * @param given what the instance was brought up with
   * @param changes what has been set since, with all that holds for a dataset said of it, whether
   *     it lies within another or not
   */
  public SwitchTable(Epoch epoch, Settings given, List<SettingChange> changes) {
    this.epoch = epoch;
    this.given = given;
    Map<Integer, Map<Setting, String>> byDataset = new HashMap<>();
    for (SettingChange change : changes) {
      byDataset
          .computeIfAbsent(change.dataset(), _ -> new EnumMap<>(Setting.class))
          .put(change.setting(), change.value());
    }
    Map<Setting, String> whole = byDataset.remove(SettingChange.WHOLE_INSTANCE);
    Settings now = whole == null ? given : given.with(whole);
    this.ofInstance = Switches.of(now);
    Map<Integer, Switches> all = new HashMap<>();
    byDataset.forEach((dataset, values) -> all.put(dataset, Switches.of(now.with(values))));
    this.ofDatasets = Map.copyOf(all);
    this.anyLocal = ofInstance.localData() || all.values().stream().anyMatch(Switches::localData);
    this.anyOnDisk =
        ofInstance.fsync() == Switches.Fsync.DISK
            || all.values().stream().anyMatch(each -> each.fsync() == Switches.Fsync.DISK);
  }

  /** What an instance was brought up with, before anybody says more. */
  public static SwitchTable initial(Settings given) {
    return new SwitchTable(Epoch.NONE, given, List.of());
  }

  /** The table of a newer epoch. */
  public SwitchTable after(Epoch newer, List<SettingChange> changes) {
    return new SwitchTable(newer, given, changes);
  }

  /** As of when. */
  public Epoch epoch() {
    return epoch;
  }

  /** For files of a dataset; 0 = of none. */
  public Switches of(int dataset) {
    return dataset == SettingChange.WHOLE_INSTANCE || ofDatasets.isEmpty()
        ? ofInstance
        : ofDatasets.getOrDefault(dataset, ofInstance);
  }

  /** Whether there is something that is to lie on its maker's node: chunks, or directories too. */
  public boolean anyLocal() {
    return anyLocal;
  }

  /** Whether there are files whose fsync is to reach the disk. */
  public boolean anyOnDisk() {
    return anyOnDisk;
  }

  /** Whether fsync is the same for all files; if so, as for those of no dataset. */
  public boolean sameFsyncEverywhere() {
    return ofDatasets.values().stream()
        .allMatch(switches -> switches.fsync() == ofInstance.fsync());
  }
}
