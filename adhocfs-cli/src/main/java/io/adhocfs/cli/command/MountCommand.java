package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Json;
import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.cli.process.Logging;
import io.adhocfs.cli.process.MountProcess;
import io.adhocfs.cli.process.Mounts;
import io.adhocfs.cli.process.NativeDirectory;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Setting;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Mounts. */
@CommandLine.Command(
    name = "mount",
    description = "Mounts an instance on a directory of this machine, in a process of its own.",
    footer = {
      "",
      "DIR is made if it does not exist, and then removed with the mount. A directory with something in",
      "it is refused unless --over is given. A mount whose process died is replaced.",
      "",
      "Example:",
      "  adhocfs mount /tmp/fast",
      "",
      "Exit codes: 0 programs can use the mount; 1 DIR could not be mounted; 2 wrong use, no such instance."
    })
public final class MountCommand extends Command {
  @Parameters(paramLabel = "DIR", description = "The directory to mount on.")
  private @Nullable RawPath mountPoint;

  @Option(
      names = "--driver",
      paramLabel = "direct|jnr",
      description = "How to talk to the kernel. Default: the setting fuse.driver.")
  private @Nullable String driver;

  @Option(names = "--read-only", description = "Refuse all changes through this mount (EROFS).")
  private boolean readOnly;

  @Option(
      names = "--foreground",
      description = "Serve the mount in this process, until it is unmounted.")
  private boolean foreground;

  @Option(names = "--json", description = "Print the mount as JSON.")
  private boolean json;

  @Option(names = "--ready-file", hidden = true)
  private @Nullable RawPath readyFile;

  @Option(names = "--log-file", hidden = true)
  private @Nullable RawPath logFile;

  @Option(
      names = "--over",
      description = "Mount even on a directory with something in it; the mount hides the content.")
  private boolean over;

  @Option(names = "--look", hidden = true)
  private boolean look;

  @Option(names = "--instance-on-stdin", hidden = true)
  private boolean instanceOnStdin;

  @Option(names = "--attached", paramLabel = "HOST", hidden = true)
  private @Nullable String attached;

  public MountCommand(Surroundings surroundings) {
    super(surroundings);
  }

  /**
   * Only the jnr driver needs its library (libffi): without a library of its own, Netty uses the
   * JDK's sockets.
   */
  private static void unpackLibraries(String driver, Path log, Path instanceDirectory)
      throws FsException {
    Path beside = log.toAbsolutePath().getParent();
    try {
      NativeDirectory.choose(beside == null ? instanceDirectory : beside, instanceDirectory);
    } catch (FsException e) {
      if (driver.equals("jnr")) {
        throw e;
      }
    }
  }

  @Override
  public int run() throws UsageException, IOException {
    if (mountPoint == null) {
      throw new UsageException("give the directory to mount on");
    }
    if (look) {
      output().line(Json.line(Map.of(Mounts.REFUSAL, refusal(mountPoint.onHost()))));
      return ExitCode.OK;
    }
    byte[] bootstrap = instanceOnStdin ? surroundings().input().readAllBytes() : null;
    InstanceDescription description =
        bootstrap == null ? instance() : InstanceDescription.parse("standard input", bootstrap);
    var _ = AdminConnection.knownMap(description.instance());
    String chosen =
        driver == null ? description.instance().settings().text(Setting.FUSE_DRIVER) : driver;
    try {
      Setting.FUSE_DRIVER.check(chosen);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--driver: " + e.getMessage(), e);
    }
    Path directoryToMount = mountPoint.onHost();
    InstanceDirectory directory = directory();
    if (foreground) {
      Path log = logFile == null ? Path.of("/dev/stderr") : logFile.onHost();
      Logging.toStandardError(
          description.instance().settings().text(Setting.LOG_LEVEL),
          log,
          description.instance().settings().size(Setting.LOG_BYTES));
      unpackLibraries(chosen, log, directory.path(description.instance().name()));
      boolean writtenHere =
          bootstrap == null || (attached != null && isWrittenDown(description.instance()));
      new MountProcess(description, writtenHere ? directory : null)
          .serve(
              directoryToMount,
              chosen,
              readOnly,
              over,
              attached == null || !writtenHere ? "" : attached,
              log,
              this::announce);
      return ExitCode.OK;
    }
    var mounts = new Mounts(description, directory, this::note);
    Path log = logFile == null ? mounts.newLog() : logFile.onHost();
    MountRecord record = mounts.mountHere(directoryToMount, chosen, readOnly, over, bootstrap, log);
    if (instanceOnStdin) {
      output().line(record.toJson());
    } else if (json) {
      output().line(Json.pretty(json(record)));
    } else {
      output()
          .line(
              "mounted instance %s on %s"
                  .formatted(description.instance().name(), record.directory()));
    }
    return ExitCode.OK;
  }

  static Map<String, Object> json(MountRecord record) {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("host", record.host());
    fields.put("directory", record.directory());
    fields.put("driver", record.driver());
    fields.put("pid", record.processId());
    fields.put("made_directory", record.madeDirectory());
    fields.put("log", record.logFile());
    return fields;
  }

  /** Why a mount on this directory would be refused; empty = it would not. */
  private String refusal(Path directoryToMount) {
    try {
      Mounts.checkHere(directoryToMount, over);
      return "";
    } catch (FsException e) {
      return String.valueOf(e.getMessage());
    }
  }

  /** Tells the process that started this one that programs can use the mount. */
  private void announce(MountRecord record) throws FsException {
    if (readyFile != null) {
      MountProcess.announce(readyFile.onHost(), record);
    }
    if (attached != null) {
      output().line(record.toJson());
      output().flush();
    }
  }

  /** Whether the directory of instances is shared with the host that started this process. */
  private boolean isWrittenDown(Instance instance) throws FsException {
    return directory().nameOf(instance.id()).isPresent();
  }

  private void note(String sentence) {
    output().note("adhocfs mount: " + sentence);
  }
}
