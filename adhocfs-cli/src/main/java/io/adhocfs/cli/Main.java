package io.adhocfs.cli;

import io.adhocfs.cli.arguments.Output;
import io.adhocfs.cli.arguments.RawArguments;
import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.cli.command.CatCommand;
import io.adhocfs.cli.command.Command;
import io.adhocfs.cli.command.ConfigCommand;
import io.adhocfs.cli.command.CopyCommand;
import io.adhocfs.cli.command.DaemonCommand;
import io.adhocfs.cli.command.DownCommand;
import io.adhocfs.cli.command.ExitCode;
import io.adhocfs.cli.command.ExpandCommand;
import io.adhocfs.cli.command.ListCommand;
import io.adhocfs.cli.command.LogsCommand;
import io.adhocfs.cli.command.MountCommand;
import io.adhocfs.cli.command.RebalanceCommand;
import io.adhocfs.cli.command.Rehearsal;
import io.adhocfs.cli.command.RelocateCommand;
import io.adhocfs.cli.command.Remedies;
import io.adhocfs.cli.command.RemoveCommand;
import io.adhocfs.cli.command.ShrinkCommand;
import io.adhocfs.cli.command.StartCommand;
import io.adhocfs.cli.command.StatCommand;
import io.adhocfs.cli.command.StatsCommand;
import io.adhocfs.cli.command.StatusCommand;
import io.adhocfs.cli.command.Surroundings;
import io.adhocfs.cli.command.ThrottleCommand;
import io.adhocfs.cli.command.UmountCommand;
import io.adhocfs.cli.command.UpCommand;
import io.adhocfs.cli.command.UsageException;
import io.adhocfs.cli.command.VerifyCommand;
import io.adhocfs.cli.process.Logging;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParameterException;

/**
 * The program: finds the command, runs it with its arguments, and reports errors. It creates only
 * the command that is run, since describing all commands would take longer than most commands run.
 */
public final class Main {
  private static final int HELP_WIDTH = 100;

  private record Entry(String summary, Function<Surroundings, Command> command) {}

  private static final Map<String, Entry> COMMANDS = new LinkedHashMap<>();

  static {
    add("up", "bring an instance up and mount it", UpCommand::new);
    add("status", "show nodes and mounts", StatusCommand::new);
    add("copy", "copy into, out of and within an instance", CopyCommand::new);
    add("mount", "mount an instance on a directory", MountCommand::new);
    add("umount", "unmount, including mounts whose process died", UmountCommand::new);
    add("start", "start daemons that are down", StartCommand::new);
    add("expand", "add nodes to a running instance", ExpandCommand::new);
    add("shrink", "remove nodes from a running instance", ShrinkCommand::new);
    add("relocate", "move a running instance to other nodes", RelocateCommand::new);
    add(
        "rebalance",
        "show, pause, resume, cancel or limit a running expand, shrink or relocate",
        RebalanceCommand::new);
    add(
        "throttle",
        "limit the traffic of jobs, users, directories, nodes or all",
        ThrottleCommand::new);
    add("stats", "show what jobs have done, and which limits held them back", StatsCommand::new);
    add("verify", "check that names, inodes and chunks fit together", VerifyCommand::new);
    add("down", "unmount, stop the daemons, remove all data", DownCommand::new);
    add("ls", "list files without a mount", ListCommand::new);
    add("stat", "show a file's attributes without a mount", StatCommand::new);
    add("cat", "write files to standard output without a mount", CatCommand::new);
    add("rm", "remove files without a mount", RemoveCommand::new);
    add("config", "show settings; change switches of a running instance", ConfigCommand::new);
    add("logs", "show where logs are, or the end of a node's log", LogsCommand::new);
    add("daemon", "run one daemon in the foreground", DaemonCommand::new);
  }

  private final Surroundings surroundings;
  private final Output output;

  Main(Surroundings surroundings) {
    this.surroundings = surroundings;
    this.output = surroundings.output();
  }

  private static void add(String name, String summary, Function<Surroundings, Command> command) {
    COMMANDS.put(name, new Entry(summary, command));
  }

  public static void main(String[] arguments) {
    Logging.off();
    Output output = Output.ofThisProcess();
    var main = new Main(new Surroundings(System.getenv(), System.in, output));
    int exitCode = main.run(RawArguments.ofThisProcess(arguments));
    output.flush();
    String lost = output.lost();
    if (lost != null) {
      output.note("adhocfs: cannot write the result: " + lost);
      exitCode = ExitCode.FAILED;
    }
    // Not a return: idle threads of the libraries would keep the process alive.
    System.exit(exitCode);
  }

