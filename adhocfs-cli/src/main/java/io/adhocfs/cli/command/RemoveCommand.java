package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Removes files. */
@CommandLine.Command(
    name = "rm",
    description = "Removes files and directories of an instance, without a mount.",
    footer = {
      "",
      "Example:",
      "  adhocfs rm -r adhoc:/old",
      "",
      "Exit codes: 0 removed; 1 a path could not be removed; 2 wrong use, no such instance."
    })
public final class RemoveCommand extends FileSystemCommand {
  @Option(
      names = {"-r", "-R", "--recursive"},
      description = "Remove directories with everything in them.")
  private boolean recursive;

  @Option(
      names = {"-f", "--force"},
      description = "Ignore paths that do not exist.")
  private boolean force;

  @Parameters(paramLabel = "PATH", arity = "1..*", description = "Paths such as adhoc:/dir/file.")
  private List<RawPath> paths = new ArrayList<>();

  public RemoveCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    return onInstance(fileSystem -> {
      int exitCode = ExitCode.OK;
      for (RawPath raw : paths) {
        try {
          remove(fileSystem, path(raw));
        } catch (FsException e) {
          if (!force || e.error() != FsError.NOT_FOUND) {
            exitCode = failed("rm", raw, e);
          }
        }
      }
      return exitCode;
    });
  }

  private void remove(AdhocFileSystem fileSystem, AdhocPath path) throws FsException {
    boolean directory = fileSystem.statLink(path).isDirectory();
    if (directory && !recursive) {
      throw new FsException(FsError.IS_DIRECTORY, path + " is a directory: add -r");
    }
    if (directory) {
      fileSystem.removeRecursively(path);
    } else {
      fileSystem.remove(path);
    }
  }
}
