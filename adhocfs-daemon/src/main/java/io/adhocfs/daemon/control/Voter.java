package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A running log of one configuration, and the state that it has led to. Thread-safe. */
final class Voter {
  /** What became of a submission. */
  sealed interface Submission {
    /** It was agreed on and applied. */
    record Applied(LogEntry.Result result) implements Submission {}

    /** As {@link VoterLog.Appended.Elsewhere}. */
    record Elsewhere(int leaderValue, String reason) implements Submission {}
  }

  private final int configuration;
  private final AppliedState applied;
  private final VoterLog log;

  private Voter(int configuration, AppliedState applied, VoterLog log) {
    this.configuration = configuration;
    this.applied = applied;
    this.log = log;
  }

  /**
   * Starts a voter on what is kept of its log. Blocks.
   *
   * @param listener hears of what is applied, on a thread of the log's
   * @throws FsException STORAGE_FAILED
   */
  static Voter start(
      VoterLogs logs,
      int configuration,
      List<NodeId> voters,
      VoterLog.Peers peers,
      AppliedState.Listener listener)
      throws FsException {
    var applied = new AppliedState(configuration, listener);
    return new Voter(configuration, applied, logs.start(configuration, voters, applied, peers));
  }

  VoterLog log() {
    return log;
  }

  /** Of the voters whose log this is. */
  int configuration() {
    return configuration;
  }

  /** The state that this node has applied, or null when the log has none yet. */
  @Nullable ControlState state() {
    return applied.state();
  }

  /** Whether this node leads and has applied what its predecessors agreed on. */
  boolean leads() {
    return log.leads() && !applied.superseded();
  }

  /** Has an entry ({@link LogEntry#bytes}) agreed on; completes as {@link VoterLog#append} does. */
  CompletableFuture<Submission> submit(byte[] entry) {
    return log.append(entry).thenApply(Voter::submission);
  }

  private static Submission submission(VoterLog.Appended appended) {
    return switch (appended) {
      case VoterLog.Appended.Applied(byte[] answer) -> {
        if (answer.length == 0) {
          yield new Submission.Elsewhere(-1, "others vote now");
        }
        try {
          yield new Submission.Applied(LogEntry.Result.of(answer));
        } catch (FsException e) {
          yield new Submission.Elsewhere(-1, e.toString());
        }
      }
      case VoterLog.Appended.Elsewhere(int leaderValue, String reason) ->
          new Submission.Elsewhere(leaderValue, reason);
    };
  }
}
