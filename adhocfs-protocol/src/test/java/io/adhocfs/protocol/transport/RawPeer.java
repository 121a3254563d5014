package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.transport.Handshake.Challenge;
import io.adhocfs.protocol.transport.Handshake.Hello;
import io.adhocfs.protocol.transport.Handshake.Proof;
import io.adhocfs.protocol.transport.Handshake.Refused;
import io.adhocfs.protocol.transport.Handshake.Step;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.Checksum;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Message;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;

/** A plain socket to a server, which can say anything. */
final class RawPeer implements AutoCloseable {
  /** A frame as it came. */
  record Received(Frame.Header header, byte[] body, byte[] payload) {
    Message message() throws FsException {
      MessageType type = MessageType.ofCode(header.typeCode());
      if (type == null) {
        throw new AssertionError("type " + header.typeCode());
      }
      return type.decode(new WireReader(Unpooled.wrappedBuffer(body)));
    }

    Reply.Failed failed() throws FsException {
      return (Reply.Failed) message();
    }

    Refused refused() throws FsException {
      if (header.kind() != Frame.Kind.HANDSHAKE || header.typeCode() != Step.REFUSED) {
        throw new AssertionError("no refusal but a " + header);
      }
      return Refused.decode(Unpooled.wrappedBuffer(body));
    }
  }

  final Socket socket;
  private final DataInputStream in;
  private final Checksum checksum = new Checksum();

  RawPeer(int port) throws IOException {
    socket = new Socket();
    // Little, so that what a peer does not read stays with the server.
    socket.setReceiveBufferSize(64 << 10);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    socket.setSoTimeout((int) Cluster.PATIENCE.toMillis());
    in = new DataInputStream(socket.getInputStream());
  }

  static Hello hello(SessionId session, int lane, long number) {
    return hello(
        MessageType.PROTOCOL_VERSION, "test-instance", session, lane, number, Cluster.NODE);
  }

  static Hello hello(
      int version, String instance, SessionId session, int lane, long number, NodeId node) {
    return new Hello(
        version, instance, Handshake.newNonce(), PeerRole.CLIENT, session, lane, number, node);
  }

  /** Says hello and proves it; the answer to the proof comes next. */
  RawPeer introduce(Hello hello, byte[] secret) throws IOException {
    sendStep(Step.HELLO, hello::encode);
    Received received = receive();
    if (received.header().typeCode() != Step.CHALLENGE) {
      throw new AssertionError("no challenge but " + received.refused());
    }
    Challenge challenge = Challenge.decode(Unpooled.wrappedBuffer(received.body()));
    sendStep(Step.PROOF, Handshake.clientProof(secret, hello, challenge)::encode);
    return this;
  }

  /** The whole handshake up to the welcome: the server waits for older connections then. */
  RawPeer welcome(SessionId session, int lane, long number) throws IOException {
    introduce(hello(session, lane, number), Cluster.identity().secret());
    Received received = receive();
    if (received.header().typeCode() != Step.WELCOME) {
      throw new AssertionError("not welcome: " + received.refused());
    }
    Proof.decode(Unpooled.wrappedBuffer(received.body()));
    return this;
  }

  /** The whole handshake. */
  RawPeer ready(SessionId session, int lane, long number) throws IOException {
    welcome(session, lane, number);
    awaitReady();
    return this;
  }

  void awaitReady() throws IOException {
    Received received = receive();
    if (received.header().typeCode() != Step.READY) {
      throw new AssertionError("not ready: " + received.refused());
    }
  }

  void sendStep(int step, FrameSender.Body body) throws IOException {
    ByteBuf out = Unpooled.buffer();
    body.encode(new WireWriter(out));
    send(frame(Frame.Kind.HANDSHAKE, step, 0, ByteBufUtil.getBytes(out), new byte[0]));
  }

  void request(long id, Message message, byte[] payload) throws IOException {
    send(request(message.type().code(), id, body(message), payload));
  }

  static byte[] body(Message message) {
    ByteBuf out = Unpooled.buffer();
    message.encode(new WireWriter(out));
    return ByteBufUtil.getBytes(out);
  }

  byte[] request(int type, long id, byte[] body, byte[] payload) {
    return frame(Frame.Kind.REQUEST, type, id, body, payload);
  }

  byte[] frame(Frame.Kind kind, int type, long id, byte[] body, byte[] payload) {
    ByteBuf frame = Unpooled.buffer().writeZero(Frame.HEADER_BYTES);
    Frame.setHeader(
        frame,
        0,
        new Frame.Header(
            kind,
            TrafficClass.FOREGROUND,
            type,
            0,
            body.length,
            payload.length,
            id,
            1,
            Checksum.ofReadable(Unpooled.wrappedBuffer(body)),
            Checksum.ofReadable(Unpooled.wrappedBuffer(payload))),
        checksum);
    return ByteBufUtil.getBytes(frame.writeBytes(body).writeBytes(payload));
  }

  /** The header with its checksum made right. */
  byte[] signed(byte[] frame) {
    ByteBuf header = Unpooled.wrappedBuffer(frame);
    header.setInt(44, checksum.of(header, 0, 44));
    return frame;
  }

  void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  Received receive() throws IOException {
    byte[] header = in.readNBytes(Frame.HEADER_BYTES);
    if (header.length < Frame.HEADER_BYTES) {
      throw new EOFException("the server closed after " + header.length + " bytes");
    }
    Frame.Header read = Frame.header(Unpooled.wrappedBuffer(header), 0, checksum);
    return new Received(read, in.readNBytes(read.bodyBytes()), in.readNBytes(read.payloadBytes()));
  }

  /** Reads away what still comes until the server closes. */
  void awaitClose() throws IOException {
    try {
      byte[] rest = new byte[1 << 16];
      int count = in.read(rest);
      while (count >= 0) {
        count = in.read(rest);
      }
    } catch (SocketException reset) {
      // Closed with bytes of ours unread: as good as any close.
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
