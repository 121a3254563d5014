package io.adhocfs.protocol.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.fuzz.Fuzz;
import io.adhocfs.protocol.fuzz.Mutation;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.wire.Checksum;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Message;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.Samples;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What a peer may send: streams of frames, bodies of messages, steps of the handshake. */
final class FramesFuzzTest {
  private static final int INPUTS = 5_000;
  private static final int PAYLOAD_BYTES_MAX = 300;

  /** The errors of values in messages, and of frames. */
  private static final Set<FsError> REFUSALS =
      EnumSet.of(
          FsError.BAD_MESSAGE,
          FsError.INVALID,
          FsError.NOT_FOUND,
          FsError.NAME_TOO_LONG,
          FsError.UNKNOWN_MESSAGE,
          FsError.CORRUPT);

  private static final List<Class<?>> RECORDS = Samples.messageRecords();

  private static final Format<Handshake.Hello> HELLO =
      new Format<>(
          "a hello",
          random ->
              new Handshake.Hello(
                  MessageType.PROTOCOL_VERSION,
                  "instance",
                  new byte[Handshake.NONCE_BYTES],
                  anyOf(RequestHandler.PeerRole.values(), random),
                  new SessionId(1 + random.nextLong(1000)),
                  random.nextInt(Handshake.LANES_MAX),
                  1 + random.nextLong(1000),
                  new NodeId(random.nextInt(NodeId.MAX))),
          hello -> written(hello::encode),
          bytes -> Handshake.Hello.decode(Unpooled.wrappedBuffer(bytes)),
          REFUSALS,
          false);

  private static final Format<Handshake.Challenge> CHALLENGE =
      new Format<>(
          "a challenge",
          random ->
              new Handshake.Challenge(
                  new NodeId(random.nextInt(NodeId.MAX)),
                  new byte[Handshake.NONCE_BYTES],
                  random.nextLong()),
          challenge -> written(challenge::encode),
          bytes -> Handshake.Challenge.decode(Unpooled.wrappedBuffer(bytes)),
          REFUSALS,
          false);

  private static final Format<Handshake.Refused> REFUSED =
      new Format<>(
          "a refusal",
          random -> new Handshake.Refused(anyOf(Handshake.Refusal.values(), random), "reason"),
          refused -> written(refused::encode),
          bytes -> Handshake.Refused.decode(Unpooled.wrappedBuffer(bytes)),
          REFUSALS,
          false);

  /** Decodes whatever its frames hold, as both ends of a connection do. */
  private static final class Receiver extends FrameReceiver {
    private final Random random;
    private boolean malformed;
    private int waits;

    Receiver(EmbeddedChannel channel, Random random) {
      super(channel, Frame.HEADER_BYTES + random.nextInt(500));
      this.random = random;
    }

    @Override
    boolean mayStartFrame() {
      return true;
    }

    @Override
    void checkHeader(Frame.Header header) {}

    @Override
    void onBody(Frame.Header header, ByteBuf body, boolean intact) {
      ByteBuf copy = body.copy();
      for (MessageType.Lane lane : MessageType.Lane.values()) {
        accepts(() -> RequestDecoder.decode(header, copy.duplicate(), intact, lane));
      }
      MessageType type = MessageType.ofCode(header.typeCode());
      if (type != null) {
        accepts(() -> type.decode(new WireReader(copy.duplicate())));
      }
      copy.release();
    }

    @Override
    Admission admission(Frame.Header header) {
      return switch (random.nextInt(3)) {
        case 0 -> Admission.SKIP;
        case 1 -> waits++ < 3 ? Admission.WAIT : Admission.TAKE;
        default -> Admission.TAKE;
      };
    }

    @Override
    void onFrame(Frame.Header header, ByteBuf payload, boolean intact) {
      assertThat(payload.readableBytes()).isEqualTo(header.payloadBytes());
      payload.release();
    }

    @Override
    void onSkipped(Frame.Header header) {}

    @Override
    void onMalformed(FsException reason) {
      assertThat(reason.error()).isIn(REFUSALS);
      malformed = true;
    }

    @Override
    void onReadComplete() {}
  }

  private interface Decoding {
    Object decode() throws FsException;
  }

  private static void accepts(Decoding decoding) {
    try {
      Object _ = decoding.decode();
    } catch (FsException e) {
      assertThat(e.error()).isIn(REFUSALS);
    }
  }

