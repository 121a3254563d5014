package io.adhocfs.daemon;

import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.RpcServerConfiguration.Limits;
import org.jspecify.annotations.Nullable;

/**
 * How a daemon divides the descriptors that its process may have. Each part takes what it can use
 * where the limit allows that, and else its share of what there is.
 *
 * @param limit of the process
 * @param chunkFiles that are kept open
 * @param databaseFiles that are kept open
 * @param connections of peers that have proved themselves
 * @param unproved connections of others
 */
record DescriptorShares(
    long limit, int chunkFiles, int databaseFiles, int connections, int unproved) {
  /**
   * What is open whatever the limit: the program, event loops, listening sockets, logs of metadata
   * and of the control plane, and connections to other daemons; and what is open for moments.
   */
  static final int FIXED = 144;

  private static final int CHUNK_FILES_MAX = 1024;
  private static final int CHUNK_FILES_MIN = 16;
  private static final int DATABASE_FILES_MIN = 24;
  private static final int CONNECTIONS_MIN = 24;
  private static final int UNPROVED_MIN = 8;

  /** The least with which a daemon can work. */
  static final int NEEDED =
      FIXED + CHUNK_FILES_MIN + DATABASE_FILES_MIN + CONNECTIONS_MIN + UNPROVED_MIN;

  /**
   * Divides a limit.
   *
   * @throws FsException INVALID where it is too low for a daemon, naming the number that is needed
   */
  static DescriptorShares of(long limit) throws FsException {
    if (limit < NEEDED) {
      throw new FsException(
          FsError.INVALID,
          "a daemon needs %d open files at least, and the limit is %d: raise it (ulimit -Hn)"
              .formatted(NEEDED, limit));
    }
    Limits usual = Limits.usual();
    long spare = limit - NEEDED;
    return new DescriptorShares(
        limit,
        share(CHUNK_FILES_MIN, spare * 3 / 8, CHUNK_FILES_MAX),
        share(DATABASE_FILES_MIN, spare / 8, RocksSlotStore.OPEN_FILES_MAX),
        share(CONNECTIONS_MIN, spare * 3 / 8, usual.maxConnections()),
        share(UNPROVED_MIN, spare / 8, usual.maxUnproved()));
  }

  private static int share(int min, long more, int max) {
    return (int) Math.min(min + more, max);
  }

  /** What a low limit means for whoever uses the daemon; null where it is high enough. */
  @Nullable String warning() {
    if (chunkFiles == CHUNK_FILES_MAX) {
      return null;
    }
    return ("the limit of open files is %d (ulimit -Hn): the daemon takes %d connections (a mount"
            + " makes up to 5) and keeps %d chunk files open, which costs speed where more are in"
            + " use; %d would be enough for all")
        .formatted(limit, connections, chunkFiles, ENOUGH);
  }

  /** From this limit on nothing is smaller than it would be without one. */
  private static final int ENOUGH = 12_000;
}
