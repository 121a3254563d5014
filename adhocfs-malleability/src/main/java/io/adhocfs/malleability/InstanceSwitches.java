package io.adhocfs.malleability;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.settings.Settings;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads and changes the switches of an instance while programs use it: for the whole instance, or
 * for a directory and everything below it. The command config is built on this class.
 *
 * <p>Daemons learn of a change within a second, clients with the next answer that a daemon gives
 * them after that. A change stays until it is unset, also over restarts of daemons. Switches about
 * the form of files (chunk size, whether files may lie with their metadata) hold for files made
 * from then on. A directory has switches by its dataset ({@link Datasets}). Threads and errors are
 * those of the {@link Controller}.
 */
public final class InstanceSwitches {
  private final Settings given;
  private final Agreement agreement;

  InstanceSwitches(Settings given, Agreement agreement) {
    this.given = given;
    this.agreement = agreement;
  }

  /** Where a value comes from. */
  public enum Origin {
    /** The default: the value was never set. */
    DEFAULT,
    /** The value was given when the instance was brought up. */
    GIVEN,
    /** The value was set while the instance was up, for the whole instance. */
    SET,
    /** The value was set for a directory. */
    DIRECTORY,
    /** The value was never set, but a hint (the switch {@code access}) implies it. */
    HINT
  }

  /**
   * The value that holds for a setting.
   *
   * @param directory the path of the directory that the value was set for; empty unless the origin
   *     is DIRECTORY
   */
  public record Value(Setting setting, String text, Origin origin, String directory) {}

  /** All values that have been set, by dataset and setting. */
  public List<SettingChange> changes() {
    return agreement.state().changes();
  }

  /**
   * The values that hold for files made in a directory, or for the instance.
   *
   * @param path absolute; null = for files in no dataset
   */
  public List<Value> values(@Nullable String path) {
    Map<Setting, Value> values = given(given);
    put(values, SettingChange.WHOLE_INSTANCE, Origin.SET, "");
    if (path != null) {
      agreement.state().datasets().stream()
          .filter(dataset -> Dataset.isWithin(path, dataset.path()))
          .sorted(Comparator.comparingInt(dataset -> dataset.path().length()))
          .forEach(dataset -> put(values, dataset.id(), Origin.DIRECTORY, dataset.path()));
    }
    return withHints(values);
  }

  /**
   * The values that an instance was brought up with, without values that were set later: no node is
   * asked.
   */
  public static List<Value> valuesGiven(Settings given) {
    return withHints(given(given));
  }

  private static Map<Setting, Value> given(Settings given) {
    Map<Setting, Value> values = new EnumMap<>(Setting.class);
    for (Setting setting : Setting.values()) {
      Origin origin = given.isGiven(setting) ? Origin.GIVEN : Origin.DEFAULT;
      values.put(setting, new Value(setting, given.text(setting), origin, ""));
    }
    return values;
  }

  /** Adds the values that hints imply for settings that were never set. */
  private static List<Value> withHints(Map<Setting, Value> values) {
    Map<Setting, String> said = new EnumMap<>(Setting.class);
    for (Value value : values.values()) {
      if (value.origin() != Origin.DEFAULT) {
        said.put(value.setting(), value.text());
      }
    }
    Settings.impliedBy(said)
        .forEach((setting, text) -> values.put(setting, new Value(setting, text, Origin.HINT, "")));
    return new ArrayList<>(values.values());
  }

  private void put(Map<Setting, Value> values, int dataset, Origin origin, String directory) {
    for (SettingChange change : changes()) {
      if (change.dataset() == dataset) {
        Setting setting = change.setting();
        values.put(setting, new Value(setting, change.value(), origin, directory));
      }
    }
  }

  /**
   * Sets switches.
   *
   * @param dataset the directory's; null = the whole instance
   * @throws IllegalArgumentException naming the setting that is not a switch, or whose value is
   *     refused; nothing is changed
   */
  public void set(@Nullable Dataset dataset, Map<Setting, String> values) throws FsException {
    int id = idOf(dataset);
    List<SettingChange> changes = new ArrayList<>();
    values.forEach((setting, value) -> changes.add(new SettingChange(id, setting, value)));
    agreement.propose(new ControlCommand.ChangeSettings(id, changes, List.of()));
    agreement.refresh();
  }

  /** Unsets switches; a switch that is not set is no error. */
  public void unset(@Nullable Dataset dataset, Collection<Setting> settings) throws FsException {
    agreement.propose(
        new ControlCommand.ChangeSettings(idOf(dataset), List.of(), List.copyOf(settings)));
    agreement.refresh();
  }

  private static int idOf(@Nullable Dataset dataset) {
    return dataset == null ? SettingChange.WHOLE_INSTANCE : dataset.id();
  }
}
