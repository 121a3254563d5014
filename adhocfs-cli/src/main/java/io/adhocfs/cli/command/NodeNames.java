package io.adhocfs.cli.command;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.NodeId;
import java.util.List;
import java.util.stream.Collectors;

/** Nodes as users name them: n2 or 2. */
final class NodeNames {
  private NodeNames() {}

  /** The id that a word names, whether or not such a node exists. */
  static NodeId id(String word) throws UsageException {
    String digits = word.startsWith("n") ? word.substring(1) : word;
    if (!digits.matches("\\d{1,5}") || Integer.parseInt(digits) > NodeId.MAX) {
      throw new UsageException("'" + word + "' is not a node: give n2 or 2");
    }
    return new NodeId(Integer.parseInt(digits));
  }

  /** The id of one of the known nodes. */
  static NodeId node(InstanceDescription description, List<NodeId> known, String word)
      throws UsageException {
    NodeId id = id(word);
    if (!known.contains(id)) {
      throw new UsageException(
          "instance '%s' has no node '%s'; it has: %s"
              .formatted(
                  description.instance().name(),
                  word,
                  known.stream().map(NodeId::toString).collect(Collectors.joining(", "))));
    }
    return id;
  }

  /** The recorded place of a node. */
  static Place place(InstanceDescription description, String word) throws UsageException {
    List<NodeId> known = description.places().stream().map(Place::id).toList();
    Place place = description.place(node(description, known, word));
    if (place == null) {
      throw new IllegalStateException("no place of " + word);
    }
    return place;
  }
}
