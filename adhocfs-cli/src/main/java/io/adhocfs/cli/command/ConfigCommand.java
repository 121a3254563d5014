package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.Datasets;
import io.adhocfs.malleability.InstanceSwitches;
import io.adhocfs.malleability.InstanceSwitches.Origin;
import io.adhocfs.malleability.InstanceSwitches.Value;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Profile;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.settings.Settings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows settings, and changes switches. */
@CommandLine.Command(
    name = "config",
    description = "Shows the settings, and changes switches of a running instance.",
    footer = {
      "",
      "WHAT: list (all settings), set (switches, for all files or for a directory and all below it),",
      "unset (switches that were set), profiles (named sets of switches, with their purpose), or walk (walk",
      "a directory again, if 'list' shows that its walk has stopped).",
      "",
      "'list' marks the settings that are switches. All other settings can only be given to 'adhocfs up':",
      "--set KEY=VALUE, --config FILE.",
      "",
      "A directory's switches hold for everything made below it from then on. Existing files are added by",
      "a background walk. Where a directory has no value of its own, the value of the nearest outer",
      "directory holds. A moved file keeps the switches of the directory in which it was made.",
      "",
      "Examples:",
      "  adhocfs config list",
      "  adhocfs config set fsync=disk",
      "  adhocfs config set --path /results chunk.size=4MiB size-updates=at-close",
      "  adhocfs config set --path /input profile=read-only-dataset --wait",
      "  adhocfs config list --path /results",
      "  adhocfs config unset --path /results --all",
      "",
      "Exit codes: 0 done; 1 failed; 2 wrong use, and nothing was changed."
    })
public final class ConfigCommand extends Command {
  @Parameters(index = "0", paramLabel = "WHAT", description = "list, set, unset, profiles or walk.")
  private String what = "";

  @Parameters(
      index = "1..*",
      paramLabel = "KEY[=VALUE]",
      description = "For set: KEY=VALUE, or profile=NAME; for unset: KEY.")
  private List<String> words = new ArrayList<>();

  @Option(names = "--path", paramLabel = "DIR", description = "A directory of the instance.")
  private @Nullable String path;

  @Option(
      names = "--wait",
      description = "Wait until the existing files of the directory have been added.")
  private boolean wait;

