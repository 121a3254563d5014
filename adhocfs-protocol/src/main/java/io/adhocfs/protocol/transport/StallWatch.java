package io.adhocfs.protocol.transport;

import io.netty.channel.Channel;
import org.jspecify.annotations.Nullable;

/** Sees whether a connection has moved nothing since the last look. On its event loop. */
final class StallWatch {
  private final Channel channel;
  private long readsSeen;
  private long pendingSeen;
  private long progressSeen;

  StallWatch(Channel channel) {
    this.channel = channel;
  }

  /**
   * Looks once more.
   *
   * @param receiving whether the rest of a frame is missing
   * @param readsDone how often something was read
   * @return what stands still, for people; null = nothing does
   */
  @Nullable String look(boolean receiving, long readsDone) {
    var outbound = channel.unsafe().outboundBuffer();
    long pending = outbound == null ? 0 : outbound.totalPendingWriteBytes();
    long progress = outbound == null ? 0 : outbound.currentProgress();
    boolean sendStalled = pending > 0 && pending == pendingSeen && progress == progressSeen;
    boolean receiveStalled = receiving && readsDone == readsSeen;
    pendingSeen = pending;
    progressSeen = progress;
    readsSeen = readsDone;
    if (sendStalled) {
      return "it took nothing of " + pending + " bytes";
    }
    return receiveStalled ? "the rest of a frame is missing" : null;
  }
}
