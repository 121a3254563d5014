package io.adhocfs.cli.process;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.JsonFields;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What another host needs to start one node's daemon; passed on standard input, since it holds the
 * secret.
 *
 * @param fresh whether the node is new: its directory must be empty
 * @param configuration the daemon's own configuration file; empty = the file that is in the
 *     directory
 */
public record NodeBootstrap(
    NodeId node, Path dataDirectory, long heapBytesMax, boolean fresh, String configuration) {

  /** As JSON on one line. */
  public byte[] toJson() {
    var json = new LinkedHashMap<String, Object>();
    json.put("format", InstanceDescription.FORMAT);
    json.put("node", node.value());
    json.put("data", dataDirectory.toString());
    json.put("heap", heapBytesMax);
    json.put("fresh", fresh);
    json.put("configuration", configuration);
    return (Json.line(json) + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws FsException CORRUPT
   */
  public static NodeBootstrap parse(String source, byte[] bytes) throws FsException {
    JsonFields json = JsonFields.parse(source, bytes);
    if (json.number("format") != InstanceDescription.FORMAT) {
      throw json.corrupt("format", "is of another version: all hosts need the same program");
    }
    try {
      return new NodeBootstrap(
          new NodeId(json.intNumber("node")),
          Path.of(json.text("data")),
          json.number("heap"),
          json.flag("fresh"),
          json.text("configuration"));
    } catch (IllegalArgumentException e) {
      FsException corrupt = json.corrupt("node", "is wrong: " + e.getMessage());
      corrupt.initCause(e);
      throw corrupt;
    }
  }

  /**
   * Starts the daemon on this host, unless it runs already, and waits until it is ready.
   *
   * @param notes told what a long wait is for
   */
  public RunningDaemon startHere(Consumer<String> notes) throws FsException {
    RunningDaemon running = prepareHere();
    return running != null ? running : new LocalDaemon(dataDirectory).start(heapBytesMax, notes);
  }

  /**
   * Makes the directory and files that the daemon needs to start, on this host.
   *
   * @return the daemon, if it runs already, in which case nothing was changed; else null
   */
  public @Nullable RunningDaemon prepareHere() throws FsException {
    var daemon = new LocalDaemon(dataDirectory);
    if (fresh) {
      daemon.makeDirectory();
    } else {
      RunningDaemon running = daemon.running();
      if (running != null) {
        return running;
      }
    }
    daemon.prepare(configuration.isEmpty() ? null : configuration.getBytes(StandardCharsets.UTF_8));
    return null;
  }

  /** Never shows the secret. */
  @Override
  public String toString() {
    return "node " + node + " in " + dataDirectory;
  }
}
