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
      "An instance of which something is left stays written down, and 'adhocfs down' can be repeated.",
      "",
      "Exit codes: 0 nothing is left; 1 something is left, and named; 2 wrong use, no such instance."
    })
public final class DownCommand extends Command {
  @Option(
      names = {"-f", "--force"},
      description =
          "Also while programs use a mount: they get errors. Remove what can be reached even if a host cannot be asked whether it has a mount.")
  private boolean force;

  @Option(
      names = "--forget",
      description =
          "Forget the instance even if something of it is left, such as on a host that is gone for good. What is left is named.")
  private boolean forget;

  public DownCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, FsException {
    InstanceDescription description = instance();
    var takeDown = new TakeDown(description, directory(), this::note);
    List<String> mounted = takeDown.unmount(force);
    mounted.forEach(sentence -> output().note("adhocfs down: " + sentence));
    if (!mounted.isEmpty() && !force && !forget) {
      output()
          .note(
              "adhocfs down: nothing was removed, for that instance is still mounted; --force goes on nevertheless");
      return ExitCode.FAILED;
    }
    List<String> left = takeDown.removeNodes();
    left.forEach(sentence -> output().note("adhocfs down: " + sentence));
    boolean clean = left.isEmpty() && mounted.isEmpty();
    if (!clean && !forget) {
      output().note("adhocfs down: the rest is removed; " + takeDown.howToGoOn());
      return ExitCode.FAILED;
    }
    directory().remove(description.instance().name());
    output()
        .line(
            "instance %s is %s"
                .formatted(
                    description.instance().name(),
                    clean ? "down" : "forgotten; what is left of it is named above"));
    return clean ? ExitCode.OK : ExitCode.FAILED;
  }

  private void note(String sentence) {
    output().note("adhocfs down: " + sentence);
  }
}
