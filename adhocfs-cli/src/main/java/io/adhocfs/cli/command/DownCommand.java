package io.adhocfs.cli.command;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsException;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Takes an instance down. */
@CommandLine.Command(
    name = "down",
    description = "Unmounts an instance, stops its daemons and removes all its data.",
    footer = {
      "",
      "Example:",
      "  adhocfs down --force",
      "",
      "Exit codes: 0 nothing is left; 1 something is left, and named; 2 wrong use, no such instance."
    })
public final class DownCommand extends Command {
  @Option(
      names = {"-f", "--force"},
      description =
          "Also while programs use a mount (they get errors), and forget what cannot be reached.")
  private boolean force;

  public DownCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, FsException {
    InstanceDescription description = instance();
    var takeDown = new TakeDown(description, directory());
    List<String> mounted = takeDown.unmount(force);
    mounted.forEach(sentence -> output().note("adhocfs down: " + sentence));
    if (!mounted.isEmpty() && !force) {
      output()
          .note(
              "adhocfs down: nothing was removed, for that instance is still mounted; --force goes on nevertheless");
      return ExitCode.FAILED;
    }
    List<String> left = takeDown.removeNodes();
    left.forEach(sentence -> output().note("adhocfs down: " + sentence));
    if (!left.isEmpty() && !force) {
      output()
          .note(
              "adhocfs down: the rest is removed; try again, or forget what is left with --force");
      return ExitCode.FAILED;
    }
    directory().remove(description.instance().name());
    output().line("instance " + description.instance().name() + " is down");
    return left.isEmpty() && mounted.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
  }
}
