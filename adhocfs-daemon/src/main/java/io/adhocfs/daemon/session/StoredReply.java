package io.adhocfs.daemon.session;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.Message;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/** The value of a REPLY record: {@code [type of message: 2][body]}. */
final class StoredReply {
  private StoredReply() {}

  static byte[] encode(Reply reply, ByteBuf scratch) {
    scratch.clear();
    scratch.writeShort(reply.type().code());
    reply.encode(new WireWriter(scratch));
    var bytes = new byte[scratch.readableBytes()];
    scratch.readBytes(bytes);
    return bytes;
  }

  static Reply decode(byte[] value) throws FsException {
    ByteBuf in = Unpooled.wrappedBuffer(value);
    if (in.readableBytes() >= Short.BYTES) {
      MessageType type = MessageType.ofCode(in.readUnsignedShort());
      if (type != null) {
        try {
          Message message = type.decode(new WireReader(in));
          if (message instanceof Reply reply) {
            return reply;
          }
        } catch (FsException e) {
          throw new FsException(FsError.CORRUPT, "a stored reply: " + e.getMessage(), e);
        }
      }
    }
    throw new FsException(FsError.CORRUPT, "a stored reply of " + value.length + " bytes");
  }
}
