package io.adhocfs.daemon;

import io.adhocfs.daemon.service.NodeControl;
import io.adhocfs.daemon.service.RequestRouter;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands before the services of a daemon that has never been given a cluster map: it does not know
 * what it owns, so it answers only what concerns the daemon itself, and tells everybody else to
 * come again.
 */
final class Gate implements RequestHandler {
  private static final Logger LOG = LoggerFactory.getLogger(Gate.class);

  /** Makes the services; on the metadata thread, once. */
  interface Opening {
    RequestRouter open(ClusterMap map) throws FsException;
  }

  private final NodeControl control;
  private final Opening opening;

  /** Set once, on the metadata thread or before any request. */
  private volatile @Nullable RequestRouter services;

  Gate(NodeControl control, Opening opening) {
    this.control = control;
    this.opening = opening;
  }

  /** Opens the gate with a map that the daemon already knows. Before any request. */
  void open(ClusterMap map) throws FsException {
    services = opening.open(map);
  }

  @Override
  public Epoch currentEpoch() {
    RequestRouter router = services;
    return router == null ? Epoch.NONE : router.currentEpoch();
  }

  @Override
  public void sessionConnected(SessionId session, PeerRole role) {
    RequestRouter router = services;
    if (router != null) {
      router.sessionConnected(session, role);
    }
  }

  @Override
  public void handle(Exchange exchange, Request request, ByteBuf payload) {
    RequestRouter router = services;
    if (router != null) {
      router.handle(exchange, request, payload);
      return;
    }
    payload.release();
    try {
      if (!(request instanceof ControlRequest asked) || !answer(exchange, asked)) {
        exchange.fail(
            FsError.OVERLOADED, "this daemon has no map yet: it has just been brought up");
      }
    } catch (FsException e) {
      exchange.fail(e.error(), String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      LOG.error("request failed type={} session={}", request.type(), exchange.session(), e);
      exchange.fail(FsError.INTERNAL, String.valueOf(e));
    }
  }

  /** Answers what needs no map; false for the rest. */
  private boolean answer(Exchange exchange, ControlRequest request) throws FsException {
    switch (request) {
      case ControlRequest.InstallMap install -> {
        open(install.map());
        exchange.reply(new Reply.Done());
      }
      case ControlRequest.GetStatus _ -> exchange.reply(new Reply.Status(control.status()));
      case ControlRequest.GetCapacity _ -> exchange.reply(control.capacity());
      case ControlRequest.Shutdown shutdown -> {
        exchange.reply(new Reply.Done());
        control.shutdown(shutdown.removeData());
      }
      case ControlRequest.GetMap _,
          ControlRequest.RenewSession _,
          ControlRequest.CloseSession _,
          ControlRequest.ScanInodes _,
          ControlRequest.ScanEntries _,
          ControlRequest.ScanChunks _,
          ControlRequest.ScanShares _,
          ControlRequest.CheckStorage _ -> {
        return false;
      }
    }
    return true;
  }
}
