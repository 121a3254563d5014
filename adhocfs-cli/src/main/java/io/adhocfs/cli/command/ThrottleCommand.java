package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.malleability.Controller;
import io.adhocfs.malleability.Datasets;
import io.adhocfs.malleability.Limits;
import io.adhocfs.malleability.Limits.Listed;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.throttle.Resource;
import io.adhocfs.protocol.throttle.RuleFigures;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Sets, lists and clears limits. */
@CommandLine.Command(
    name = "throttle",
    description = "Limits traffic while programs run, for all daemons of the instance together.",
    footer = {
      "",
      "WHAT: set (a limit, a weight or both), list (with what each rule has let through and held back),",
      "clear (one rule, all rules of a class or scope, or all rules with --all), or walk (walk a directory",
      "again, if 'list' shows that its walk has stopped).",
      "",
      "Classes: metadata-ops, data-ops (requests a second), data-bandwidth, network-bandwidth (bytes a",
      "second), rpc-tokens (a second: one for each request and for each further MiB of it).",
      "Scopes: instance, job:ID, user:NAME, path:/DIR, node:n3, traffic:foreground|migration|staging.",
      "",
      "The scope path:/DIR covers everything made below DIR from then on. Existing files are added by a",
      "background walk, whose progress 'list' shows. Files that are moved there later are not added.",
      "",
      "Examples:",
      "  adhocfs throttle set --class data-bandwidth --limit 200MB/s",
      "  adhocfs throttle set --class metadata-ops --limit 500 --scope job:42 --ahead",
      "  adhocfs throttle set --class data-bandwidth --scope job:42 --weight 3",
      "  adhocfs throttle set --class data-bandwidth --limit 50MB/s --scope path:/out --wait",
      "  adhocfs throttle clear --class data-bandwidth --scope instance",
      "",
      "Exit codes: 0 done; 1 failed; 2 wrong use, and nothing was changed."
    })
public final class ThrottleCommand extends Command {
  @Parameters(index = "0", paramLabel = "WHAT", description = "set, list, clear or walk.")
  private String what = "";

  @Option(names = "--class", paramLabel = "CLASS", description = "What the limit counts.")
  private @Nullable String resource;

  @Option(
      names = "--limit",
      paramLabel = "RATE",
      description = "How much in a second, such as 200MB/s or 500.")
  private @Nullable String limit;

  @Option(
      names = "--scope",
      paramLabel = "SCOPE",
      description = "Whose traffic; default: all of the instance.")
  private @Nullable String scope;

  @Option(
      names = "--weight",
      paramLabel = "N",
      description = "Relative share of a limit when several jobs or users compete; default 1.")
  private @Nullable Integer weight;

  @Option(names = "--ahead", description = "Accept a job id that has not connected yet.")
  private boolean ahead;

  @Option(
      names = "--wait",
      description = "Wait until the existing files of the directory have been added.")
  private boolean wait;

  @Option(names = "--all", description = "Clear all rules.")
  private boolean all;

  @Option(names = "--json", description = "List as JSON.")
  private boolean json;

