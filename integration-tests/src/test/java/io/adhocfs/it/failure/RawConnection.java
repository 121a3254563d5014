package io.adhocfs.it.failure;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.wire.Checksum;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Consumer;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A connection to a daemon that sends whatever it is told, and can do the handshake of
 * docs/protocol.md, rightly or with something wrong in it.
 */
final class RawConnection implements AutoCloseable {
  static final int STEP_HELLO = 1;
  static final int STEP_CHALLENGE = 2;
  static final int STEP_PROOF = 3;
  static final int STEP_WELCOME = 4;
  static final int STEP_READY = 5;
  static final int STEP_REFUSED = 6;

  static final int ROLE_CLIENT = 1;

  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int NONCE_BYTES = 16;

  private final SocketChannel channel;
  private final Selector selector;

  /** Received and not taken; between position and limit. */
  private ByteBuffer received = ByteBuffer.allocate(1 << 16).limit(0);

  private boolean ended;

  RawConnection(SocketAddress address) throws IOException {
    channel = SocketChannel.open(address);
    channel.configureBlocking(false);
    selector = Selector.open();
  }

  /**
   * What a client says of itself and knows.
   *
   * @param lane 0 = metadata, else data
   * @param node whom it takes the daemon for
   */
  record Introduction(
      int version,
      String instanceId,
      byte[] secret,
      int role,
      long session,
      int lane,
      long connectionNumber,
      int node) {
    Introduction withVersion(int value) {
      return new Introduction(
          value, instanceId, secret, role, session, lane, connectionNumber, node);
    }

    Introduction withInstanceId(String value) {
      return new Introduction(version, value, secret, role, session, lane, connectionNumber, node);
    }

    Introduction withSecret(byte[] value) {
      return new Introduction(
          version, instanceId, value, role, session, lane, connectionNumber, node);
    }

    Introduction withLane(int value) {
      return new Introduction(
          version, instanceId, secret, role, session, value, connectionNumber, node);
    }

    Introduction withNode(int value) {
      return new Introduction(
          version, instanceId, secret, role, session, lane, connectionNumber, value);
    }

    /** The body of the hello, with a nonce of zeros. */
    void encode(WireWriter out) {
      out.intValue(version);
      out.text(instanceId);
      out.bytes(new byte[NONCE_BYTES]);
      out.byteValue(role);
      out.longValue(session);
      out.intValue(lane);
      out.longValue(connectionNumber);
      out.intValue(node);
    }

    private byte[] proof(String label, byte[] challenge) {
      byte[] said =
          body(out -> {
            out.text(label);
            encode(out);
          });
      try {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret, "HmacSHA256"));
        mac.update(said);
        mac.update(challenge);
        return mac.doFinal();
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("every JDK has HmacSHA256", e);
      }
    }
  }

  /** A frame as it came. */
  record Received(Frame.Header header, byte[] body) {
    WireReader reader() {
      return new WireReader(Unpooled.wrappedBuffer(body));
    }

    /** Whether this is the step of the handshake. */
    boolean isStep(int step) {
      return header.kind() == Frame.Kind.HANDSHAKE && header.typeCode() == step;
    }

    /** The reason and the text of a refusal. */
    String refusal() throws FsException {
      if (!isStep(STEP_REFUSED)) {
        throw new AssertionError(header + " is no refusal");
      }
      WireReader in = reader();
      return in.byteValue() + " " + in.text();
    }
  }

  /** Bytes that a writer writes. */
  static byte[] body(Consumer<WireWriter> encode) {
    ByteBuf out = Unpooled.buffer();
    encode.accept(new WireWriter(out));
    return Arrays.copyOf(out.array(), out.readableBytes());
  }

  /** A sound frame without a payload. */
  static byte[] frame(Frame.Kind kind, int typeCode, long requestId, byte[] body) {
    return frame(kind, typeCode, requestId, body, new byte[0]);
  }

  /** A sound frame. */
  static byte[] frame(Frame.Kind kind, int typeCode, long requestId, byte[] body, byte[] payload) {
    var checksum = new Checksum();
    ByteBuf out = Unpooled.buffer();
    out.writeZero(Frame.HEADER_BYTES);
    out.writeBytes(body);
    Frame.setHeader(
        out,
        0,
        new Frame.Header(
            kind,
            TrafficClass.FOREGROUND,
            typeCode,
            0,
            body.length,
            payload.length,
            requestId,
            1,
            checksum.ofOwn(out, Frame.HEADER_BYTES, body.length),
            Checksum.ofReadable(Unpooled.wrappedBuffer(payload))),
        checksum);
    out.writeBytes(payload);
    return Arrays.copyOf(out.array(), out.readableBytes());
  }

  /** A frame whose header is changed after it was made, with the checksum that fits. */
  static byte[] withHeader(byte[] frame, Consumer<ByteBuffer> change) {
    byte[] changed = frame.clone();
    change.accept(ByteBuffer.wrap(changed));
    int at = Frame.HEADER_BYTES - Integer.BYTES;
    ByteBuffer.wrap(changed)
        .putInt(at, Checksum.ofReadable(Unpooled.wrappedBuffer(changed, 0, at)));
    return changed;
  }

  /** Does the whole handshake; false when the daemon has refused or gone. */
  boolean introduce(Introduction introduction) throws IOException {
    send(frame(Frame.Kind.HANDSHAKE, STEP_HELLO, 0, body(introduction::encode)));
    Received asked = receive().orElse(null);
    if (asked == null || !asked.isStep(STEP_CHALLENGE)) {
      return false;
    }
    send(
        frame(
            Frame.Kind.HANDSHAKE,
            STEP_PROOF,
            0,
            body(out -> out.bytes(introduction.proof("adhocfs client proof", asked.body())))));
    Received welcome = receive().orElse(null);
    if (welcome == null || !welcome.isStep(STEP_WELCOME)) {
      return false;
    }
    if (!Arrays.equals(
        welcome.reader().bytes(), introduction.proof("adhocfs server proof", asked.body()))) {
      throw new AssertionError("the daemon has not proved that it knows the secret");
    }
    Received ready = receive().orElse(null);
    return ready != null && ready.isStep(STEP_READY);
  }

  /** Sends bytes, as long as the daemon takes any; what it does not want is dropped. */
  void send(byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    long limit = System.nanoTime() + PATIENCE.toNanos();
    while (left.hasRemaining() && !ended) {
      try {
        if (channel.write(left) == 0) {
          await(SelectionKey.OP_WRITE | SelectionKey.OP_READ, limit);
          fill();
        }
      } catch (IOException e) {
        // Closed by the other side; what it said before can still be read.
        return;
      }
    }
  }

  /** The next frame; empty when the daemon has closed the connection. */
  Optional<Received> receive() throws IOException {
    if (!awaitBytes(Frame.HEADER_BYTES)) {
      return Optional.empty();
    }
    Frame.Header header = Frame.header(Unpooled.wrappedBuffer(received.slice()), 0, new Checksum());
    int length = Frame.HEADER_BYTES + header.bodyBytes() + header.payloadBytes();
    if (!awaitBytes(length)) {
      return Optional.empty();
    }
    var body = new byte[header.bodyBytes()];
    received.get(received.position() + Frame.HEADER_BYTES, body);
    received.position(received.position() + length);
    return Optional.of(new Received(header, body));
  }

  /** Waits until the daemon closes the connection, and drops what it still says. */
  void awaitEnd() throws IOException {
    long limit = System.nanoTime() + PATIENCE.toNanos();
    while (!ended) {
      received.position(received.limit());
      await(SelectionKey.OP_READ, limit);
      fill();
    }
  }

  private boolean awaitBytes(int count) throws IOException {
    long limit = System.nanoTime() + PATIENCE.toNanos();
    while (received.remaining() < count) {
      if (ended) {
        return false;
      }
      await(SelectionKey.OP_READ, limit);
      fill();
    }
    return true;
  }

  private void await(int operations, long limitNanos) throws IOException {
    long millis = (limitNanos - System.nanoTime()) / 1_000_000;
    if (millis <= 0) {
      throw new AssertionError("the daemon neither answers nor closes the connection");
    }
    channel.register(selector, operations);
    selector.select(millis);
    selector.selectedKeys().clear();
  }

  private void fill() throws IOException {
    ByteBuffer room = ByteBuffer.allocate(Math.max(1 << 16, 2 * received.remaining()));
    room.put(received);
    int count;
    try {
      count = channel.read(room);
    } catch (IOException e) {
      // Reset: the daemon has closed it with bytes unread.
      count = -1;
    }
    ended |= count < 0;
    received = room.flip();
  }

  @Override
  public void close() throws IOException {
    channel.close();
    selector.close();
  }
}
