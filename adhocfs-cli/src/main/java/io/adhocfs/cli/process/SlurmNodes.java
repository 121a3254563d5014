package io.adhocfs.cli.process;

import java.util.ArrayList;
import java.util.List;

/** Slurm's lists of nodes, such as {@code a[01-03,7],b}. */
public final class SlurmNodes {
  /** The command that starts a daemon on a node of the allocation. */
  public static final String REMOTE_START =
      "srun --quiet --overlap --nodes=1 --ntasks=1 --nodelist={host} sh -c";

  private static final int NODES_MAX = 65_535;

  private SlurmNodes() {}

  /**
   * The names in a list, in order.
   *
   * @throws IllegalArgumentException for a text that is not such a list
   */
  public static List<String> expand(String list) {
    List<String> names = new ArrayList<>();
    int start = 0;
    int depth = 0;
    for (int i = 0; i <= list.length(); i++) {
      char c = i < list.length() ? list.charAt(i) : ',';
      if (c == '[') {
        depth++;
      } else if (c == ']') {
        depth--;
      } else if (c == ',' && depth == 0) {
        if (i > start) {
          expandOne(list.substring(start, i), names);
        }
        start = i + 1;
      }
    }
    if (depth != 0) {
      throw wrong(list);
    }
    return names;
  }

  private static void expandOne(String pattern, List<String> names) {
    int open = pattern.indexOf('[');
    if (open < 0) {
      if (pattern.indexOf(']') >= 0) {
        throw wrong(pattern);
      }
      add(pattern, names);
      return;
    }
    int close = pattern.indexOf(']', open);
    if (close < 0) {
      throw wrong(pattern);
    }
    String before = pattern.substring(0, open);
    String after = pattern.substring(close + 1);
    for (String range : pattern.substring(open + 1, close).split(",", -1)) {
      String[] ends = range.split("-", -1);
      if (ends.length > 2
          || !ends[0].matches("\\d{1,9}")
          || !ends[ends.length - 1].matches("\\d{1,9}")) {
        throw wrong(pattern);
      }
      int first = Integer.parseInt(ends[0]);
      int last = Integer.parseInt(ends[ends.length - 1]);
      for (int number = first; number <= last; number++) {
        String digits = Integer.toString(number);
        String zeros = "0".repeat(Math.max(0, ends[0].length() - digits.length()));
        expandOne(before + zeros + digits + after, names);
      }
    }
  }

  private static void add(String name, List<String> names) {
    if (names.size() == NODES_MAX) {
      throw new IllegalArgumentException("more than " + NODES_MAX + " nodes");
    }
    names.add(name);
  }

  private static IllegalArgumentException wrong(String list) {
    return new IllegalArgumentException("'" + list + "' is not a list of nodes such as a[01-03],b");
  }
}
