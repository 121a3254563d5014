package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;

/** What a server does with requests. */
public interface RequestHandler {
  /** Who is at the other end of a connection, as its handshake proved. */
  enum PeerRole {
    /** A mount or program with a session. */
    CLIENT,
    /** Another daemon of the instance. */
    DAEMON,
    /** A command that looks after the instance. */
    ADMIN;
  }

  /** One request's surroundings and the way back. */
  interface Exchange {
    SessionId session();

    PeerRole role();

    /** The epoch that the sender routed by. */
    Epoch epoch();

    TrafficClass trafficClass();

    /** The flags of the request's frame. */
    default int flags() {
      return 0;
    }

    /** Adds flags to the answer's frame; before the answer. */
    default void addAnswerFlags(int flags) {}

    /** Answers; the first answer counts. Any thread. */
    default void reply(Reply reply) {
      reply(reply, io.netty.buffer.Unpooled.EMPTY_BUFFER);
    }

    /** Answers with a payload, which is taken over and released. Any thread. */
    void reply(Reply reply, ByteBuf payload);

    /** Answers with an error. Any thread. */
    void fail(FsError error, String message);
  }

  /**
   * Handles a request of a metadata connection on the one metadata thread, of a data connection on
   * a network thread that must not be blocked (hand over to data threads). Answers through the
   * exchange, now or later, once. An exception becomes an INTERNAL answer.
   *
   * @param payload belongs to the handler, which releases it
   */
  void handle(Exchange exchange, Request request, ByteBuf payload);

  /** The epoch to put into replies; cheap, any thread. */
  Epoch currentEpoch();

  /** A session's first connection, or a later one, has been made. Metadata thread. */
  void sessionConnected(SessionId session, PeerRole role);
}
