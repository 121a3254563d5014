package io.adhocfs.daemon;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.protocol.instance.JsonFields;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.InstanceIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Set;

/**
 * What a daemon must be told to start. Kept in a file that only its owner may read, for it holds
 * the secret.
 *
 * @param dataDirectory absolute; this daemon's alone
 * @param bindHost name or address to listen at
 * @param advertisedHost name or address by which others reach it
 * @param port TCP port; 0 = any free one
 * @param socketPath Unix socket for processes on the same host; empty = chosen by the daemon
 * @param ownerUser user id that the root directory of a new instance belongs to
 * @param ownerGroup its group id
 */
public record DaemonConfiguration(
    InstanceIdentity identity,
    NodeId node,
    Path dataDirectory,
    String bindHost,
    String advertisedHost,
    int port,
    String socketPath,
    Settings settings,
    int ownerUser,
    int ownerGroup) {
  /** The format that this version writes and the only one it reads. */
  private static final int FORMAT = 1;

  public DaemonConfiguration {
    if (!dataDirectory.isAbsolute()) {
      throw new IllegalArgumentException("the data directory " + dataDirectory + " is relative");
    }
    if (bindHost.isEmpty() || advertisedHost.isEmpty() || port < 0 || port > 65535) {
      throw new IllegalArgumentException(
          "bind to '%s', be known as '%s', port %d".formatted(bindHost, advertisedHost, port));
    }
  }

  /** The content of a configuration file; {@link #parse} takes it back. Holds the secret. */
  public byte[] toJson() {
    var json = new LinkedHashMap<String, Object>();
    json.put("format", FORMAT);
    json.put("instance", identity.instanceId());
    json.put("secret", HexFormat.of().formatHex(identity.secret()));
    json.put("node", node.value());
    json.put("data", dataDirectory.toString());
    json.put("bind", bindHost);
    json.put("host", advertisedHost);
    json.put("port", port);
    json.put("socket", socketPath);
    json.put("user", ownerUser);
    json.put("group", ownerGroup);
    json.put("settings", settings.given());
    try {
      return (JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(json) + "\n")
          .getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @param source named in errors
   * @throws FsException CORRUPT; NOT_SUPPORTED for another format
   */
  public static DaemonConfiguration parse(String source, byte[] bytes) throws FsException {
    JsonFields json = JsonFields.parse(source, bytes);
    long format = json.number("format");
    if (format != FORMAT) {
      throw new FsException(
          FsError.NOT_SUPPORTED,
          "%s has format %d, this program reads %d: start the daemon with the program that wrote it"
              .formatted(source, format, FORMAT));
    }
    try {
      return new DaemonConfiguration(
          new InstanceIdentity(json.text("instance"), HexFormat.of().parseHex(json.text("secret"))),
          new NodeId(json.intNumber("node")),
          Path.of(json.text("data")),
          json.text("bind"),
          json.text("host"),
          json.intNumber("port"),
          json.text("socket"),
          new Settings(json.texts("settings")),
          json.intNumber("user"),
          json.intNumber("group"));
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.CORRUPT, source + ": " + e.getMessage(), e);
    }
  }

  /**
   * Reads a configuration file.
   *
   * @throws FsException NOT_FOUND, CORRUPT, NOT_SUPPORTED, or NOT_PERMITTED for one that others may
   *     read
   */
  public static DaemonConfiguration read(Path file) throws FsException {
    try {
      Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
      if (permissions.contains(PosixFilePermission.GROUP_READ)
          || permissions.contains(PosixFilePermission.OTHERS_READ)) {
        throw new FsException(
            FsError.NOT_PERMITTED,
            file + " holds a secret and others may read it: chmod 600 " + file);
      }
      return parse(file.toString(), Files.readAllBytes(file));
    } catch (FsException e) {
      throw e;
    } catch (java.nio.file.NoSuchFileException e) {
      throw new FsException(FsError.NOT_FOUND, "there is no configuration file " + file, e);
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot read " + file + ": " + e, e);
    }
  }

  /** Never shows the secret. */
  @Override
  public String toString() {
    return "node " + node + " of " + identity + " in " + dataDirectory;
  }
}
