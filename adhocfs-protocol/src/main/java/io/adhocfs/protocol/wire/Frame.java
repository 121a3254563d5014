package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.statistics.KindFigures;
import io.netty.buffer.ByteBuf;

/**
 * What everything said is wrapped in: a header of {@value #HEADER_BYTES} bytes, an encoded body, a
 * raw payload. All numbers big-endian.
 *
 * <pre>
 * offset bytes
 *  0  4  magic
 *  4  2  protocol version
 *  6  1  kind: request, reply, handshake
 *  7  1  traffic class
 *  8  2  type code of the message
 * 10  2  flags; unknown ones are ignored. Of a request: bits 0 to 12 on whose behalf it comes (see
 *       {@link ControlRequest.Introduce}; 0 = not said), bit 13 the read or write that begins with
 *       it is a small one, bit 14 its tokens have been taken, bit 15 it only helps an operation
 *       that another request stands for. Of an answer: bit 0 tokens are to be taken before payloads
 *       are sent, bit 1 the number is unknown, bit 2 another session keeps what it has read of the
 *       inode that the request has changed
 * 12  4  body length
 * 16  4  payload length
 * 20  8  request id: replies repeat it
 * 28  8  epoch of the sender's map
 * 36  4  CRC32C of the body
 * 40  4  CRC32C of the payload; 0 without one
 * 44  4  CRC32C of the 44 bytes before
 * </pre>
 *
 * The layout up to the version, and the place of the last checksum, never change, so that versions
 * can refuse each other politely.
 */
public final class Frame {
  public static final int MAGIC = 0x61644673; // "adFs"
  public static final int HEADER_BYTES = 48;
  public static final int BODY_BYTES_MAX = 2 << 20;
  public static final int PAYLOAD_BYTES_MAX = 16 << 20;

  /** The part of a request's flags that says on whose behalf it comes, and its largest value. */
  public static final int PARTY_MAX = 0x1FFF;

  /**
   * Flag of a request that reads or writes chunks: the operation has fewer bytes than {@link
   * KindFigures#SMALL_BYTES}.
   */
  public static final int SMALL = 0x2000;

  /** Flag of a request: its tokens have been taken. */
  public static final int PAID = 0x4000;

  /** Flag of a request: it is a part of an operation that another request stands for. */
  public static final int PART = 0x8000;

  /** Flag of an answer: take tokens first for what has a payload. */
  public static final int ACQUIRE_FIRST = 1;

  /** Flag of an answer: on whose behalf the request came is not known. */
  public static final int UNKNOWN_PARTY = 2;

  /**
   * Flag of an answer: another session keeps what it has read of the inode that the request is
   * about, and has to be told of the change ({@link RecallRequest.Recall}).
   */
  public static final int KEPT_ELSEWHERE = 4;

  private static final int HEADER_CHECKSUM_AT = 44;

  private Frame() {}

  /** What a frame is for. Codes are part of the wire format. */
  public enum Kind {
    REQUEST(1),
    REPLY(2),
    /** Before a connection serves, and when it is refused or given up. */
    HANDSHAKE(3);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    public int code() {
      return code;
    }

    static Kind ofCode(int code) {
      return switch (code) {
        case 1 -> REQUEST;
        case 2 -> REPLY;
        case 3 -> HANDSHAKE;
        default -> throw new IllegalArgumentException("frame kind " + code);
      };
    }
  }

  /**
   * A header whose lengths are within the limits.
   *
   * @param typeCode of the {@link MessageType}, or of the handshake's step; not yet looked up
   */
  public record Header(
      Kind kind,
      TrafficClass trafficClass,
      int typeCode,
      int flags,
      int bodyBytes,
      int payloadBytes,
      long requestId,
      long epoch,
      int bodyChecksum,
      int payloadChecksum) {
    public Header {
      if (typeCode < 0 || typeCode > 0xFFFF || flags < 0 || flags > 0xFFFF || epoch < 0) {
        throw new IllegalArgumentException(
            "type " + typeCode + ", flags " + flags + ", epoch " + epoch);
      }
      if (bodyBytes < 0 || bodyBytes > BODY_BYTES_MAX) {
        throw new IllegalArgumentException(
            "a body of "
                + Integer.toUnsignedString(bodyBytes)
                + " bytes; at most "
                + BODY_BYTES_MAX);
      }
      if (payloadBytes < 0 || payloadBytes > PAYLOAD_BYTES_MAX) {
        throw new IllegalArgumentException(
            "a payload of "
                + Integer.toUnsignedString(payloadBytes)
                + " bytes; at most "
                + PAYLOAD_BYTES_MAX);
      }
    }
  }

  /** Writes a header over the {@value #HEADER_BYTES} bytes at an index of an own buffer. */
  public static void setHeader(ByteBuf out, int index, Header header, Checksum checksum) {
    out.setInt(index, MAGIC);
    out.setShort(index + 4, MessageType.PROTOCOL_VERSION);
    out.setByte(index + 6, header.kind().code());
    out.setByte(index + 7, header.trafficClass().code());
    out.setShort(index + 8, header.typeCode());
    out.setShort(index + 10, header.flags());
    out.setInt(index + 12, header.bodyBytes());
    out.setInt(index + 16, header.payloadBytes());
    out.setLong(index + 20, header.requestId());
    out.setLong(index + 28, header.epoch());
    out.setInt(index + 36, header.bodyChecksum());
    out.setInt(index + 40, header.payloadChecksum());
    out.setInt(index + HEADER_CHECKSUM_AT, checksum.ofOwn(out, index, HEADER_CHECKSUM_AT));
  }

  /**
   * The header at an index of an own buffer, which has all of its bytes.
   *
   * @throws FsException after which nothing that follows can be trusted: CORRUPT (not ours, or
   *     damaged), UNKNOWN_MESSAGE (sound, but of another version), BAD_MESSAGE (lengths over the
   *     limits)
   */
  public static Header header(ByteBuf in, int index, Checksum checksum) throws FsException {
    int magic = in.getInt(index);
    if (magic != MAGIC) {
      throw new FsException(
          FsError.CORRUPT, "not a frame: it starts with " + Integer.toHexString(magic));
    }
    int expected = in.getInt(index + HEADER_CHECKSUM_AT);
    int found = checksum.ofOwn(in, index, HEADER_CHECKSUM_AT);
    if (expected != found) {
      throw new FsException(
          FsError.CORRUPT,
          "a frame's header of checksum "
              + Integer.toHexString(found)
              + " says "
              + Integer.toHexString(expected));
    }
    int version = in.getUnsignedShort(index + 4);
    if (version != MessageType.PROTOCOL_VERSION) {
      throw new FsException(
          FsError.UNKNOWN_MESSAGE,
          "protocol version "
              + version
              + "; this side speaks version "
              + MessageType.PROTOCOL_VERSION);
    }
    try {
      return new Header(
          Kind.ofCode(in.getUnsignedByte(index + 6)),
          TrafficClass.ofCode(in.getUnsignedByte(index + 7)),
          in.getUnsignedShort(index + 8),
          in.getUnsignedShort(index + 10),
          in.getInt(index + 12),
          in.getInt(index + 16),
          in.getLong(index + 20),
          in.getLong(index + 28),
          in.getInt(index + 36),
          in.getInt(index + 40));
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.BAD_MESSAGE, "a frame with " + e.getMessage(), e);
    }
  }
}
