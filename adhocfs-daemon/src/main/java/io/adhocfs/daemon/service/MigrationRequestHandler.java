package io.adhocfs.daemon.service;

import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.MigrationRequest;
import io.netty.buffer.ByteBuf;

/** Answers requests of nodes that hand slots over. */
@FunctionalInterface
public interface MigrationRequestHandler {
  /**
   * Handles a request; called on a network thread, which must not be blocked. Answers through the
   * exchange, now or later, once.
   *
   * @param payload belongs to the handler, which releases it
   */
  void handle(Exchange exchange, MigrationRequest request, ByteBuf payload);
}
