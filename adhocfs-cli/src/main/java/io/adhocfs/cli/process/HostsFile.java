package io.adhocfs.cli.process;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** A file of hosts: one host on each line, '#' begins a comment. */
public final class HostsFile {
  // Also user@host and addresses, but nothing that a command could take for an option, or a shell
  // for syntax.
  private static final Pattern HOST = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.:@%-]*");

  private HostsFile() {}

  /**
   * The hosts, in order; a host that is listed twice gets two nodes.
   *
   * @throws IllegalArgumentException naming the line that is no host; or for a file without hosts
   */
  public static List<String> parse(String text) {
    List<String> hosts = new ArrayList<>();
    int number = 0;
    for (String line : text.lines().toList()) {
      number++;
      int comment = line.indexOf('#');
      String host = (comment < 0 ? line : line.substring(0, comment)).strip();
      if (host.isEmpty()) {
        continue;
      }
      if (!HOST.matcher(host).matches()) {
        throw new IllegalArgumentException(
            "line " + number + ": '" + host + "' is not a host; one host on each line");
      }
      hosts.add(host);
    }
    if (hosts.isEmpty()) {
      throw new IllegalArgumentException("the file has no host; one host on each line");
    }
    return hosts;
  }

  /** The name by which others connect to a host, which may be written user@host. */
  public static String address(String host) {
    return host.substring(host.indexOf('@') + 1);
  }
}
