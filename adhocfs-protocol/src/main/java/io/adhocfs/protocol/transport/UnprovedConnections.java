package io.adhocfs.protocol.transport;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The connections whose peers have not proved to belong to the instance, by address. They have a
 * bounded number of places of their own, and a new one is always let in: where the places are
 * taken, the oldest connection of the address that has most of them goes. So a peer that proves
 * itself within the time in which its own address fills the places gets through, whatever other
 * addresses do, and none of this takes a place of those that have proved themselves. Thread-safe.
 *
 * @param <C> the connections
 */
final class UnprovedConnections<C> {
  /** One address may have this share of the places while others are free. */
  private static final int SHARE_OF_ADDRESS = 4;

  private final int max;

  @GuardedBy("this")
  private final Map<Object, LinkedHashSet<C>> byAddress = new HashMap<>();

  @GuardedBy("this")
  private int count;

  UnprovedConnections(int max) {
    this.max = max;
  }

  /**
   * A connection has come.
   *
   * @param address what those of one peer have in common
   * @return the connection that has lost its place to it, if any
   */
  synchronized @Nullable C add(Object address, C connection) {
    LinkedHashSet<C> own = byAddress.computeIfAbsent(address, _ -> new LinkedHashSet<>());
    Object from = null;
    if (own.size() >= Math.max(1, max / SHARE_OF_ADDRESS)) {
      from = address;
    } else if (count >= max) {
      from = fullest();
    }
    C lost = from == null ? null : removeOldest(from);
    byAddress.computeIfAbsent(address, _ -> new LinkedHashSet<>()).add(connection);
    count++;
    return lost;
  }

  @GuardedBy("this")
  private @Nullable Object fullest() {
    Object fullest = null;
    int most = 0;
    for (Map.Entry<Object, LinkedHashSet<C>> entry : byAddress.entrySet()) {
      if (entry.getValue().size() > most) {
        most = entry.getValue().size();
        fullest = entry.getKey();
      }
    }
    return fullest;
  }

  @GuardedBy("this")
  private @Nullable C removeOldest(Object address) {
    LinkedHashSet<C> connections = byAddress.get(address);
    if (connections == null) {
      return null;
    }
    C oldest = connections.removeFirst();
    left(address, connections);
    return oldest;
  }

  /** A connection has proved itself or is gone; whether it had a place. */
  synchronized boolean remove(Object address, C connection) {
    LinkedHashSet<C> connections = byAddress.get(address);
    if (connections == null || !connections.remove(connection)) {
      return false;
    }
    left(address, connections);
    return true;
  }

  @GuardedBy("this")
  private void left(Object address, Set<C> connections) {
    count--;
    if (connections.isEmpty()) {
      byAddress.remove(address);
    }
  }

  synchronized int count() {
    return count;
  }
}
