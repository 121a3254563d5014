package io.adhocfs.daemon.control;

import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.wire.ControlRequest;

/** Answers what is asked about the control plane. */
@FunctionalInterface
public interface ControlMessages {
  /** Answers a request through the exchange, now or later. Any thread; does not block. */
  void handle(RequestHandler.Exchange exchange, ControlRequest.Agreement request);
}
