package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.WireReader;
import io.netty.buffer.ByteBuf;

/** Makes requests of the frames that a peer sends. */
final class RequestDecoder {
  private RequestDecoder() {}

  /**
   * The request in a frame.
   *
   * @param lane what the connection is for
   * @param intact whether the checksum of the body is right
   * @throws FsException UNKNOWN_MESSAGE, CORRUPT, or BAD_MESSAGE for what is no request of this
   *     lane, or asks for more than a frame holds
   */
  static Request decode(Frame.Header header, ByteBuf body, boolean intact, MessageType.Lane lane)
      throws FsException {
    MessageType type = MessageType.ofCode(header.typeCode());
    if (type == null) {
      throw new FsException(
          FsError.UNKNOWN_MESSAGE, "no message has the type " + header.typeCode());
    }
    if (type.lane() != lane) {
      throw new FsException(
          FsError.BAD_MESSAGE, "a " + type + " on a connection for " + lane + " requests");
    }
    if (!intact) {
      throw new FsException(FsError.CORRUPT, "the body of a " + type + " was damaged on its way");
    }
    if (!(type.decode(new WireReader(body)) instanceof Request decoded)) {
      throw new FsException(FsError.BAD_MESSAGE, "a " + type + " is no request");
    }
    if (decoded.replyPayloadBytesMax() > Frame.PAYLOAD_BYTES_MAX) {
      throw new FsException(
          FsError.BAD_MESSAGE,
          "a "
              + type
              + " for "
              + decoded.replyPayloadBytesMax()
              + " bytes; at most "
              + Frame.PAYLOAD_BYTES_MAX);
    }
    return decoded;
  }
}
