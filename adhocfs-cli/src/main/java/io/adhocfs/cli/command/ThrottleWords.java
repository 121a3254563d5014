package io.adhocfs.cli.command;

import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.throttle.Resource;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Limits as users write them, as options and as settings. Methods throw {@link UsageException},
 * whose message says what is allowed.
 */
final class ThrottleWords {
  /** The prefix of settings that set limits. */
  private static final String SETTING = "throttle.";

  private static final String SCOPES =
      "instance, job:ID, user:NAME, path:/DIR, node:n3, traffic:foreground, traffic:migration or traffic:staging";

  /** The prefix of a scope that names a directory. */
  private static final String PATH = "path:";

  private static final long COUNT_MAX = 1_000_000_000_000L;
  private static final Pattern VALUE =
      Pattern.compile("(?<limit>(?!weight\\b)\\S+)?\\s*(?:\\bweight\\s+(?<weight>[0-9]{1,9}))?");

  private ThrottleWords() {}

  static Resource resource(String what, String word) throws UsageException {
    Resource resource = Resource.ofLabel(word);
    if (resource == null) {
      throw new UsageException("%s '%s': give %s".formatted(what, word, Resource.labels()));
    }
    return resource;
  }

  /**
   * The rule that these words make.
   *
   * @param what the option or setting, for messages
   */
  static ThrottleRule rule(
      String what, Resource resource, Scope scope, @Nullable String limit, @Nullable Integer weight)
      throws UsageException {
    if (weight != null && scope.kind() != Scope.Kind.JOB && scope.kind() != Scope.Kind.USER) {
      throw new UsageException(what + ": a weight is for the scopes job:ID and user:NAME");
    }
    try {
      return new ThrottleRule(
          resource.label(),
          scope,
          limit == null ? 0 : limit(what, resource, limit),
          weight == null ? 1 : weight);
    } catch (IllegalArgumentException e) {
      throw new UsageException(what + ": " + e.getMessage(), e);
    }
  }

  private static long limit(String what, Resource resource, String word) throws UsageException {
    if (resource.inBytes()) {
      return Rates.parse(what, word, "500MB/s or 200MiB");
    }
    String digits = word.endsWith("/s") ? word.substring(0, word.length() - 2) : word;
    if (!digits.matches("[0-9]{1,12}")
        || Long.parseLong(digits) == 0
        || Long.parseLong(digits) > COUNT_MAX) {
      throw new UsageException(
          "%s '%s': for %s give a number, such as 500".formatted(what, word, resource.label()));
    }
    return Long.parseLong(digits);
  }

  /** The path in a scope that names a directory, or null. */
  static @Nullable String path(String what, String word) throws UsageException {
    if (!word.startsWith(PATH)) {
      return null;
    }
    String path = word.substring(PATH.length());
    try {
      Dataset.requirePath(path);
    } catch (IllegalArgumentException e) {
      throw new UsageException("%s '%s': %s".formatted(what, word, e.getMessage()), e);
    }
    return path;
  }

  /** A scope as users write it, but with users and nodes by number. */
  static String text(Scope scope, List<Dataset> datasets) {
    Dataset dataset = dataset(scope, datasets);
    return dataset == null ? scope.toString() : PATH + dataset.path();
  }

  /** The dataset that a scope names; null for other scopes. */
  static @Nullable Dataset dataset(Scope scope, List<Dataset> datasets) {
    for (Dataset dataset : datasets) {
      if (dataset.scope().equals(scope)) {
        return dataset;
      }
    }
    return null;
  }