  /**
   * Runs a command line.
   *
   * @param arguments raw
   * @return the exit code
   */
  int run(String[] arguments) {
    String first = arguments.length == 0 ? "--help" : RawArguments.text(arguments[0]);
    String[] rest =
        arguments.length == 0 ? arguments : Arrays.copyOfRange(arguments, 1, arguments.length);
    return switch (first) {
      case "--help", "-h" -> help(arguments.length == 0 ? ExitCode.USAGE : ExitCode.OK);
      case "help" -> rest.length == 0 ? help(ExitCode.OK) : run(new String[] {rest[0], "--help"});
      case "--version", "-V" -> version();
      case "rehearse" -> rehearse();
      default -> {
        Entry entry = COMMANDS.get(first);
        yield entry == null ? unknown(first) : run(first, entry, rest);
      }
    };
  }

  private int unknown(String command) {
    output.note(
        "adhocfs: there is no command '%s'; there are: %s (adhocfs --help)"
            .formatted(command, String.join(", ", COMMANDS.keySet())));
    return ExitCode.USAGE;
  }

  /** Used by the build; see {@link Rehearsal}. */
  private int rehearse() {
    try {
      return Rehearsal.run(surroundings, (around, arguments) -> new Main(around).run(arguments));
    } catch (IOException e) {
      output.note("adhocfs rehearse: " + reason(e));
      return ExitCode.FAILED;
    }
  }

  private int run(String name, Entry entry, String[] arguments) {
    Command command = entry.command().apply(surroundings);
    CommandLine parser = parser(command);
    try {
      CommandLine.ParseResult parsed = parser.parseArgs(arguments);
      if (parsed.isUsageHelpRequested()) {
        output.line(parser.getUsageMessage(Ansi.OFF).stripTrailing());
        return ExitCode.OK;
      }
      return command.run();
    } catch (ParameterException e) {
      // picocli quotes raw arguments in its messages.
      output.note(
          "adhocfs %s: %s (adhocfs %s --help)"
              .formatted(name, oneLine(RawArguments.text(raw(e))), name));
      return ExitCode.USAGE;
    } catch (UsageException e) {
      output.note("adhocfs " + name + ": " + oneLine(e.getMessage()));
      return ExitCode.USAGE;
    } catch (IOException e) {
      return failed(name, command, e, reason(e));
    } catch (RuntimeException | LinkageError e) {
      return failed(
          name,
          command,
          e,
          "a defect of this program: " + e + (command.debug() ? "" : " (--debug shows where)"));
    } finally {
      command.ended();
    }
  }

  private static String raw(ParameterException e) {
    String message = String.valueOf(e.getMessage());
    // A message with more than arguments in it may have characters that are no bytes.
    return message.chars().allMatch(c -> c < 0x100) ? message : message.replaceAll("[^ -~]", "?");
  }

  private int failed(String name, Command command, Throwable e, String reason) {
    output.note("adhocfs " + name + ": " + oneLine(reason));
    if (command.debug()) {
      var trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace));
      output.note(trace.toString());
    }
    return ExitCode.FAILED;
  }

  private static String reason(IOException e) {
    if (e instanceof FsException failure) {
      return Remedies.reason(failure);
    }
    String message = e.getMessage();
    return e.getClass().getSimpleName() + (message == null ? "" : ": " + message);
  }

  private static String oneLine(@Nullable String text) {
    return String.valueOf(text).strip().replaceAll("\\s*\n\\s*", "; ");
  }

  private static CommandLine parser(Command command) {
    var parser = new CommandLine(command);
    parser.setCommandName("adhocfs " + parser.getCommandName());
    parser.setUsageHelpWidth(HELP_WIDTH);
    parser.setExpandAtFiles(false);
    parser.setInterpolateVariables(false);
    parser.registerConverter(String.class, RawArguments::text);
    parser.registerConverter(RawPath.class, RawPath::ofArgument);
    return parser;
  }

  private int help(int exitCode) {
    output.line(
        "adhocfs: a file system over the local disks of a job's nodes, while the job runs.");
    output.line("");
    output.line("usage: adhocfs COMMAND [--name INSTANCE] [OPTION]... [ARGUMENT]...");
    output.line("");
    COMMANDS.forEach((name, entry) -> output.line("  %-8s %s".formatted(name, entry.summary())));
    output.line("");
    output.line(
        "'adhocfs COMMAND --help' shows options and an example. Paths inside an instance: adhoc:/dir.");
    output.line(
        "Exit codes: 0 done; 1 failed; 2 wrong use, or not everything checked; 3 data lost.");
    return exitCode;
  }

  private int version() {
    String version = Main.class.getPackage().getImplementationVersion();
    output.line("adhocfs " + (version == null ? "(from classes)" : version));
    return ExitCode.OK;
  }
}
