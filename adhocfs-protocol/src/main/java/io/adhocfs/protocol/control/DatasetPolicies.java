package io.adhocfs.protocol.control;

import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Limits and switches, and the directories that they can be of.
 *
 * @param datasets directories that rules and switches can name, by number
 * @param throttles what is held back, by resource and scope
 * @param changes switches that have been set, by dataset and setting
 */
public record DatasetPolicies(
    List<Dataset> datasets, List<ThrottleRule> throttles, List<SettingChange> changes) {
  static final DatasetPolicies NONE = new DatasetPolicies(List.of(), List.of(), List.of());

  public DatasetPolicies {
    datasets = List.copyOf(datasets);
    throttles = List.copyOf(throttles);
    changes = List.copyOf(changes);
  }

  /** What a command about limits, switches or their directories makes of this. */
  Step<DatasetPolicies> apply(ControlCommand.OfPolicies command) {
    return switch (command) {
      case ControlCommand.SetThrottle set -> setThrottle(set.rule());
      case ControlCommand.ClearThrottles clear ->
          throttled(throttles.stream().filter(rule -> !clear.keys().contains(rule.key())).toList());
      case ControlCommand.AddDataset add -> addDataset(add);
      case ControlCommand.WalkDataset walk -> walkDataset(walk);
      case ControlCommand.ChangeSettings change -> changeSettings(change);
    };
  }

  private Step<DatasetPolicies> setThrottle(ThrottleRule rule) {
    List<ThrottleRule> rules = new ArrayList<>(throttles);
    rules.removeIf(known -> known.key().equals(rule.key()));
    if (rules.size() >= ThrottleRule.RULES_MAX) {
      return Step.refused(this, "there are %d rules already".formatted(rules.size()));
    }
    rules.add(rule);
    rules.sort(Comparator.comparing(known -> known.key().toString()));
    return throttled(rules);
  }

  private Step<DatasetPolicies> throttled(List<ThrottleRule> rules) {
    return rules.equals(throttles)
        ? Step.unchanged(this)
        : Step.changed(new DatasetPolicies(datasets, rules, changes));
  }

  private Step<DatasetPolicies> addDataset(ControlCommand.AddDataset add) {
    Dataset known = dataset(add.path());
    if (known != null && known.directory().equals(add.directory())) {
      return Step.unchanged(this);
    }
    if (known == null && datasets.size() >= Dataset.DATASETS_MAX) {
      return Step.refused(this, "there are %d datasets already".formatted(datasets.size()));
    }
    int id = 1 + datasets.stream().mapToInt(Dataset::id).max().orElse(0);
    List<Dataset> all = new ArrayList<>(datasets);
    List<ThrottleRule> rules = throttles;
    List<SettingChange> switches = changes;
    if (known != null) {
      all.remove(known);
      rules = rules.stream().filter(rule -> !rule.scope().equals(known.scope())).toList();
      switches = switches.stream().filter(change -> change.dataset() != known.id()).toList();
    }
    all.add(new Dataset(id, add.directory(), add.path(), 0, false));
    return Step.changed(new DatasetPolicies(all, rules, switches));
  }

  private Step<DatasetPolicies> walkDataset(ControlCommand.WalkDataset walk) {
    List<Dataset> all =
        datasets.stream()
            .map(dataset ->
                dataset.id() == walk.id() && !dataset.complete()
                    ? dataset.after(walk.walked(), walk.complete())
                    : dataset)
            .toList();
    return all.equals(datasets)
        ? Step.unchanged(this)
        : Step.changed(new DatasetPolicies(all, throttles, changes));
  }

  private Step<DatasetPolicies> changeSettings(ControlCommand.ChangeSettings change) {
    int id = change.dataset();
    if (id != SettingChange.WHOLE_INSTANCE
        && datasets.stream().noneMatch(dataset -> dataset.id() == id)) {
      return Step.refused(this, "there is no dataset " + id + " any more");
    }
    List<SettingChange> all = new ArrayList<>(changes);
    for (SettingChange set : change.set()) {
      all.removeIf(known -> known.dataset() == id && known.setting() == set.setting());
      all.add(set);
    }
    all.removeIf(known -> known.dataset() == id && change.unset().contains(known.setting()));
    all.sort(Comparator.comparingInt(SettingChange::dataset).thenComparing(SettingChange::setting));
    return all.equals(changes)
        ? Step.unchanged(this)
        : Step.changed(new DatasetPolicies(datasets, throttles, all));
  }

  /** The dataset of this path, or null. */
  @Nullable Dataset dataset(String path) {
    for (Dataset dataset : datasets) {
      if (dataset.path().equals(path)) {
        return dataset;
      }
    }
    return null;
  }

  /**
   * The switches that have been set, with those that a dataset has from others it lies within said
   * of itself: the innermost counts.
   */
  List<SettingChange> inheritedChanges() {
    if (datasets.isEmpty() || changes.isEmpty()) {
      return changes;
    }
    List<SettingChange> all = new ArrayList<>(of(SettingChange.WHOLE_INSTANCE, changes));
    for (Dataset dataset : datasets) {
      var values = new EnumMap<Setting, String>(Setting.class);
      datasets.stream()
          .filter(dataset::isWithin)
          .sorted(Comparator.comparingInt(outer -> outer.path().length()))
          .flatMap(outer -> of(outer.id(), changes).stream())
          .forEach(change -> values.put(change.setting(), change.value()));
      values.forEach((setting, value) -> all.add(new SettingChange(dataset.id(), setting, value)));
    }
    return all;
  }

  private static List<SettingChange> of(int dataset, List<SettingChange> changes) {
    return changes.stream().filter(change -> change.dataset() == dataset).toList();
  }
}
