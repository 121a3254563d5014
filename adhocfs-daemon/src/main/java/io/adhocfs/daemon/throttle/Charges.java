package io.adhocfs.daemon.throttle;

import io.adhocfs.protocol.throttle.Charge;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Request;
import org.jspecify.annotations.Nullable;

/** What requests of clients cost. What gives something back or only tells costs nothing. */
final class Charges {
  /** Two headers and what bodies have as a rule. */
  private static final long MESSAGE_BYTES = 2 * Frame.HEADER_BYTES + 150;

  private static final Charge METADATA = Charge.ofMetadata(MESSAGE_BYTES);

  private Charges() {}

  /** What a request costs, or null for nothing. */
  static @Nullable Charge of(Request request, long payloadBytes) {
    return switch (request.cost()) {
      case FREE -> null;
      case OPERATION -> METADATA;
      case BYTES_SENT -> ofData(payloadBytes);
      case BYTES_ASKED -> ofData(request.replyPayloadBytesMax());
      // How many bytes is known when they are read: they are charged then.
      case BYTES_ANSWERED -> ofData(0);
    };
  }

  /** What reading or writing so many bytes costs. */
  static Charge ofData(long bytes) {
    return Charge.ofData(bytes, bytes + MESSAGE_BYTES);
  }

  /** Bytes that were not known before. */
  static Charge ofBytesAlone(long bytes) {
    return new Charge(0, 0, bytes, bytes, 0);
  }
}
