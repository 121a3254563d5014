package io.adhocfs.daemon;

import io.adhocfs.daemon.control.ControlMessages;
import io.adhocfs.daemon.service.NodeControl;
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
 * Stands before the services of a daemon. One that has never been given a cluster map, or does not
 * know yet what has become of slots that it was handing over, does not know what it owns: it
 * answers only what concerns the daemon itself and the control plane, and tells everybody else to
 * come again.
 */
public final class Gate implements RequestHandler {
  private static final Logger LOG = LoggerFactory.getLogger(Gate.class);

  /** Makes what stands behind the gate; on the metadata thread. */
  public interface Opening {
    /**
     * The daemon learns its first map, from others or from its directory. Once.
     *
     * @return what takes part in the control plane from now on
     */
    ControlMessages learn(ClusterMap map) throws FsException;

    /** Another map has come before there are services. */
    void learnMore(ClusterMap map);
  }

  private final NodeControl control;
  private final Opening opening;

  /** Set once, on the metadata thread or before any request. */
  private volatile @Nullable ControlMessages controlPlane;

  /** Set once, on the metadata thread or before any request. */
  private volatile @Nullable RequestHandler services;

  public Gate(NodeControl control, Opening opening) {
    this.control = control;
    this.opening = opening;
  }

  /** Tells of the first map. On the metadata thread. */
  public void learn(ClusterMap map) throws FsException {
    controlPlane = opening.learn(map);
  }

  /** Lets requests through. On the metadata thread. */
  public void open(RequestHandler handler) {
    services = handler;
  }

  @Override
  public Epoch currentEpoch() {
    RequestHandler handler = services;
    return handler == null ? Epoch.NONE : handler.currentEpoch();
  }

  @Override
  public void sessionConnected(SessionId session, PeerRole role) {
    RequestHandler handler = services;
    if (handler != null) {
      handler.sessionConnected(session, role);
    }
  }

  @Override
  public void handle(Exchange exchange, Request request, ByteBuf payload) {
    ControlMessages messages = controlPlane;
    if (messages != null && request instanceof ControlRequest.Agreement asked) {
      payload.release();
      messages.handle(exchange, asked);
      return;
    }
    RequestHandler handler = services;
    if (handler != null) {
      handler.handle(exchange, request, payload);
      return;
    }
    payload.release();
    try {
      if (request instanceof ControlRequest.OfDaemon asked) {
        answer(exchange, asked);
      } else {
        exchange.fail(
            FsError.OVERLOADED,
            messages == null
                ? "this daemon has no map yet: it has just been brought up"
                : "this daemon is asking what others have agreed on meanwhile");
      }
    } catch (FsException e) {
      exchange.fail(e.error(), String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      LOG.error("request failed type={} session={}", request.type(), exchange.session(), e);
      exchange.fail(FsError.INTERNAL, String.valueOf(e));
    }
  }

  private void answer(Exchange exchange, ControlRequest.OfDaemon request) throws FsException {
    switch (request) {
      case ControlRequest.InstallMap install -> {
        if (controlPlane == null) {
          learn(install.map());
        } else {
          opening.learnMore(install.map());
        }
        exchange.reply(new Reply.Done());
      }
      case ControlRequest.GetStatus _ -> exchange.reply(new Reply.Status(control.status()));
      case ControlRequest.GetCapacity _ -> exchange.reply(control.capacity());
      case ControlRequest.Shutdown shutdown -> {
        exchange.reply(new Reply.Done());
        control.shutdown(shutdown.removeData());
      }
    }
  }
}
