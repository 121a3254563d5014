package io.adhocfs.daemon.throttle;

import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.throttle.Charge;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.FileRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.LockRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
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
    return switch (request) {
      case DataRequest.WriteChunks _ -> ofData(payloadBytes);
      case DataRequest.ReadChunks read -> ofData(read.replyPayloadBytesMax());
      case DataRequest.SeekChunks _, DataRequest.MeasureChunks _ -> METADATA;
      case NamespaceRequest.WriteInline _ -> ofData(payloadBytes);
      // How many bytes is known when they are read: they are charged then.
      case NamespaceRequest.ReadInline _ -> ofData(0);
      case NamespaceRequest.ReleasePins _,
          NamespaceRequest.ReportWrite _,
          NamespaceRequest.SyncInode _ ->
          null;
      case NamespaceRequest _, ExtendedAttributeRequest _ -> METADATA;
      // Others may wait for the end of a lock.
      case LockRequest.SetLock lock when lock.mode() == LockMode.NONE -> null;
      case LockRequest.SetLock _, LockRequest.TestLock _ -> METADATA;
      case FileRequest.ReserveAppend _, FileRequest.ChangeRange _ -> METADATA;
      default -> null;
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