  private static byte[] written(Consumer<WireWriter> encoder) {
    ByteBuf out = Unpooled.buffer();
    encoder.accept(new WireWriter(out));
    return ByteBufUtil.getBytes(out);
  }

  /** Sound frames of sound or mutated messages, some of them damaged afterwards. */
  private static byte[] stream(Random random) {
    ByteBuf out = Unpooled.buffer();
    var checksum = new Checksum();
    for (int left = 1 + random.nextInt(3); left > 0; left--) {
      Message message = sample(random);
      byte[] body = written(message::encode);
      if (random.nextBoolean()) {
        body = Mutation.of(body, random);
      }
      var payload = new byte[random.nextInt(PAYLOAD_BYTES_MAX)];
      int start = out.writerIndex();
      out.writeZero(Frame.HEADER_BYTES);
      Frame.setHeader(
          out,
          start,
          new Frame.Header(
              message instanceof Request ? Frame.Kind.REQUEST : Frame.Kind.REPLY,
              TrafficClass.FOREGROUND,
              random.nextInt(20) == 0 ? random.nextInt(0x10000) : message.type().code(),
              random.nextInt(0x10000),
              body.length,
              payload.length,
              random.nextLong(),
              random.nextLong(Long.MAX_VALUE),
              Checksum.ofReadable(Unpooled.wrappedBuffer(body)),
              Checksum.ofReadable(Unpooled.wrappedBuffer(payload))),
          checksum);
      if (random.nextInt(8) == 0) {
        // Damage with a sound checksum.
        out.setByte(start + random.nextInt(44), random.nextInt(256));
        out.setInt(start + 44, checksum.ofOwn(out, start, 44));
      }
      out.writeBytes(body);
      out.writeBytes(payload);
    }
    byte[] bytes = ByteBufUtil.getBytes(out);
    return random.nextInt(4) == 0 ? Mutation.of(bytes, random) : bytes;
  }

  private static Message sample(Random random) {
    return new Samples(random.nextLong()).message(RECORDS.get(random.nextInt(RECORDS.size())));
  }

  private static <T> T anyOf(T[] values, Random random) {
    return values[random.nextInt(values.length)];
  }

  /** Pieces of any length, as a socket brings them. */
  private static void receive(byte[] input, Random random) {
    var allocator = new UnpooledByteBufAllocator(true);
    var channel = new EmbeddedChannel();
    channel.config().setAllocator(allocator);
    var receiver = new Receiver(channel, random);
    channel.pipeline().addLast(receiver);
    RecvByteBufAllocator allocation = channel.config().getRecvByteBufAllocator();
    var reads = allocation.newHandle();
    ByteBuffer left = ByteBuffer.wrap(input);
    while (left.hasRemaining() && !receiver.malformed) {
      ByteBuf target = reads.allocate(allocator);
      int length = Math.min(left.remaining(), target.writableBytes());
      length = random.nextBoolean() ? length : Math.min(length, 1 + random.nextInt(100));
      target.writeBytes(left.slice(left.position(), length));
      left.position(left.position() + length);
      channel.pipeline().fireChannelRead(target);
      channel.pipeline().fireChannelReadComplete();
      for (int i = 0; i < 4; i++) {
        receiver.resumeReading();
      }
    }
    channel.finishAndReleaseAll();
    assertThat(allocator.metric().usedDirectMemory()).as("bytes that nobody released").isZero();
    assertThat(allocator.metric().usedHeapMemory()).as("bytes that nobody released").isZero();
  }

  private static Fuzz.Case body(Random random) throws Exception {
    Message message = sample(random);
    MessageType type = message.type();
    var format =
        new Format<Message>(
            type.toString(),
            _ -> message,
            value -> written(value::encode),
            bytes -> type.decode(new WireReader(Unpooled.wrappedBuffer(bytes))),
            REFUSALS,
            false);
    return format.draw(random);
  }

  @Test
  void decodersTakeOrRefuseWhateverComes() throws Exception {
    Fuzz.run(
        "frames",
        INPUTS,
        random ->
            switch (random.nextInt(8)) {
              case 0 -> HELLO.draw(random);
              case 1 -> CHALLENGE.draw(random);
              case 2 -> REFUSED.draw(random);
              case 3, 4 -> {
                long pieces = random.nextLong();
                yield new Fuzz.Case(
                    "a stream of frames",
                    stream(random),
                    input -> receive(input, new Random(pieces)));
              }
              default -> body(random);
            });
  }
}
