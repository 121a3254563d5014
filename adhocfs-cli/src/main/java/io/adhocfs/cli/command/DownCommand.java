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
      "If something is left, the instance stays recorded: repeat 'adhocfs down' to remove the rest.",
      "",
      "Exit codes: 0 nothing is left; 1 something is left and named; 2 wrong use, no such instance."
    })
public final class DownCommand extends Command {
  @Option(
      names = {"-f", "--force"},
      description =
          "Go on while programs use a mount (they get errors), or a host does not say whether it has a mount; remove everything that can be reached.")
  private boolean force;

  @Option(
      names = "--forget",
      description =
          "Forget the instance even if something is left, for example on a host that is gone for good. The output names what is left.")
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
              "adhocfs down: nothing was removed, since the instance is still mounted; --force removes it anyway");
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
