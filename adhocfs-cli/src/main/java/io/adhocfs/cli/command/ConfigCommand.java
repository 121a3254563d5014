package io.adhocfs.cli.command;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.Setting;
import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows settings. */
@CommandLine.Command(
    name = "config",
    description = "Lists the settings: their defaults, what they mean, and an instance's values.",
    footer = {
      "",
      "Settings are given when an instance is brought up: adhocfs up --set KEY=VALUE --config FILE.",
      "",
      "Example:",
      "  adhocfs config list",
      "",
      "Exit codes: 0 listed; 2 wrong use."
    })
public final class ConfigCommand extends Command {
  @Parameters(paramLabel = "list", description = "What to do; there is only list.")
  private String action = "";

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  public ConfigCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, FsException {
    if (!action.equals("list")) {
      throw new UsageException("'" + action + "': there is only 'adhocfs config list'");
    }
    // Without a name and without exactly one instance only the defaults are shown.
    InstanceDescription description =
        givenName() != null || directory().names().size() == 1 ? instance() : null;
    if (json) {
      List<Object> list = new ArrayList<>();
      for (Setting setting : Setting.values()) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("key", setting.key());
        fields.put("default", setting.defaultValue());
        fields.put("value", value(description, setting));
        fields.put("description", setting.description());
        list.add(fields);
      }
      output().line(Json.pretty(list));
      return ExitCode.OK;
    }
    if (description != null) {
      output().line("# settings of instance " + description.instance().name());
    }
    for (Setting setting : Setting.values()) {
      String value = value(description, setting);
      output().line("# " + setting.description());
      output()
          .line(
              setting.key()
                  + "="
                  + value
                  + (value.equals(setting.defaultValue())
                      ? ""
                      : "    # default " + setting.defaultValue()));
    }
    return ExitCode.OK;
  }

  private static String value(@Nullable InstanceDescription description, Setting setting) {
    return description == null
        ? setting.defaultValue()
        : description.instance().settings().text(setting);
  }
}
