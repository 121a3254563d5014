package io.adhocfs.daemon.metadata;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Has a step wait until what it relies on would outlive a power failure: this node's records, up to
 * the moment of the call. One sync serves all who wait, and those who come while it runs share the
 * next.
 *
 * <p>Where other nodes act on what this one tells them, each must find its own part again, whatever
 * the others have lost: so a promise, a decision, what was applied or discarded is on the disk
 * before others hear of it. This is so while {@link #kept} says so; else nobody waits.
 *
 * <p>Metadata thread only.
 */
public final class DiskOrder {
  /** Takes the outcome of a sync. */
  @FunctionalInterface
  public interface Step {
    /**
     * Goes on.
     *
     * @param error why the records are not known to be on the disk; null = they are
     */
    void run(@Nullable FsException error);
  }

  private final MetadataThread thread;
  private final MetadataStore store;
  private final Executor syncs;
  private final BooleanSupplier kept;
  private List<Step> waiting = new ArrayList<>();
  private boolean syncing;

  /**
   * An order.
   *
   * @param syncs runs the syncs, one at a time
   * @param kept whether steps of different nodes are ordered on their disks at the moment
   */
  public DiskOrder(
      MetadataThread thread, MetadataStore store, Executor syncs, BooleanSupplier kept) {
    this.thread = thread;
    this.store = store;
    this.syncs = syncs;
    this.kept = kept;
  }

  /** Whether steps are ordered now. */
  public boolean isKept() {
    return kept.getAsBoolean();
  }

  /** Runs the step after a sync, or at once where the order is not kept. */
  public void then(Step step) {
    if (isKept()) {
      sync(step);
    } else {
      step.run(null);
    }
  }

  /** Runs the step after a sync. */
  public void sync(Step step) {
    waiting.add(step);
    if (!syncing) {
      begin();
    }
  }

  private void begin() {
    List<Step> served = waiting;
    waiting = new ArrayList<>();
    syncing = true;
    try {
      syncs.execute(() -> {
        FsException failure = null;
        try {
          store.sync();
        } catch (FsException e) {
          failure = e;
        }
        end(served, failure);
      });
    } catch (RejectedExecutionException e) {
      end(served, new FsException(FsError.OVERLOADED, "too much waits for the disk"));
    }
  }

  /** On any thread. */
  private void end(List<Step> served, @Nullable FsException error) {
    thread.execute(this::goOn);
    for (Step step : served) {
      // Each a task of its own: a defect in one must not keep the others waiting for ever.
      thread.execute(() -> step.run(error));
    }
  }

  private void goOn() {
    syncing = false;
    if (!waiting.isEmpty()) {
      begin();
    }
  }
}
