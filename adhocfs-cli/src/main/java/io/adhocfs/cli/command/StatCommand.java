package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows everything about files. */
@CommandLine.Command(
    name = "stat",
    description = "Shows the attributes of files of an instance, without a mount.",
    footer = {
      "",
      "Example:",
      "  adhocfs stat adhoc:/results/run1.h5",
      "",
      "Exit codes: 0 shown; 1 a path could not be read; 2 wrong use, no such instance."
    })
public final class StatCommand extends FileSystemCommand {
  @Option(
      names = {"-L", "--dereference"},
      description = "Follow a symbolic link.")
  private boolean follow;

  @Option(names = "--json", description = "Print JSON, an object for each path.")
  private boolean json;

  @Parameters(paramLabel = "PATH", arity = "1..*", description = "Paths such as adhoc:/dir/file.")
  private List<RawPath> paths = new ArrayList<>();

  public StatCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    return onInstance(fileSystem -> {
      int exitCode = ExitCode.OK;
      for (RawPath raw : paths) {
        try {
          show(fileSystem, raw);
        } catch (FsException e) {
          exitCode = failed("stat", raw, e);
        }
      }
      return exitCode;
    });
  }

  private void show(AdhocFileSystem fileSystem, RawPath raw) throws FsException {
    AdhocPath path = path(raw);
    FileAttributes attributes = follow ? fileSystem.stat(path) : fileSystem.statLink(path);
    String node = fileSystem.inodes().nodeOf(attributes.id()).toString();
    String target =
        attributes.type() == FileType.SYMLINK
            ? new String(fileSystem.readSymlink(path), StandardCharsets.UTF_8)
            : "";
    if (json) {
      output().line(Json.line(json(raw.toString(), attributes, node, target)));
    } else {
      print(raw.toString(), attributes, node, target);
    }
  }

  /**
   * The attributes of a file.
   *
   * @param node the node that the file's inode lies on
   * @param target of a symbolic link; empty for other files
   */
  static Map<String, Object> json(
      String path, FileAttributes attributes, String node, String target) {
    Map<String, Object> fields = common(path, attributes, node, "size_bytes", target);
    if (attributes.isRegular()) {
      FileLayout layout = attributes.layout();
      fields.put("inline", layout.inline());
      fields.put("chunk_size_bytes", layout.chunkSizeBytes());
      fields.put("first_slot", layout.firstSlot());
    }
    return fields;
  }

  private void print(String path, FileAttributes attributes, String node, String target) {
    Map<String, Object> fields = common(path, attributes, node, "size", target);
    if (attributes.isRegular()) {
      FileLayout layout = attributes.layout();
      fields.put(
          "data",
          layout.inline()
              ? "inline"
              : "chunks of %d bytes from slot %d"
                  .formatted(layout.chunkSizeBytes(), layout.firstSlot()));
    }
    fields.forEach((name, value) -> output().line("%-12s %s".formatted(name + ":", value)));
  }

  /** What people and programs are told alike; only the size has another name for each. */
  private static Map<String, Object> common(
      String path, FileAttributes attributes, String node, String sizeName, String target) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("path", path);
    fields.put("type", attributes.type().name().toLowerCase(Locale.ROOT).replace('_', ' '));
    fields.put("inode", attributes.id().toString());
    fields.put("slot", attributes.id().slotValue());
    fields.put("node", node);
    fields.put("mode", "%04o".formatted(attributes.mode()));
    fields.put("permissions", FileLine.mode(attributes.type(), attributes.mode()));
    fields.put("links", attributes.linkCount());
    fields.put("uid", Integer.toUnsignedLong(attributes.uid()));
    fields.put("gid", Integer.toUnsignedLong(attributes.gid()));
    fields.put(attributes.isDirectory() ? "entries" : sizeName, attributes.sizeBytes());
    fields.put("accessed", FileLine.time(attributes.atimeNanos()));
    fields.put("modified", FileLine.time(attributes.mtimeNanos()));
    fields.put("changed", FileLine.time(attributes.ctimeNanos()));
    if (attributes.type() == FileType.SYMLINK) {
      fields.put("target", target);
    }
    return fields;
  }
}
