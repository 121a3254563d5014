package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;

/** The common part of the commands that work on files without a mount. */
abstract class FileSystemCommand extends Command {
  FileSystemCommand(Surroundings surroundings) {
    super(surroundings);
  }

  /** Work on a file system. */
  interface Work {
    /** Returns an exit code. */
    int run(AdhocFileSystem fileSystem) throws UsageException, IOException;
  }

  /** Does the work on this command's instance. */
  final int onInstance(Work work) throws UsageException, IOException {
    return onInstance(ClientOptions.DEFAULT, work);
  }

  final int onInstance(ClientOptions options, Work work) throws UsageException, IOException {
    InstanceDescription description = instance();
    var _ = AdminConnection.knownMap(description.instance());
    InstanceDirectory directory = directory();
    String name = description.instance().name();
    watch(description);
    try (AdhocFileSystem fileSystem =
        AdhocFileSystem.open(() -> directory.read(name).instance(), options)) {
      return work.run(fileSystem);
    }
  }

  /** Prints that one of several paths failed; the command goes on with the others. */
  final int failed(String command, RawPath path, FsException e) {
    String reason = Remedies.reason(e);
    output()
        .note(
            "adhocfs %s: %s"
                .formatted(
                    command, reason.contains(path.toString()) ? reason : path + ": " + reason));
    return ExitCode.FAILED;
  }

  static AdhocPath path(RawPath raw) throws FsException {
    return AdhocPath.of(raw.inInstance());
  }
}
