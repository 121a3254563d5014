package io.adhocfs.daemon.transaction;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.Reply;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What an operation has to change, as things were when it looked.
 *
 * @param changes in ascending order of their slots; empty = nothing to do
 * @param underToken what to check while the rename token is held and before anything else is
 *     locked; null = the token is not needed
 * @param answer the reply, given the inode that was made (NONE where none was)
 */
public record Plan(
    List<Change> changes, @Nullable Check underToken, Function<InodeId, Reply> answer) {
  /** A check that may have to ask other nodes. */
  @FunctionalInterface
  public interface Check {
    /** Tells null when the plan may go on, else why not; on the metadata thread, once. */
    void run(Outcome outcome);
  }

  /** Takes the outcome of a check. */
  @FunctionalInterface
  public interface Outcome {
    void accept(@Nullable FsException error);
  }

  public Plan {
    changes = changes.stream().sorted(Comparator.comparingInt(Change::slotValue)).toList();
  }

  /** A plan that needs no token. */
  public static Plan of(List<Change> changes, Function<InodeId, Reply> answer) {
    return new Plan(changes, null, answer);
  }

  /** There is nothing to do but to answer. */
  public static Plan nothing(Reply reply) {
    return new Plan(List.of(), null, made -> reply);
  }
}
