package io.adhocfs.daemon;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Setting;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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

  /**
   * How long SIGTERM waits for a daemon that is just starting; batch systems give 30 s before they
   * kill.
   */
  private static final int START_SECONDS_MAX = 20;

  /** What the process does beside the daemon. Called by the daemon's threads, each once at most. */
  public interface Companion {
    /** The daemon can be asked; its directory says where it is. */
    void ready();

    /** The daemon has ended, and nothing of its data is left. */
    void removed();
  }

  private DaemonMain() {}

  /**
   * Runs a daemon until it is asked to stop, by a request or by SIGTERM. Whether SIGTERM removes
   * its data says the setting daemon.sigterm.
   *
   * @param configurationFile as {@link DaemonConfiguration#toJson} wrote it, readable to its owner
   *     alone
   * @return the exit code for the process
   */
  public static int run(Path configurationFile, Companion companion) throws InterruptedException {
    var started = new CompletableFuture<Daemon>();
    Daemon daemon;
    Thread hook;
    try {
      DaemonConfiguration configuration = DaemonConfiguration.read(configurationFile);
      boolean removes = configuration.settings().text(Setting.DAEMON_SIGTERM).equals("remove");
      hook = new Thread(() -> stopOnSignal(started, removes, companion), "adhocfs-terminate");
      // Before the start: a signal in the middle of it leaves nothing behind either.
      Runtime.getRuntime().addShutdownHook(hook);
      daemon = Daemon.start(configuration);
    } catch (FsException e) {
      started.completeExceptionally(e);
      System.err.println("the daemon cannot start: " + e.getMessage());
      LOG.error("daemon not started error={} reason=\"{}\"", e.error(), e.getMessage());
      return NOT_STARTED;
    } catch (RuntimeException | Error e) {
      // The end of the process waits for the hook, which waits for the daemon.
      started.completeExceptionally(e);
      throw e;
    }
    started.complete(daemon);
    companion.ready();
    daemon.awaitStopped();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending: the hook is what stopped the daemon, or goes on from here.
      hook.join();
      return STOPPED;
    }
    if (daemon.hasRemovedData()) {
      companion.removed();
    }
    if (daemon.isGivenUp()) {
      System.err.println(
          "this node was given up as lost: others own its slots now, and its data is no part of the"
              + " instance any more");
      return GIVEN_UP;
    }
    return STOPPED;
  }

  private static void stopOnSignal(
      CompletableFuture<Daemon> started, boolean removes, Companion companion) {
    try {
      Daemon daemon = started.get(START_SECONDS_MAX, TimeUnit.SECONDS);
      daemon.stop(removes);
      if (daemon.hasRemovedData()) {
        companion.removed();
      }
    } catch (ExecutionException | TimeoutException e) {
      // It did not start: the main thread has said why, or still waits for a disk.
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    // An orderly stop is no failure, whatever signal asked for it.
    Runtime.getRuntime().halt(STOPPED);
  }
}