  static Scope scope(String what, InstanceDescription description, String word)
      throws UsageException, FsException {
    int colon = word.indexOf(':');
    String kind = colon < 0 ? word : word.substring(0, colon);
    String value = colon < 0 ? "" : word.substring(colon + 1);
    try {
      return switch (kind) {
        case "instance" -> new Scope(Scope.Kind.INSTANCE, value);
        case "job" -> new Scope(Scope.Kind.JOB, value);
        case "user" -> new Scope(Scope.Kind.USER, user(what, value));
        case "node" -> new Scope(Scope.Kind.NODE, node(what, description, value));
        case "traffic" -> new Scope(Scope.Kind.TRAFFIC, value);
        case "path" ->
            throw new UsageException(
                "%s: a directory can only be limited after it is made, by 'adhocfs throttle set --scope %s'"
                    .formatted(what, word));
        default -> throw new UsageException(what + " '" + word + "': give " + SCOPES);
      };
    } catch (IllegalArgumentException e) {
      throw new UsageException(what + " '" + word + "': give " + SCOPES, e);
    }
  }

  private static String node(String what, InstanceDescription description, String word)
      throws UsageException {
    try {
      return Integer.toString(NodeNames.place(description, word).id().value());
    } catch (UsageException e) {
      throw new UsageException("%s 'node:%s': %s".formatted(what, word, e.getMessage()), e);
    }
  }

  /** The number of a user, given by a name that this system knows or by number. */
  private static String user(String what, String word) throws UsageException, FsException {
    if (word.matches("[0-9]{1,10}")) {
      return word;
    }
    if (word.isEmpty() || word.startsWith("-")) {
      throw new UsageException("%s 'user:%s': give a user's name or number".formatted(what, word));
    }
    try {
      Process process =
          new ProcessBuilder("id", "-u", word)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() == 0) {
        return said;
      }
    } catch (IOException | InterruptedException e) {
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      throw new UsageException("cannot look up the number of user " + word + ": " + e, e);
    }
    throw new UsageException(
        "%s 'user:%s': there is no such user here: give a user's name or number"
            .formatted(what, word));
  }

  /**
   * Removes the limits from the settings and returns them by key: they are not settings of
   * processes but part of the agreed state.
   */
  static Map<String, String> takeOut(Map<String, String> settings) {
    var taken = new LinkedHashMap<String, String>();
    for (Iterator<Map.Entry<String, String>> all = settings.entrySet().iterator();
        all.hasNext(); ) {
      Map.Entry<String, String> entry = all.next();
      if (entry.getKey().startsWith(SETTING)) {
        taken.put(entry.getKey(), entry.getValue());
        all.remove();
      }
    }
    return taken;
  }

  /** The rules of the settings {@code throttle.CLASS[.SCOPE]=[RATE] [weight N]}. */
  static List<ThrottleRule> rules(InstanceDescription description, Map<String, String> settings)
      throws UsageException, FsException {
    List<ThrottleRule> rules = new ArrayList<>();
    for (Map.Entry<String, String> entry : settings.entrySet()) {
      String key = entry.getKey();
      String words = key.substring(SETTING.length());
      // The name of a class has no dot; a job's id may have dots.
      int dot = words.indexOf('.');
      Resource resource = resource(key, dot < 0 ? words : words.substring(0, dot));
      Scope scope = dot < 0 ? Scope.INSTANCE : scope(key, description, words.substring(dot + 1));
      Matcher value = VALUE.matcher(entry.getValue());
      if (!value.matches() || (value.group("limit") == null && value.group("weight") == null)) {
        throw new UsageException(
            "%s '%s': give a limit, such as 200MB/s or 500, 'weight N', or both"
                .formatted(key, entry.getValue()));
      }
      ThrottleRule rule =
          rule(
              key,
              resource,
              scope,
              value.group("limit"),
              value.group("weight") == null ? null : Integer.valueOf(value.group("weight")));
      for (ThrottleRule known : rules) {
        if (known.key().equals(rule.key())) {
          throw new UsageException(key + ": there are two limits for " + rule.key());
        }
      }
      rules.add(rule);
    }
    if (rules.size() > ThrottleRule.RULES_MAX) {
      throw new UsageException(
          "%d limits: give %d at most".formatted(rules.size(), ThrottleRule.RULES_MAX));
    }
    return rules;
  }
}