  public ThrottleCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    InstanceDescription description = instance();
    Resource wanted = resource == null ? null : ThrottleWords.resource("--class", resource);
    String path = scope == null ? null : ThrottleWords.path("--scope", scope);
    Scope whose =
        scope == null || path != null ? null : ThrottleWords.scope("--scope", description, scope);
    if (wait && path == null) {
      throw new UsageException("--wait is for the scope of a directory, such as path:/out");
    }
    switch (what) {
      case "set" -> {
        if (path != null) {
          setForPath(description, wanted, path);
        } else {
          set(description, wanted, whose);
        }
      }
      case "list" -> {
        try (Controller controller = Controller.open(description.instance())) {
          List<Listed> list = controller.limits().list();
          print(list, controller.datasets().list());
        }
      }
      case "clear" -> clear(description, wanted, whose, path);
      case "walk" -> {
        if (path == null) {
          throw new UsageException("walk needs --scope path:/DIR");
        }
        Walks.endWith(directory(), description.instance().name());
        try (Controller controller = Controller.open(description.instance())) {
          Datasets datasets = controller.datasets();
          Walks.run(datasets, known(datasets, path), output());
        }
      }
      default -> throw new UsageException("'" + what + "': give set, list, clear or walk");
    }
    return ExitCode.OK;
  }

  private void set(
      InstanceDescription description, @Nullable Resource wanted, @Nullable Scope whose)
      throws UsageException, FsException {
    Scope of = whose == null ? Scope.INSTANCE : whose;
    ThrottleRule rule = rule(wanted, of);
    try (Controller controller = Controller.open(description.instance())) {
      Limits limits = controller.limits();
      if (of.kind() == Scope.Kind.JOB && !ahead) {
        requireKnown(limits, of);
      }
      limits.set(rule);
    }
  }

  private ThrottleRule rule(@Nullable Resource wanted, Scope of) throws UsageException {
    if (wanted == null) {
      throw new UsageException("set needs --class: " + Resource.labels());
    }
    if (limit == null && weight == null) {
      throw new UsageException("set needs --limit, --weight or both");
    }
    return ThrottleWords.rule(limit == null ? "--weight" : "--limit", wanted, of, limit, weight);
  }

  private void setForPath(InstanceDescription description, @Nullable Resource wanted, String path)
      throws UsageException, IOException {
    // Checked with a stand-in scope first: wrong use must change nothing, and the dataset is known
    // only once it is made.
    ThrottleRule rule = rule(wanted, new Scope(Scope.Kind.DATASET, "0"));
    try (Controller controller = Controller.open(description.instance())) {
      Datasets datasets = controller.datasets();
      Dataset dataset = datasets.of(path);
      controller
          .limits()
          .set(new ThrottleRule(rule.resource(), dataset.scope(), rule.limit(), rule.weight()));
      if (dataset.complete()) {
        return;
      }
      if (wait) {
        Walks.run(datasets, dataset, output());
        return;
      }
    }
    Walks.startInBackground(directory(), description.instance().name(), path);
  }

  private static Dataset known(Datasets datasets, String path) throws UsageException {
    for (Dataset dataset : datasets.list()) {
      if (dataset.path().equals(path)) {
        return dataset;
      }
    }
    throw new UsageException(
        "--scope 'path:%s': nothing has been set for this directory".formatted(path));
  }

  /**
   * Refuses a job that has not used the instance yet: it is more often a mistake than a job to
   * come.
   */
  private static void requireKnown(Limits limits, Scope scope) throws UsageException, FsException {
    Set<String> known = limits.jobs();
    boolean isLimited = limits.rules().stream().anyMatch(rule -> rule.scope().equals(scope));
    if (!known.contains(scope.value()) && !isLimited) {
      throw new UsageException(
          "--scope '%s': no program of this job has used the instance yet; jobs that have: %s. Add --ahead for a job to come"
              .formatted(scope, known.isEmpty() ? "none" : String.join(", ", known)));
    }
  }

  private void clear(
      InstanceDescription description,
      @Nullable Resource wanted,
      @Nullable Scope given,
      @Nullable String path)
      throws UsageException, FsException {
    if (all == (wanted != null || given != null || path != null)) {
      throw new UsageException("clear needs --class, --scope or both, or --all");
    }
    try (Controller controller = Controller.open(description.instance())) {
      Limits limits = controller.limits();
      Scope whose = path == null ? given : known(controller.datasets(), path).scope();
      List<ThrottleRule.Key> keys =
          limits.rules().stream()
              .map(ThrottleRule::key)
              .filter(key -> wanted == null || key.resource().equals(wanted.label()))
              .filter(key -> whose == null || key.scope().equals(whose))
              .toList();
      limits.clear(keys);
      output().line(keys.size() == 1 ? "1 rule cleared" : keys.size() + " rules cleared");
    }
  }

  private void print(List<Listed> list, List<Dataset> datasets) {
    if (json) {
      output().line(Json.pretty(json(list, datasets)));
      return;
    }
    if (list.isEmpty()) {
      output().line("nothing is limited");
    }
    for (Listed listed : list) {
      ThrottleRule rule = listed.rule();
      Dataset dataset = ThrottleWords.dataset(rule.scope(), datasets);
      output()
          .line(
              "%s of %s: %s%s%s"
                  .formatted(
                      rule.resource(),
                      ThrottleWords.text(rule.scope(), datasets),
                      rule.limit() == 0 ? "no limit" : rate(rule),
                      rule.weight() == 1 ? "" : ", weight " + rule.weight(),
                      dataset == null || dataset.complete()
                          ? ""
                          : ", %d inodes added so far".formatted(dataset.walked())));
      for (Map.Entry<String, RuleFigures> entry : listed.groups().entrySet()) {
        RuleFigures figures = entry.getValue();
        output()
            .line(
                String.format(
                    Locale.ROOT,
                    "  %-20s %s let through; %d requests held back, for %.1f s in all; %d wait",
                    entry.getKey(),
                    quantity(rule, figures.letThrough()),
                    figures.delayed(),
                    figures.waitedNanos() / 1e9,
                    figures.waiting()));
      }
    }
  }

  static List<Object> json(List<Listed> list, List<Dataset> datasets) {
    List<Object> rules = new ArrayList<>();
    for (Listed listed : list) {
      var fields = new LinkedHashMap<String, Object>();
      fields.put("class", listed.rule().resource());
      Dataset dataset = ThrottleWords.dataset(listed.rule().scope(), datasets);
      fields.put("scope", ThrottleWords.text(listed.rule().scope(), datasets));
      Resource resource = Resource.ofLabel(listed.rule().resource());
      fields.put("unit", resource == null ? "unknown" : unit(resource));
      fields.put("limit_per_second", listed.rule().limit());
      fields.put("weight", listed.rule().weight());
      if (dataset != null) {
        fields.put("added_inodes", dataset.walked());
        fields.put("complete", dataset.complete());
      }
      List<Object> groups = new ArrayList<>();
      listed
          .groups()
          .forEach((group, figures) -> {
            var entry = new LinkedHashMap<String, Object>();
            entry.put("who", group);
            entry.put("let_through", figures.letThrough());
            entry.put("delayed_requests", figures.delayed());
            entry.put("waited_seconds", figures.waitedNanos() / 1e9);
            entry.put("waiting_requests", figures.waiting());
            groups.add(entry);
          });
      fields.put("groups", groups);
      rules.add(fields);
    }
    return rules;
  }

  /** What a limit counts. */
  private static String unit(Resource resource) {
    return switch (resource) {
      case METADATA_OPS, DATA_OPS -> "requests";
      case DATA_BANDWIDTH, NETWORK_BANDWIDTH -> "bytes";
      case RPC_TOKENS -> "tokens";
    };
  }

  /** A limit, in the unit that it was probably given in. */
  private static String rate(ThrottleRule rule) {
    Resource resource = Resource.ofLabel(rule.resource());
    long limit = rule.limit();
    if (resource == null || !resource.inBytes()) {
      return limit + "/s";
    }
    if (limit % 1000 != 0) {
      return Quantities.bytes(limit) + "/s";
    }
    return limit % 1_000_000 == 0 ? limit / 1_000_000 + " MB/s" : limit / 1000 + " kB/s";
  }

  private static String quantity(ThrottleRule rule, long amount) {
    Resource resource = Resource.ofLabel(rule.resource());
    return resource != null && resource.inBytes()
        ? Quantities.bytes(amount)
        : Long.toString(amount);
  }
}
