package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.transport.Handshake.Refusal;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which connection of each session's lane is served: the newest, and only once everything that
 * older ones sent has been answered or dropped. Else a late duplicate of a write could undo a later
 * one.
 *
 * <p>Belongs to the metadata thread, as do all calls.
 */
final class ConnectionRegistry {
  /** Numbers of closed connections that are remembered, to refuse an older one that comes late. */
  private static final int REMEMBERED_MAX = 1 << 14;

  private record Key(long session, int lane) {}

  private static final class Entry {
    private long highestNumber;
    private @Nullable ServerConnection serving;
    private @Nullable ServerConnection waiting;
  }

  private final Map<Key, Entry> live = new HashMap<>();
  private final LinkedHashMap<Key, Long> remembered = new LinkedHashMap<>();

  private static Key key(ServerConnection connection) {
    Handshake.Hello hello = connection.hello();
    return new Key(hello.session().value(), hello.lane());
  }

  /** A connection has proved itself: it is served, now or later, or refused. */
  void arrived(ServerConnection connection) {
    Key key = key(connection);
    Entry entry = live.get(key);
    if (entry == null) {
      entry = new Entry();
      Long known = remembered.remove(key);
      entry.highestNumber = known == null ? 0 : known;
      live.put(key, entry);
    }
    long number = connection.hello().connectionNumber();
    if (number <= entry.highestNumber) {
      connection.refuse(
          Refusal.SUPERSEDED,
          "connection "
              + number
              + " of "
              + connection.hello().session()
              + ": the session has made connection "
              + entry.highestNumber
              + " since");
      forgetIfIdle(key, entry);
      return;
    }
    entry.highestNumber = number;
    ServerConnection older = entry.serving;
    if (older == null) {
      entry.serving = connection;
      connection.serve();
      return;
    }
    ServerConnection replaced = entry.waiting;
    entry.waiting = connection;
    if (replaced == null) {
      older.drainAndClose();
    } else {
      replaced.refuse(Refusal.SUPERSEDED, "the session has made a newer connection");
    }
  }

  /** A connection is closed and all that it sent is answered. */
  void ended(ServerConnection connection) {
    Key key = key(connection);
    Entry entry = live.get(key);
    if (entry == null) {
      return;
    }
    if (entry.waiting == connection) {
      entry.waiting = null;
    } else if (entry.serving == connection) {
      entry.serving = entry.waiting;
      entry.waiting = null;
      if (entry.serving != null) {
        entry.serving.serve();
      }
    }
    forgetIfIdle(key, entry);
  }

  private void forgetIfIdle(Key key, Entry entry) {
    if (entry.serving != null || entry.waiting != null) {
      return;
    }
    live.remove(key);
    remembered.put(key, entry.highestNumber);
    if (remembered.size() > REMEMBERED_MAX) {
      remembered.pollFirstEntry();
    }
  }
}
