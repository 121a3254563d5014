package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.cli.process.LocalDaemon;
import io.adhocfs.cli.process.Logging;
import io.adhocfs.cli.process.NativeDirectory;
import io.adhocfs.cli.process.NodeBootstrap;
import io.adhocfs.cli.process.RunningDaemon;
import io.adhocfs.daemon.DaemonConfiguration;
import io.adhocfs.daemon.DaemonMain;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Setting;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Runs one daemon. */
@CommandLine.Command(
    name = "daemon",
    description = "Runs one daemon in the foreground; for users who start daemons themselves.",
    footer = {
      "",
      "'adhocfs up' runs this command to start daemons, and writes the configuration file: bootstrap.json",
      "in the daemon's data directory, which holds the instance's secret.",
      "",
      "Example:",
      "  adhocfs daemon --config /tmp/adhocfs-1000/adhocfs/node-2/bootstrap.json",
      "",
      "Exit codes: 0 the daemon was told to end; 1 it could not run; 2 wrong use; 3 its node was",
      "given up as lost."
    })
public final class DaemonCommand extends Command {
  @Option(names = "--config", paramLabel = "FILE", description = "The daemon's configuration.")
  private @Nullable RawPath config;

  @Option(
      names = "--detach",
      description =
          "Start a daemon in the background, with its configuration from standard input; wait until it is ready, and print its address.")
  private boolean detach;

  @Option(names = "--attached", hidden = true)
  private boolean attached;

  @Option(names = "--look", paramLabel = "DIR", hidden = true)
  private @Nullable RawPath look;

  @Option(names = "--remove", paramLabel = "DIR", hidden = true)
  private @Nullable RawPath remove;

  @Option(names = "--of", paramLabel = "ID", hidden = true)
  private String removeOf = "";

  public DaemonCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    if (remove != null) {
      new LocalDaemon(remove.onHost()).remove(removeOf);
      return ExitCode.OK;
    }
    if (look != null) {
      tell(new LocalDaemon(look.onHost()).running());
      return ExitCode.OK;
    }
    if (detach) {
      tell(bootstrap().startHere(sentence -> output().note("adhocfs daemon: " + sentence)));
      return ExitCode.OK;
    }
    if (config == null) {
      throw new UsageException("give --config FILE");
    }
    Path file = config.onHost();
    if (attached) {
      RunningDaemon running = bootstrap().prepareHere();
      if (running != null) {
        tell(running);
        return ExitCode.OK;
      }
    }
    DaemonConfiguration configuration = DaemonConfiguration.read(file);
    Logging.toStandardError(
        configuration.settings().text(Setting.LOG_LEVEL),
        new LocalDaemon(configuration.dataDirectory()).log(),
        configuration.settings().size(Setting.LOG_BYTES));
    NativeDirectory.choose(configuration.dataDirectory());
    try {
      return DaemonMain.run(file, companion(configuration));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "interrupted: the daemon of " + file, e);
    }
  }

  private NodeBootstrap bootstrap() throws IOException {
    return NodeBootstrap.parse("standard input", surroundings().input().readAllBytes());
  }

  private void tell(@Nullable RunningDaemon running) {
    if (running != null) {
      output().line(running.json());
      output().flush();
    }
  }

  /**
   * Tells the process that started the daemon its address, and records when nothing of the daemon
   * is left.
   */
  private DaemonMain.Companion companion(DaemonConfiguration configuration) {
    return new DaemonMain.Companion() {
      @Override
      public void ready() {
        if (attached) {
          try {
            tell(new LocalDaemon(configuration.dataDirectory()).running());
          } catch (FsException e) {
            output().note("adhocfs daemon: " + e.getMessage());
          }
        }
      }

      @Override
      public void removed() {
        try {
          InstanceDirectory directory = directory();
          Optional<String> name = directory.nameOf(configuration.identity().instanceId());
          if (name.isPresent()) {
            directory.putRemoved(name.get(), configuration.node());
            directory.removeIfNothingIsLeft(name.get());
          }
        } catch (FsException e) {
          // 'adhocfs down' finds this out by itself, as on hosts that do not share the directory.
          output().note("adhocfs daemon: " + e.getMessage());
        }
      }
    };
  }
}
