package io.adhocfs.it.posix;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Reads tables of cases; system-calls.cases says how their lines look. */
final class SystemCallCases {
  /**
   * One chain of calls.
   *
   * @param expected of each call the results that are right
   */
  record Step(String chain, List<List<String>> expected) {
    boolean accepts(String results) {
      List<String> got = List.of(results.split(" \\| ", -1));
      return got.size() == expected.size()
          && IntStream.range(0, got.size()).allMatch(i -> expected.get(i).contains(got.get(i)));
    }
  }

  record Case(String name, List<Step> steps) {}

  /** A case before its values are filled in. */
  private record Draft(String header, List<String> lines) {}

  private SystemCallCases() {}

  /** The cases of some tables, one after the other. */
  static List<Case> read(List<String> names) throws IOException {
    List<Case> cases = new ArrayList<>();
    for (String name : names) {
      cases.addAll(read(name));
    }
    return cases;
  }

  private static List<Case> read(String name) throws IOException {
    String text;
    try (InputStream in = SystemCallCases.class.getResourceAsStream(name)) {
      text = new String(Objects.requireNonNull(in).readAllBytes(), UTF_8);
    }
    List<Draft> drafts = new ArrayList<>();
    for (String line : text.lines().map(String::strip).toList()) {
      if (line.startsWith("case ")) {
        drafts.add(new Draft(line.substring("case ".length()), new ArrayList<>()));
      } else if (!line.isEmpty() && !line.startsWith("#")) {
        drafts.getLast().lines().add(line);
      }
    }
    return drafts.stream().flatMap(draft -> cases(draft).stream()).toList();
  }

  private static List<Case> cases(Draft draft) {
    int loop = draft.header().lastIndexOf(" for $");
    if (loop < 0) {
      return List.of(filled(draft.header(), draft.lines(), List.of(), List.of()));
    }
    String[] parts = draft.header().substring(loop + " for ".length()).split(" in ", 2);
    List<String> variables = List.of(parts[0].split(","));
    String name = draft.header().substring(0, loop);
    return Arrays.stream(parts[1].split(" "))
        .map(value -> variables.size() == 1 ? List.of(value) : List.of(value.split(",")))
        .map(values -> filled(name, draft.lines(), variables, values))
        .toList();
  }

  private static Case filled(
      String name, List<String> lines, List<String> variables, List<String> values) {
    if (variables.size() != values.size()) {
      throw new IllegalArgumentException(name + ": " + variables + " are not " + values);
    }
    return new Case(
        fill(name, variables, values),
        lines.stream().map(line -> step(fill(line, variables, values))).toList());
  }

  private static String fill(String text, List<String> variables, List<String> values) {
    String filled = text;
    for (int i = 0; i < variables.size(); i++) {
      filled = filled.replace(variables.get(i), values.get(i));
    }
    return filled;
  }

  private static Step step(String line) {
    String[] sides = line.split(" => ", 2);
    String chain = spelledOut(sides[0]);
    int calls = chain.split(" \\| ", -1).length;
    List<List<String>> expected =
        sides.length == 2
            ? Arrays.stream(sides[1].split(" \\| ", -1))
                .map(result -> List.of(result.split("/")))
                .toList()
            : IntStream.range(0, calls).mapToObj(i -> List.of("0")).toList();
    if (expected.size() != calls) {
      throw new IllegalArgumentException(line + ": " + calls + " calls");
    }
    return new Step(chain, expected);
  }

  /** Puts in what is too long to stand in the file. */
  private static String spelledOut(String chain) {
    String text = chain;
    for (int length : new int[] {250, 251, 255, 256}) {
      text = text.replace("{n" + length + "}", "n".repeat(length));
    }
    for (int length : new int[] {4095, 4096}) {
      text =
          text.replace("{p" + length + "}", ("p/".repeat(length / 2) + "p").substring(0, length));
    }
    String links =
        IntStream.rangeClosed(1, 41)
            .mapToObj(i -> "symlink s" + (i - 1) + " s" + i)
            .collect(Collectors.joining(" | "));
    return text.replace("{chain41}", links);
  }
}
