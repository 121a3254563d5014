package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;

/** Passes everything on to another exchange: for who wants to see, or add to, a part of it. */
public abstract class ForwardingExchange implements Exchange {
  private final Exchange outer;

  protected ForwardingExchange(Exchange outer) {
    this.outer = outer;
  }

  @Override
  public final SessionId session() {
    return outer.session();
  }

  @Override
  public final PeerRole role() {
    return outer.role();
  }

  @Override
  public final Epoch epoch() {
    return outer.epoch();
  }

  @Override
  public final TrafficClass trafficClass() {
    return outer.trafficClass();
  }

  @Override
  public final int flags() {
    return outer.flags();
  }

  @Override
  public final void addAnswerFlags(int flags) {
    outer.addAnswerFlags(flags);
  }

  @Override
  public void reply(Reply reply, ByteBuf payload) {
    outer.reply(reply, payload);
  }

  @Override
  public void fail(FsError error, String message) {
    outer.fail(error, message);
  }
}
