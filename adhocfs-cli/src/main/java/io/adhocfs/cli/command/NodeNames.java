package io.adhocfs.cli.command;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.NodeId;
import java.util.stream.Collectors;

/** Nodes as users name them: n2 or 2. */
final class NodeNames {
  private NodeNames() {}

  /** The id that a word names, whether or not there is such a node. */
  static NodeId id(String word) throws UsageException {
    String digits = word.startsWith("n") ? word.substring(1) : word;
    if (!digits.matches("\\d{1,5}") || Integer.parseInt(digits) > NodeId.MAX) {
      throw new UsageException("'" + word + "' is no node: give n2 or 2");
    }
    return new NodeId(Integer.parseInt(digits));
  }

  static Place place(InstanceDescription description, String word) throws UsageException {
    String digits = word.startsWith("n") ? word.substring(1) : word;
    Place place =
        digits.matches("\\d{1,5}") && Integer.parseInt(digits) <= NodeId.MAX
            ? description.place(new NodeId(Integer.parseInt(digits)))
            : null;
    if (place == null) {
      throw new UsageException(
          "instance '%s' has no node '%s'; it has: %s"
              .formatted(
                  description.instance().name(),
                  word,
                  description.places().stream()
                      .map(candidate -> candidate.id().toString())
                      .collect(Collectors.joining(", "))));
    }
    return place;
  }
}
