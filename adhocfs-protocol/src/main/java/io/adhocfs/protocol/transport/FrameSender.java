package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.wire.Checksum;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Message;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import org.jspecify.annotations.Nullable;

/**
 * Puts frames on a channel: small ones one after the other in one buffer, payloads as they are
 * behind their frame. Nothing leaves before {@link #flush}.
 *
 * <p>All state belongs to the channel's event loop, as do all calls.
 */
final class FrameSender {
  /** Size of the buffer that small frames share; a larger body makes it grow. */
  private static final int BATCH_BYTES = 8 << 10;

  /** With less room than this a new buffer is begun, so that small frames never make one grow. */
  private static final int ROOM_BYTES = 512;

  /** Appends a body. */
  @FunctionalInterface
  interface Body {
    void encode(WireWriter out);
  }

  private final Channel channel;
  private final Checksum checksum = new Checksum();
  private @Nullable ByteBuf batch;

  FrameSender(Channel channel) {
    this.channel = channel;
  }

  /**
   * Appends a frame without payload.
   *
   * @throws FsException BAD_MESSAGE when the body is too large; nothing has been appended
   */
  void frame(
      Frame.Kind kind,
      int typeCode,
      Body body,
      TrafficClass trafficClass,
      long requestId,
      long epoch)
      throws FsException {
    append(kind, typeCode, body, trafficClass, 0, requestId, epoch, 0, 0);
  }

  /**
   * Appends a message with its payload, which is taken over, and released also on failure.
   *
   * @param written called on the event loop when the payload has left or never will; null = nobody
   *     asks
   * @throws FsException BAD_MESSAGE when the body or payload is too large; nothing has been
   *     appended
   */
  void message(
      Frame.Kind kind,
      Message message,
      TrafficClass trafficClass,
      int flags,
      long requestId,
      long epoch,
      ByteBuf payload,
      int payloadChecksum,
      @Nullable Runnable written)
      throws FsException {
    int payloadBytes = payload.readableBytes();
    try {
      append(
          kind,
          message.type().code(),
          message::encode,
          trafficClass,
          flags,
          requestId,
          epoch,
          payloadBytes,
          payloadChecksum);
    } catch (FsException | RuntimeException e) {
      payload.release();
      throw e;
    }
    if (payloadBytes == 0) {
      payload.release();
    } else {
      writeBatch();
      writePayload(payload, written);
    }
  }

  @SuppressWarnings("FutureReturnValueIgnored") // A failed write closes the channel, which is seen.
  private void writePayload(ByteBuf payload, @Nullable Runnable written) {
    if (written == null) {
      channel.write(payload, channel.voidPromise());
    } else {
      channel.write(payload).addListener((ChannelFutureListener) done -> written.run());
    }
  }

  private void append(
      Frame.Kind kind,
      int typeCode,
      Body body,
      TrafficClass trafficClass,
      int flags,
      long requestId,
      long epoch,
      int payloadBytes,
      int payloadChecksum)
      throws FsException {
    if (payloadBytes > Frame.PAYLOAD_BYTES_MAX) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a payload of " + payloadBytes + " bytes; at most " + Frame.PAYLOAD_BYTES_MAX);
    }
    ByteBuf out = room();
    int start = out.writerIndex();
    int bodyStart = start + Frame.HEADER_BYTES;
    try {
      out.writeZero(Frame.HEADER_BYTES);
      body.encode(new WireWriter(out));
    } catch (IndexOutOfBoundsException e) {
      out.writerIndex(start);
      throw new FsException(
          FsError.BAD_MESSAGE, "a body of more than " + Frame.BODY_BYTES_MAX + " bytes", e);
    } catch (RuntimeException e) {
      out.writerIndex(start);
      throw e;
    }
    int bodyBytes = out.writerIndex() - bodyStart;
    if (bodyBytes > Frame.BODY_BYTES_MAX) {
      out.writerIndex(start);
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a body of " + bodyBytes + " bytes; at most " + Frame.BODY_BYTES_MAX);
    }
    Frame.setHeader(
        out,
        start,
        new Frame.Header(
            kind,
            trafficClass,
            typeCode,
            flags,
            bodyBytes,
            payloadBytes,
            requestId,
            epoch,
            checksum.ofOwn(out, bodyStart, bodyBytes),
            payloadBytes == 0 ? 0 : payloadChecksum),
        checksum);
  }

  private ByteBuf room() {
    if (batch != null && batch.capacity() - batch.writerIndex() < ROOM_BYTES) {
      writeBatch();
    }
    if (batch == null) {
      // The maximum stops the encoding of a body that is far too large.
      batch =
          channel
              .alloc()
              .directBuffer(BATCH_BYTES, BATCH_BYTES + Frame.HEADER_BYTES + Frame.BODY_BYTES_MAX);
    }
    return batch;
  }

  @SuppressWarnings("FutureReturnValueIgnored") // A failed write closes the channel, which is seen.
  private void writeBatch() {
    ByteBuf full = batch;
    batch = null;
    if (full == null) {
      return;
    }
    if (full.isReadable()) {
      channel.write(full, channel.voidPromise());
    } else {
      full.release();
    }
  }

  /** Sends everything appended. */
  void flush() {
    writeBatch();
    channel.flush();
  }

  /** Drops what has not been written; the channel has been closed. */
  void discard() {
    if (batch != null) {
      batch.release();
      batch = null;
    }
  }
}
