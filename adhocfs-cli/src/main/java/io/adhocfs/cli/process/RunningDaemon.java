package io.adhocfs.cli.process;

import io.adhocfs.protocol.instance.JsonFields;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import java.nio.charset.StandardCharsets;

/**
 * A running daemon, as in the file that it writes into its directory when it is ready.
 *
 * @param warning what keeps the daemon from working as it should; empty = nothing
 * @param json the content of the file, on one line
 */
public record RunningDaemon(ClusterMap.Node node, long processId, String warning, String json) {
  /**
   * Reads the file's content.
   *
   * @throws FsException CORRUPT, naming the source
   */
  public static RunningDaemon parse(String source, String text) throws FsException {
    JsonFields json = JsonFields.parse(source, text.getBytes(StandardCharsets.UTF_8));
    try {
      return new RunningDaemon(
          new ClusterMap.Node(
              new NodeId(json.intNumber("node")),
              json.text("host"),
              json.intNumber("port"),
              json.text("socket"),
              json.number("incarnation"),
              NodeState.ACTIVE),
          json.number("pid"),
          json.text("warning"),
          text.replaceAll("\\s*\n\\s*", " ").strip());
    } catch (IllegalArgumentException e) {
      FsException corrupt = json.corrupt("node", "is wrong: " + e.getMessage());
      corrupt.initCause(e);
      throw corrupt;
    }
  }
}
