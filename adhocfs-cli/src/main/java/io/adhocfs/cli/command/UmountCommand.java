package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.cli.process.Mounts;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.instance.MountRecord;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Unmounts. */
@CommandLine.Command(
    name = "umount",
    description =
        "Unmounts a directory of this machine and waits until the mount's process has ended; also removes a mount whose process died.",
    footer = {
      "",
      "Example:",
      "  adhocfs umount /tmp/fast",
      "",
      "Exit codes: 0 no instance is mounted there any more; 1 the mount is in use, or unmounting failed;",
      "2 wrong use."
    })
public final class UmountCommand extends Command {
  @Parameters(paramLabel = "DIR", arity = "0..1", description = "The directory to unmount.")
  private @Nullable RawPath mountPoint;

  @Option(
      names = {"-f", "--force"},
      description = "Unmount even while programs use the mount; they get errors.")
  private boolean force;

  @Option(names = "--source", hidden = true)
  private @Nullable String source;

  public UmountCommand(Surroundings surroundings) {
    super(surroundings);
  }

  @Override
  public int run() throws UsageException, IOException {
    InstanceDirectory directory = directory();
    String name = givenName();
    if (source != null && name != null) {
      List<MountRecord> known = new ArrayList<>();
      for (String line :
          new String(surroundings().input().readAllBytes(), StandardCharsets.UTF_8)
              .lines()
              .toList()) {
        known.add(MountRecord.parse("standard input", line));
      }
      Mounts.unmountAllHere(directory, name, source, known, force);
      return ExitCode.OK;
    }
    if (mountPoint == null) {
      throw new UsageException("give the directory to unmount");
    }
    Path path = mountPoint.onHost();
    // The directory identifies the instance, so --name is not needed.
    boolean wasMounted = false;
    boolean known = false;
    for (String instance : directory.names()) {
      for (MountRecord record : directory.mounts(instance)) {
        if (record.host().equals(Mounts.hostName()) && record.directory().equals(path.toString())) {
          known = true;
          wasMounted |= Mounts.unmountHere(directory, instance, path, record, force);
        }
      }
    }
    if (!known) {
      wasMounted = Mounts.unmountHere(directory, null, path, null, force);
      if (!wasMounted) {
        throw new UsageException(path + " is not a mount of adhocfs" + mountsHint(directory));
      }
    }
    return ExitCode.OK;
  }

  private String mountsHint(InstanceDirectory directory) throws FsException, UsageException {
    if (directory.names().size() != 1 && givenName() == null) {
      return "";
    }
    InstanceDescription description = instance();
    var mounts =
        directory.mounts(description.instance().name()).stream()
            .filter(mount -> mount.host().equals(Mounts.hostName()))
            .map(MountRecord::directory)
            .toList();
    return mounts.isEmpty()
        ? "; instance '" + description.instance().name() + "' is not mounted here"
        : "; mounted here: " + String.join(", ", mounts);
  }
}
