package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryListing;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists directories. */
@CommandLine.Command(
    name = "ls",
    description = "Lists files and directories of an instance, without a mount.",
    footer = {
      "",
      "Example:",
      "  adhocfs ls -l adhoc:/results",
      "",
      "Exit codes: 0 listed; 1 a path could not be listed; 2 wrong use, no such instance."
    })
public final class ListCommand extends FileSystemCommand {
  private static final byte[] ARROW = " -> ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] LINE_END = {'\n'};

  @Option(names = "-l", description = "Also show mode, links, owner, group, size and time.")
  private boolean details;

  @Option(
      names = {"-a", "--all"},
      description = "Also list names that begin with a dot.")
  private boolean all;

  @Option(
      names = {"-d", "--directory"},
      description = "List directories themselves, not their content.")
  private boolean directoryItself;

  @Parameters(
      paramLabel = "PATH",
      arity = "0..*",
      description = "Paths in the instance, such as adhoc:/dir. Default: adhoc:/")
  private List<RawPath> paths = new ArrayList<>();

  public ListCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    List<RawPath> wanted = paths.isEmpty() ? List.of(RawPath.ofArgument("adhoc:/")) : paths;
    return onInstance(fileSystem -> {
      int exitCode = ExitCode.OK;
      for (RawPath raw : wanted) {
        try {
          list(fileSystem, raw, wanted.size() > 1);
        } catch (FsException e) {
          exitCode = failed("ls", raw, e);
        }
      }
      return exitCode;
    });
  }

  private void list(AdhocFileSystem fileSystem, RawPath raw, boolean titled) throws FsException {
    AdhocPath path = path(raw);
    FileAttributes attributes = fileSystem.statLink(path);
    if (!attributes.isDirectory() && attributes.type() == FileType.SYMLINK && !details) {
      attributes = fileSystem.stat(path);
    }
    if (!attributes.isDirectory() || directoryItself) {
      print(fileSystem, path, raw.bytes(), attributes.type(), attributes);
      return;
    }
    if (titled) {
      output().name(raw.bytes());
      output().line(":");
    }
    List<DirectoryItem> items = new ArrayList<>();
    DirectoryListing listing = fileSystem.list(path, details);
    for (DirectoryItem item = listing.next(); item != null; item = listing.next()) {
      if (all || item.name().bytes()[0] != '.') {
        items.add(item);
      }
    }
    items.sort((a, b) -> Arrays.compareUnsigned(a.name().bytes(), b.name().bytes()));
    for (DirectoryItem item : items) {
      AdhocPath child = path.resolve(item.name());
      FileAttributes known = item.attributes();
      if (details && known == null) {
        known = statOrNull(fileSystem, child);
        if (known == null) {
          continue; // removed meanwhile
        }
      }
      print(fileSystem, child, item.name().bytes(), item.type(), known);
    }
  }

  private static @Nullable FileAttributes statOrNull(AdhocFileSystem fileSystem, AdhocPath path)
      throws FsException {
    try {
      return fileSystem.statLink(path);
    } catch (FsException e) {
      if (e.error() == FsError.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }

  private void print(
      AdhocFileSystem fileSystem,
      AdhocPath path,
      byte[] name,
      FileType type,
      @Nullable FileAttributes attributes)
      throws FsException {
    if (details && attributes != null) {
      output().bytes(FileLine.details(attributes).getBytes(StandardCharsets.US_ASCII));
    }
    output().name(name);
    if (details && type == FileType.SYMLINK) {
      output().bytes(ARROW);
      output().name(fileSystem.readSymlink(path));
    }
    output().bytes(LINE_END);
  }
}
