package io.adhocfs.it.architecture;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toSet;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The table "Allowed dependencies" of docs/architecture.md: for each package of ours, the packages
 * and classes it may use, in the order of the page.
 */
record AllowedDependencies(Map<String, List<String>> allowedByPackage) {

  static final String HEADING = "## Allowed dependencies";

  private static final String ROOT = "io.adhocfs.";

  /** What every package may use; a name ends in a dot where it stands for all that is below it. */
  private static final List<String> ALLOWED_TO_ALL =
      List.of(
          "java.",
          "javax.",
          "jdk.",
          "org.slf4j.",
          "org.jspecify.annotations.",
          "com.google.errorprone.annotations.");

  /**
   * Reads the first table after {@link #HEADING}.
   *
   * @throws IllegalArgumentException if there is none, a row has not two cells, a package is listed
   *     twice, or a package may use one of ours that is not further down
   */
  static AllowedDependencies parse(List<String> lines) {
    var table =
        lines.stream()
            .dropWhile(line -> !line.strip().equals(HEADING))
            .dropWhile(line -> !line.startsWith("|"))
            .takeWhile(line -> line.startsWith("|"))
            .skip(2)
            .toList();
    if (table.isEmpty()) {
      throw new IllegalArgumentException("no table below '" + HEADING + "'");
    }
    var allowedByPackage = new LinkedHashMap<String, List<String>>();
    for (String line : table) {
      List<String> cells = cells(line);
      List<String> allowed =
          cells.get(1).isEmpty() ? List.of() : List.of(cells.get(1).split("\\s*,\\s*", -1));
      if (allowedByPackage.put(cells.get(0), allowed) != null) {
        throw new IllegalArgumentException(cells.get(0) + " is listed twice");
      }
    }
    var dependencies = new AllowedDependencies(allowedByPackage);
    dependencies.requireDownwards();
    return dependencies;
  }

  private static List<String> cells(String line) {
    String row = line.strip();
    if (!row.endsWith("|") || row.chars().filter(c -> c == '|').count() != 3) {
      throw new IllegalArgumentException("not a row of two cells: " + line);
    }
    int middle = row.indexOf('|', 1);
    return List.of(
        row.substring(1, middle).strip(), row.substring(middle + 1, row.length() - 1).strip());
  }

  private void requireDownwards() {
    var above = new ArrayList<String>();
    allowedByPackage.forEach((user, allowed) -> {
      above.add(user);
      for (String used : allowed) {
        if (above.contains(used)) {
          throw new IllegalArgumentException(
              user + " may use " + used + ", which is not further down the table");
        }
        if (!isForeign(used) && !allowedByPackage.containsKey(used)) {
          throw new IllegalArgumentException(
              user + " may use " + used + ", which has no row of its own");
        }
      }
    });
  }

  /** Whether the package, given by its full name, has a row. */
  boolean lists(String packageName) {
    return packageName.startsWith(ROOT)
        && allowedByPackage.containsKey(packageName.substring(ROOT.length()));
  }

  /** The full names of the packages that have rows. */
  Set<String> packages() {
    return allowedByPackage.keySet().stream().map(ROOT::concat).collect(toSet());
  }

  /** Whether classes of a listed package may use a class; all names are full names. */
  boolean allows(String packageName, String usedPackageName, String usedClassName) {
    if (packageName.equals(usedPackageName)
        || ALLOWED_TO_ALL.stream().anyMatch(usedClassName::startsWith)) {
      return true;
    }
    List<String> allowed = allowedByPackage.get(packageName.substring(ROOT.length()));
    if (allowed == null) {
      throw new IllegalArgumentException(packageName + " is not in the table");
    }
    return allowed.stream().anyMatch(name -> covers(name, usedPackageName, usedClassName));
  }

  private static boolean covers(String name, String usedPackageName, String usedClassName) {
    if (name.endsWith(".")) {
      return usedClassName.startsWith(name);
    }
    if (isForeign(name)) {
      return usedClassName.equals(name) || usedClassName.startsWith(name + "$");
    }
    return usedPackageName.equals(ROOT + name);
  }

  /** Ours are lower case throughout; others end in a dot or in the name of a class. */
  private static boolean isForeign(String name) {
    return name.endsWith(".") || !name.equals(name.toLowerCase(Locale.ROOT));
  }

  /** The row of a package as text, for messages. */
  String row(String packageName) {
    return allowedByPackage.getOrDefault(packageName.substring(ROOT.length()), List.of()).stream()
        .collect(joining(", ", "[", "]"));
  }
}
