package io.adhocfs.daemon.slot;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.Executor;

/**
 * What changes in slots, told to whoever listens: each change after it was made, so that who reads
 * then finds it or a later one, and those of one thread in their order. Thread-safe.
 */
public final class SlotStream {
  /** Is told of changes, perhaps by several threads at once. */
  @FunctionalInterface
  public interface Listener {
    void changed(SlotChange change);
  }

  /** Replaced whole: looked through for every change. */
  private volatile List<Subscription> subscriptions = List.of();

  /**
   * Has a listener told of changes of some slots, until it is closed. The thread that made a change
   * tells of it before it goes on: nobody is answered about a change that the listener does not
   * know.
   */
  public Subscription listenBeforeAnswer(BitSet slots, Listener listener) {
    return subscribe(slots, listener);
  }

  /**
   * As {@link #listenBeforeAnswer}, but nobody waits for the listener.
   *
   * @param executor runs the listener; one thread, else the order is lost
   */
  public Subscription listenAfter(BitSet slots, Executor executor, Listener listener) {
    return subscribe(slots, change -> executor.execute(() -> listener.changed(change)));
  }

  private synchronized Subscription subscribe(BitSet slots, Listener listener) {
    var subscription = new Subscription((BitSet) slots.clone(), listener);
    List<Subscription> more = new ArrayList<>(subscriptions);
    more.add(subscription);
    subscriptions = List.copyOf(more);
    return subscription;
  }

  /** Whether anybody listens. */
  public boolean isHeard() {
    return !subscriptions.isEmpty();
  }

  /** Tells of a change that has been made. */
  public void publish(SlotChange change) {
    for (Subscription subscription : subscriptions) {
      if (subscription.slots.get(change.slot())) {
        subscription.listener.changed(change);
      }
    }
  }

  /** Tells of the changes of a batch that has been committed; the node's own are no slot's. */
  public void publish(SlotBatch batch) {
    if (isHeard()) {
      for (RecordChange change : batch.changes()) {
        if (!Keys.isOfNode(change.key())) {
          publish(change);
        }
      }
    }
  }

  /** A listener and the slots that it is told of. */
  public final class Subscription implements AutoCloseable {
    /** Replaced whole. */
    private volatile BitSet slots;

    private final Listener listener;

    private Subscription(BitSet slots, Listener listener) {
      this.slots = slots;
      this.listener = listener;
    }

    /** Has the listener told of these slots only; changes that are being told of still come. */
    public void only(BitSet fewer) {
      slots = (BitSet) fewer.clone();
    }

    /** Ends it; changes that are being told of still come. */
    @Override
    public void close() {
      synchronized (SlotStream.this) {
        List<Subscription> fewer = new ArrayList<>(subscriptions);
        fewer.remove(this);
        subscriptions = List.copyOf(fewer);
      }
    }
  }
}
