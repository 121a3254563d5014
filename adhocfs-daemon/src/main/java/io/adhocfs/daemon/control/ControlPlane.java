package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.transport.Deadline;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** What the daemons of an instance agree on. Thread-safe; nothing here blocks. */
public interface ControlPlane {
  /**
   * Has a command agreed on, by way of whoever leads. Proposed again until the outcome is known, so
   * a completed future is the truth of a majority; when it completes, {@link #state} is no older
   * than the state that was decided on. Completes on any thread.
   *
   * <p>Fails with an {@code FsException}: TIMED_OUT at the deadline (the command may have been
   * applied and may still be: only proposing it again tells), INVALID for one that is too long,
   * CLOSED once this daemon stops (as TIMED_OUT).
   */
  CompletableFuture<Outcome> propose(ControlCommand command, Deadline deadline);

  /** The newest state that this daemon has heard of; what it says was agreed on. */
  ControlState state();

  /**
   * Tells of every newer state, at once of the current one. Called on a thread of the control
   * plane's, in order, one state at a time (states in between may be left out); must not block.
   */
  void onChange(Consumer<ControlState> listener);

  /**
   * Asks the voters until the state's epoch is at least this one.
   *
   * <p>Fails with an {@code FsException}: TIMED_OUT, CLOSED.
   */
  CompletableFuture<ControlState> caughtUp(Epoch atLeast, Deadline deadline);

  /**
   * The state once it is certain that nothing was agreed on before this call which it does not
   * hold.
   *
   * <p>Fails with an {@code FsException}: TIMED_OUT, CLOSED.
   */
  CompletableFuture<ControlState> confirmed(Deadline deadline);
}
