package io.adhocfs.protocol.transport;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sits on a listening socket and waits a second where a connection cannot be accepted, usually for
 * want of descriptors: the connection stays in the kernel's queue, so the event loop would be told
 * of it again at once, and for ever. Belongs to the socket's event loop.
 */
final class AcceptPause extends ChannelInboundHandlerAdapter {
  private static final Logger LOG = LoggerFactory.getLogger(AcceptPause.class);
  private static final long PAUSE_SECONDS = 1;
  private static final long LOG_EVERY_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final String shownAddress;
  private long loggedNanos = System.nanoTime() - LOG_EVERY_NANOS;

  AcceptPause(String shownAddress) {
    this.shownAddress = shownAddress;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    long now = System.nanoTime();
    if (now - loggedNanos >= LOG_EVERY_NANOS) {
      loggedNanos = now;
      LOG.warn("cannot accept a connection at {}: {}", shownAddress, cause.toString());
    }
    Channel listening = context.channel();
    listening.config().setAutoRead(false);
    var _ =
        context
            .executor()
            .schedule(() -> listening.config().setAutoRead(true), PAUSE_SECONDS, TimeUnit.SECONDS);
  }
}
