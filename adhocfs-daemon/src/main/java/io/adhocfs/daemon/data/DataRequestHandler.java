package io.adhocfs.daemon.data;

import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.DataRequest;
import io.netty.buffer.ByteBuf;

/** Answers requests for chunks. */
@FunctionalInterface
public interface DataRequestHandler {
  /**
   * Handles a request; called on a network thread or the metadata thread, neither of which may be
   * blocked. Answers through the exchange, now or later, once.
   *
   * @param payload belongs to the handler, which releases it
   */
  void handle(Exchange exchange, DataRequest request, ByteBuf payload);
}
