package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Output;
import io.adhocfs.cli.process.JavaCommand;
import io.adhocfs.cli.process.ServiceProcess;
import io.adhocfs.malleability.Datasets;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Adds the existing files of a directory to its dataset, here or by a process in the background.
 */
final class Walks {
  private static final long HEAP_BYTES = 128 << 20;
  private static final long LOOK_MILLIS = 500;

  private Walks() {}

  /** Starts {@code throttle walk} for a directory, and does not wait for it. */
  static void startInBackground(InstanceDirectory directory, String instance, String path)
      throws IOException {
    Path log = directory.path(instance).resolve("walk.log");
    ServiceProcess.start(
        JavaCommand.ofService(
            HEAP_BYTES, List.of("throttle", "walk", "--name", instance, "--scope", "path:" + path)),
        log);
  }

  /** Walks, and shows the progress in a line. */
  static void run(Datasets datasets, Dataset dataset, Output output) throws FsException {
    var progress = new ProgressLine(output, "adhocfs: ");
    var last = new AtomicLong();
    datasets.walk(
        dataset,
        seen -> {
          last.set(seen);
          progress.show(() -> sentence(seen, dataset));
        });
    progress.clear();
    output.note(sentence(last.get(), dataset));
  }

  private static String sentence(long seen, Dataset dataset) {
    return "%d inodes of %s added".formatted(seen, dataset.path());
  }

  /** Ends this process when the instance has been taken down: no daemon is left to wait for. */
  static void endWith(InstanceDirectory directory, String instance) {
    var watch =
        new Thread(
            () -> {
              try {
                while (directory.names().contains(instance)) {
                  Thread.sleep(LOOK_MILLIS);
                }
              } catch (FsException | InterruptedException e) {
                return;
              }
              Runtime.getRuntime().halt(ExitCode.FAILED);
            },
            "adhocfs-walk-watch");
    watch.setDaemon(true);
    watch.start();
  }
}
