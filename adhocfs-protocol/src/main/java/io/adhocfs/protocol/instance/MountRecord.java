package io.adhocfs.protocol.instance;

import com.fasterxml.jackson.jr.ob.JSON;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;

/**
 * One mount of an instance, as its process leaves it beside the instance's file.
 *
 * @param host name of the machine it is on
 * @param remote by which the remote-start command reaches that machine; empty = it was mounted
 *     there by hand
 * @param processId of the process that serves it
 * @param directory where it is mounted, absolute
 * @param driver direct or jnr
 * @param madeDirectory whether mounting made the directory, so that unmounting removes it
 * @param logFile absolute
 */
public record MountRecord(
    String host,
    String remote,
    long processId,
    String directory,
    String driver,
    boolean madeDirectory,
    String logFile) {
  public MountRecord {
    if (host.isEmpty() || host.indexOf('/') >= 0 || processId < 1) {
      throw new IllegalArgumentException("a mount by process " + processId + " on '" + host + "'");
    }
  }

  /** The same, reached through the remote-start command under this name. */
  public MountRecord withRemote(String newRemote) {
    return new MountRecord(host, newRemote, processId, directory, driver, madeDirectory, logFile);
  }

  MountRecord withMadeDirectory() {
    return new MountRecord(host, remote, processId, directory, driver, true, logFile);
  }

  boolean isSamePlace(MountRecord other) {
    return host.equals(other.host) && directory.equals(other.directory);
  }

  String fileName() {
    return host + "-" + processId + ".json";
  }

  /** On one line, without a line end. */
  public String toJson() {
    var json = new LinkedHashMap<String, Object>();
    json.put("host", host);
    json.put("remote", remote);
    json.put("pid", processId);
    json.put("directory", directory);
    json.put("driver", driver);
    json.put("madeDirectory", madeDirectory);
    json.put("log", logFile);
    try {
      return JSON.std.asString(json);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws FsException CORRUPT, naming the source and the field
   */
  public static MountRecord parse(String source, String text) throws FsException {
    JsonFields json = JsonFields.parse(source, text.getBytes(StandardCharsets.UTF_8));
    try {
      return new MountRecord(
          json.text("host"),
          json.text("remote"),
          json.number("pid"),
          json.text("directory"),
          json.text("driver"),
          json.flag("madeDirectory"),
          json.text("log"));
    } catch (IllegalArgumentException e) {
      FsException corrupt = json.corrupt("pid", "is wrong: " + e.getMessage());
      corrupt.initCause(e);
      throw corrupt;
    }
  }
}
