package io.adhocfs.daemon.control;

import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The replicated log of one set of voters, as one of them has it: what most of them have on their
 * disks is agreed on, and comes to each of them in the same order. The voters of a log never
 * change. Thread-safe; nothing here blocks, except {@link #close}.
 */
public interface VoterLog {
  /** What one voter makes of the log. Called by one thread at a time, in the order agreed on. */
  interface Entries {
    /**
     * Takes an entry that was agreed on. Never fails, and answers the same at every voter.
     *
     * @return what whoever appended it is answered; empty = it has no effect, for others vote now
     */
    byte[] apply(byte[] entry);

    /** All that has been applied. */
    byte[] snapshot();

    /**
     * Takes over what another of the voters, or this one before it ended, had applied.
     *
     * @throws FsException BAD_MESSAGE
     */
    void restore(byte[] snapshot) throws FsException;
  }

  /** Calls between voters, most of them the log's own. Codes are part of the wire format. */
  enum Call {
    REQUEST_VOTE(1),
    APPEND_ENTRIES(2),
    INSTALL_SNAPSHOT(3),
    START_LEADER_ELECTION(4),

    /** Not the log's: the receiver is to vote soon, and answers once it could without delay. */
    GET_READY(5);

    private final int code;

    Call(int code) {
      this.code = code;
    }

    int code() {
      return code;
    }

    /**
     * Whether only one that leads, as far as it knows, sends it. The others may come from one that
     * has been voted out and has not heard of it.
     */
    boolean isOfLeader() {
      return this == APPEND_ENTRIES || this == INSTALL_SNAPSHOT;
    }

    /** The call with this code, or null. */
    static @Nullable Call ofCode(int code) {
      for (Call call : values()) {
        if (call.code == code) {
          return call;
        }
      }
      return null;
    }
  }

  /** The way to other voters. */
  @FunctionalInterface
  interface Peers {
    /** Sends a call; the future has the answer or an {@code IOException}, and may be given up. */
    CompletableFuture<byte[]> call(int nodeValue, Call call, byte[] body, long timeoutMillis);
  }

  /** What became of an entry that was to be appended. */
  sealed interface Appended {
    /** It was agreed on and applied here, with this answer. */
    record Applied(byte[] answer) implements Appended {}

    /**
     * It was not agreed on, or may not have been; the leader, if one is known, is another.
     *
     * @param leaderValue id of the node that leads, -1 = unknown
     */
    record Elsewhere(int leaderValue, String reason) implements Appended {}
  }

  /** Whether it still runs: it ends by itself when the disk fails. */
  boolean isAlive();

  /** Whether this node leads and has applied what its predecessors agreed on. */
  boolean leads();

  /** Id of the node that leads as far as this one knows; -1 = unknown. */
  int leaderValue();

  /**
   * Has an entry agreed on. Completes on any thread and never exceptionally, but not always: a log
   * that closes may leave it.
   */
  CompletableFuture<Appended> append(byte[] entry);

  /**
   * Answers another voter's call; fails when it makes no sense, this voter is not ready for it, or
   * too many wait. Completes on any thread.
   */
  CompletableFuture<byte[]> serve(Call call, byte[] body);

  /** Ends it; what it has on disk stays. Blocks. */
  void close() throws IOException;
}
