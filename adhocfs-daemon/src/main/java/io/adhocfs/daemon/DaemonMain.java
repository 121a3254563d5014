package io.adhocfs.daemon;

import io.adhocfs.protocol.model.FsException;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A daemon as a process of its own. */
public final class DaemonMain {
  /** It was asked to stop, and did. */
  public static final int STOPPED = 0;

  /** It could not start; the reason is on standard error. */
  public static final int NOT_STARTED = 1;

  /** Others have gone on without this node, which was given up as lost. Its data is still there. */
  public static final int GIVEN_UP = 3;

  private static final Logger LOG = LoggerFactory.getLogger(DaemonMain.class);

  private DaemonMain() {}

  /**
   * Runs a daemon until it is asked to stop, by a request or by SIGTERM, which keeps its data.
   *
   * @param configurationFile as {@link DaemonConfiguration#toJson} wrote it, readable to its owner
   *     alone
   * @return the exit code for the process
   */
  public static int run(Path configurationFile) throws InterruptedException {
    Daemon daemon;
    try {
      daemon = Daemon.start(DaemonConfiguration.read(configurationFile));
    } catch (FsException e) {
      System.err.println("the daemon cannot start: " + e.getMessage());
      LOG.error("daemon not started error={} reason=\"{}\"", e.error(), e.getMessage());
      return NOT_STARTED;
    }
    Thread hook =
        new Thread(
            () -> {
              daemon.stop(false);
              // An orderly stop is no failure, whatever signal asked for it.
              Runtime.getRuntime().halt(STOPPED);
            },
            "adhocfs-terminate");
    Runtime.getRuntime().addShutdownHook(hook);
    daemon.awaitStopped();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending: the hook is what stopped the daemon.
      hook.join();
    }
    if (daemon.isGivenUp()) {
      System.err.println(
          "this node was given up as lost: others own its slots now, and its data is no part of the"
              + " instance any more");
      return GIVEN_UP;
    }
    return STOPPED;
  }
}