  @Option(names = "--all", description = "Unset all switches.")
  private boolean all;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  public ConfigCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if (path != null) {
      try {
        Dataset.requirePath(path);
      } catch (IllegalArgumentException e) {
        throw new UsageException("--path " + e.getMessage(), e);
      }
    }
    switch (what) {
      case "list" -> {
        requireNoWords();
        list();
      }
      case "profiles" -> {
        requireNoWords();
        profiles();
      }
      case "set" -> set();
      case "unset" -> unset();
      case "walk" -> {
        requireNoWords();
        walk();
      }
      default ->
          throw new UsageException("'" + what + "': give list, set, unset, profiles or walk");
    }
    return ExitCode.OK;
  }

  private void requireNoWords() throws UsageException {
    if (!words.isEmpty()) {
      throw new UsageException(
          "'%s': %s takes no settings".formatted(String.join(" ", words), what));
    }
  }

  private void list() throws UsageException, FsException {
    // Without a name and without exactly one instance only the defaults are shown.
    InstanceDescription description =
        givenName() != null || path != null || directory().names().size() == 1 ? instance() : null;
    if (description == null) {
      print("", InstanceSwitches.valuesGiven(Settings.DEFAULT), List.of());
      return;
    }
    String name = description.instance().name();
    try (Controller controller = Controller.open(description.instance())) {
      InstanceSwitches switches = controller.switches();
      Set<Integer> set = new LinkedHashSet<>();
      for (SettingChange change : switches.changes()) {
        set.add(change.dataset());
      }
      List<Dataset> datasets =
          controller.datasets().list().stream()
              .filter(dataset -> set.contains(dataset.id()))
              .toList();
      print(name, switches.values(path), datasets);
    } catch (FsException e) {
      if (e.error() != FsError.UNREACHABLE || path != null) {
        throw e;
      }
      output().note("adhocfs config: values that were set later are not known: " + e.getMessage());
      print(name, InstanceSwitches.valuesGiven(description.instance().settings()), List.of());
    }
  }

  private void print(String instance, List<Value> values, List<Dataset> datasets) {
    if (json) {
      output().line(Json.pretty(json(values)));
      return;
    }
    if (!instance.isEmpty()) {
      output()
          .line(
              "# settings of instance "
                  + instance
                  + (path == null ? "" : ", for files made in " + path));
    }
    for (Value value : values) {
      Setting setting = value.setting();
      output()
          .line("# %s%s".formatted(setting.isSwitch() ? "switch: " : "", setting.description()));
      output()
          .line(
              "%s=%s    # %s; default %s; %s"
                  .formatted(
                      setting.key(),
                      value.text(),
                      setting.unit(),
                      setting.defaultValue(),
                      switch (value.origin()) {
                        case DEFAULT -> "not set";
                        case GIVEN -> "given to 'up'";
                        case SET -> "set later";
                        case DIRECTORY -> "set for " + value.directory();
                        case HINT -> "implied by access";
                      }));
    }
    if (path == null) {
      for (Dataset dataset : datasets) {
        output()
            .line(
                "# %s has switches of its own%s: adhocfs config list --path %s"
                    .formatted(
                        dataset.path(),
                        dataset.complete()
                            ? ""
                            : " (%d inodes added so far)".formatted(dataset.walked()),
                        dataset.path()));
      }
    }
  }

  static List<Object> json(List<Value> values) {
    List<Object> list = new ArrayList<>();
    for (Value value : values) {
      Setting setting = value.setting();
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("key", setting.key());
      fields.put("default", setting.defaultValue());
      fields.put("value", value.text());
      fields.put("origin", value.origin().name().toLowerCase(Locale.ROOT));
      if (value.origin() == Origin.DIRECTORY) {
        fields.put("directory", value.directory());
      }
      fields.put("unit", setting.unit());
      fields.put("switch", setting.isSwitch());
      fields.put("description", setting.description());
      list.add(fields);
    }
    return list;
  }

  /** The names of settings are values here, since they have dots. */
  static List<Object> jsonOfProfiles() {
    List<Object> list = new ArrayList<>();
    for (Profile profile : Profile.values()) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("profile", profile.label());
      fields.put("description", profile.description());
      List<Object> settings = new ArrayList<>();
      profile
          .settings()
          .forEach((setting, value) -> {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("key", setting.key());
            entry.put("value", value);
            settings.add(entry);
          });
      fields.put("settings", settings);
      list.add(fields);
    }
    return list;
  }

  private void profiles() {
    if (json) {
      output().line(Json.pretty(jsonOfProfiles()));
      return;
    }
    for (Profile profile : Profile.values()) {
      output().line("# " + profile.description());
      StringBuilder line = new StringBuilder(Profile.KEY + "=" + profile.label() + "    #");
      profile
          .settings()
          .forEach((setting, value) -> {
            if (!value.equals(setting.defaultValue())) {
              line.append(' ').append(setting.key()).append('=').append(value);
            }
          });
      output().line(profile == Profile.POSIX ? line + " all defaults" : line.toString());
    }
  }

  private void set() throws UsageException, IOException {
    if (words.isEmpty()) {
      throw new UsageException("set needs KEY=VALUE; see 'adhocfs config list'");
    }
    requirePathForWait();
    Map<String, String> byKey = new LinkedHashMap<>();
    for (String word : words) {
      Assignments.put(byKey, word, "set");
    }
    Map<Setting, String> values = new EnumMap<>(Setting.class);
    try {
      Profile.expand(byKey);
      for (Map.Entry<String, String> entry : byKey.entrySet()) {
        Setting setting = switchOf(entry.getKey());
        values.put(setting, new SettingChange(0, setting, entry.getValue()).value());
      }
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage() + "; see 'adhocfs config list'", e);
    }
    InstanceDescription description = instance();
    try (Controller controller = Controller.open(description.instance())) {
      Dataset dataset = path == null ? null : controller.datasets().of(path);
      controller.switches().set(dataset, values);
      if (dataset == null || dataset.complete()) {
        return;
      }
      if (wait) {
        Walks.run(controller.datasets(), dataset, output());
        return;
      }
      Walks.startInBackground(directory(), description.instance().name(), dataset.path());
    }
  }

  private void requirePathForWait() throws UsageException {
    if (wait && path == null) {
      throw new UsageException("--wait is for a directory: give --path too");
    }
  }

  private static Setting switchOf(String key) throws UsageException {
    Setting setting = Setting.ofKey(key);
    List<String> switches = Setting.switches().stream().map(Setting::key).toList();
    if (setting == null) {
      throw new UsageException(
          "there is no setting '%s'; switches: %s".formatted(key, String.join(", ", switches)));
    }
    if (!setting.isSwitch()) {
      throw new UsageException(
          "%s is read by daemons and mounts when they start, so it can only be given to 'adhocfs up'; switches that can be set now: %s"
              .formatted(key, String.join(", ", switches)));
    }
    return setting;
  }

  private void unset() throws UsageException, FsException {
    if (words.isEmpty() != all) {
      throw new UsageException("unset needs KEY, or --all");
    }
    List<Setting> settings = new ArrayList<>();
    if (all) {
      settings.addAll(Setting.switches());
    }
    for (String word : words) {
      settings.add(switchOf(word));
    }
    try (Controller controller = Controller.open(instance().instance())) {
      Dataset dataset = path == null ? null : known(controller.datasets());
      controller.switches().unset(dataset, settings);
    }
  }

  private Dataset known(Datasets datasets) throws UsageException {
    for (Dataset dataset : datasets.list()) {
      if (dataset.path().equals(path)) {
        return dataset;
      }
    }
    throw new UsageException(
        "--path '%s': nothing has been set for this directory".formatted(path));
  }

  private void walk() throws UsageException, FsException {
    if (path == null) {
      throw new UsageException("walk needs --path");
    }
    InstanceDescription description = instance();
    Walks.endWith(directory(), description.instance().name());
    try (Controller controller = Controller.open(description.instance())) {
      Datasets datasets = controller.datasets();
      Walks.run(datasets, known(datasets), output());
    }
  }
}
