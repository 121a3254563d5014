package io.adhocfs.daemon.control;

import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.wire.ControlRequest;

/** Answers what is asked about the control plane. */
@FunctionalInterface
public interface ControlMessages {
  /**
   * Takes a request if it is one for the control plane, and answers it through the exchange, now or
   * later. Any thread; does not block.
   *
   * @return whether it has taken the request
   */
  boolean handle(RequestHandler.Exchange exchange, ControlRequest request);
}
