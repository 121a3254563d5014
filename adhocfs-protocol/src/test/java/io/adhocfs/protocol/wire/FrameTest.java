package io.adhocfs.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** The frame's header, byte by byte. */
final class FrameTest {
  private static final Frame.Header HEADER =
      new Frame.Header(
          Frame.Kind.REQUEST,
          TrafficClass.STAGING,
          0x200,
          0,
          77,
          1 << 20,
          0x0102030405060708L,
          42,
          0xCAFEBABE,
          0xDEADBEEF);

  private static final String GOLDEN =
      "61644673" // magic
          + "0001" // version
          + "01" // request
          + "02" // staging
          + "0200" // WRITE_CHUNKS
          + "0000" // flags
          + "0000004d" // body length
          + "00100000" // payload length
          + "0102030405060708" // request id
          + "000000000000002a" // epoch
          + "cafebabe" // body checksum
          + "deadbeef"; // payload checksum

  private final Checksum checksum = new Checksum();

  private ByteBuf written() {
    ByteBuf buffer = Unpooled.directBuffer(Frame.HEADER_BYTES).writeZero(Frame.HEADER_BYTES);
    Frame.setHeader(buffer, 0, HEADER, checksum);
    return buffer;
  }

  private static FsError refusal(ByteBuf buffer) {
    try {
      Frame.header(buffer, 0, new Checksum());
      throw new AssertionError("accepted " + ByteBufUtil.hexDump(buffer));
    } catch (FsException e) {
      return e.error();
    }
  }

  private void sign(ByteBuf buffer) {
    buffer.setInt(44, checksum.of(buffer, 0, 44));
  }

  @Test
  void hasItsGoldenBytes() throws FsException {
    ByteBuf buffer = written();
    assertThat(ByteBufUtil.hexDump(buffer, 0, 44)).isEqualTo(GOLDEN);
    assertThat(ByteBufUtil.hexDump(buffer, 44, 4)).isEqualTo("e00092b5");
    assertThat(Frame.header(buffer, 0, checksum)).isEqualTo(HEADER);
  }

  @Test
  void checksumIsCrc32cOfAnyBuffer() {
    byte[] text = "123456789".getBytes(StandardCharsets.US_ASCII);
    int known = 0xE3069283;
    assertThat(Checksum.ofReadable(Unpooled.wrappedBuffer(text))).isEqualTo(known);
    assertThat(Checksum.ofReadable(Unpooled.directBuffer().writeBytes(text))).isEqualTo(known);
    assertThat(
            Checksum.ofReadable(
                Unpooled.wrappedBuffer(
                    Unpooled.wrappedBuffer(text, 0, 4), Unpooled.wrappedBuffer(text, 4, 5))))
        .isEqualTo(known);
    assertThat(checksum.ofOwn(Unpooled.wrappedBuffer(text), 0, 9)).isEqualTo(known);
    assertThat(Checksum.ofReadable(Unpooled.EMPTY_BUFFER)).isZero();
  }

  @Test
  void noticesEveryFlippedBit() {
    for (int bit = 0; bit < 8 * Frame.HEADER_BYTES; bit++) {
      ByteBuf buffer = written();
      buffer.setByte(bit / 8, buffer.getByte(bit / 8) ^ (1 << (bit % 8)));
      assertThat(refusal(buffer)).as("bit %d", bit).isEqualTo(FsError.CORRUPT);
    }
  }

  @Test
  void tellsOtherVersionsFromDamage() {
    ByteBuf buffer = written();
    buffer.setShort(4, MessageType.PROTOCOL_VERSION + 1);
    sign(buffer);
    assertThat(refusal(buffer)).isEqualTo(FsError.UNKNOWN_MESSAGE);
  }

  @Test
  void refusesLengthsOverTheLimits() {
    int[][] wrong = {
      {12, Frame.BODY_BYTES_MAX + 1}, {12, -1}, {16, Frame.PAYLOAD_BYTES_MAX + 1}, {16, -1}
    };
    for (int[] field : wrong) {
      ByteBuf buffer = written();
      buffer.setInt(field[0], field[1]);
      sign(buffer);
      assertThat(refusal(buffer)).isEqualTo(FsError.BAD_MESSAGE);
    }
    assertThatThrownBy(
            () -> new Frame.Header(Frame.Kind.REPLY, TrafficClass.CONTROL, 1, 0, -1, 0, 0, 0, 0, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void refusesUnknownKindsAndClasses() {
    for (int at : new int[] {6, 7}) {
      ByteBuf buffer = written();
      buffer.setByte(at, 99);
      sign(buffer);
      assertThat(refusal(buffer)).isEqualTo(FsError.BAD_MESSAGE);
    }
  }
}
