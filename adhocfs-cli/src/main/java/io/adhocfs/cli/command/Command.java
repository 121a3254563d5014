package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Output;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of all commands, and how commands find their instance. */
public abstract class Command {
  private final Surroundings surroundings;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  @SuppressWarnings("UnusedVariable") // picocli looks at the option itself
  private boolean help;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description =
          "The instance. Default: $ADHOCFS_INSTANCE, else the only running instance of this user.")
  private @Nullable String name;

  private @Nullable NodeWatch watch;

  @Option(names = "--debug", description = "Show where in the program an error arose.")
  private boolean debug;

  protected Command(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  /**
   * Runs the command.
   *
   * @return one of the {@link ExitCode}s
   * @throws UsageException on wrong use; the message says what is allowed
   * @throws IOException if the command failed; the message is for the user
   */
  public abstract int run() throws UsageException, IOException;

  public final boolean debug() {
    return debug;
  }

  /** To be called after {@link #run}, however it ended. */
  public final void ended() {
    if (watch != null) {
      watch.close();
      watch = null;
    }
  }

  /** From now on until the command ends, watches the nodes and prints which do not answer. */
  protected final void watch(InstanceDescription description) {
    if (watch == null) {
      watch = NodeWatch.start(description, output());
    }
  }

  protected final Output output() {
    return surroundings.output();
  }

  protected final Surroundings surroundings() {
    return surroundings;
  }

  protected final InstanceDirectory directory() throws FsException {
    return InstanceDirectory.of(surroundings.environment());
  }

  /** The name that was given, by option or environment; null = none. */
  protected final @Nullable String givenName() throws UsageException {
    String given = name;
    if (given == null) {
      String inherited = surroundings.environment().getOrDefault("ADHOCFS_INSTANCE", "");
      given = inherited.isEmpty() ? null : inherited;
    }
    if (given != null) {
      try {
        InstanceDescription.checkName(given);
      } catch (IllegalArgumentException e) {
        throw new UsageException(String.valueOf(e.getMessage()), e);
      }
    }
    return given;
  }

  /** The instance that this command is about. */
  protected final InstanceDescription instance() throws UsageException, FsException {
    InstanceDirectory directory = directory();
    List<String> names = directory.names();
    String wanted = givenName();
    if (wanted == null) {
      if (names.size() == 1) {
        return directory.read(names.getFirst());
      }
      throw new UsageException(
          names.isEmpty()
              ? "there is no instance: bring one up with 'adhocfs up'"
              : "there are several instances: choose one with --name: " + String.join(", ", names));
    }
    if (!names.contains(wanted)) {
      throw new UsageException(
          "there is no instance '"
              + wanted
              + "'"
              + (names.isEmpty()
                  ? ", and no other: bring it up with 'adhocfs up --name " + wanted + "'"
                  : "; there are: " + String.join(", ", names)));
    }
    return directory.read(wanted);
  }
}
