package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.InodeId;
import org.jspecify.annotations.Nullable;

/** What a daemon can be asked. */
public sealed interface Request extends Message
    permits NamespaceRequest,
        FileRequest,
        LockRequest,
        RecallRequest,
        ExtendedAttributeRequest,
        DataRequest,
        TransactionRequest,
        MigrationRequest,
        ControlRequest {
  /** Stands for "any node can answer" in {@link #slotValue}. */
  int NO_SLOT = -1;

  /**
   * The slot whose owner must answer, or {@link #NO_SLOT}: for control messages, which name their
   * node, and for requests with pieces in several slots, which are checked piece by piece.
   */
  int slotValue();

  /**
   * The most bytes of payload that the answer can have: its receiver sets aside room for them
   * before it begins.
   */
  default long replyPayloadBytesMax() {
    return 0;
  }

  /** What it is about, for rules of a directory. */
  default Subject subject() {
    return Subject.NONE;
  }

  /** What it costs whoever is limited; a type's row says it, but for requests that vary. */
  default MessageType.Cost cost() {
    return type().cost();
  }

  /** The inode whose data it changes, or tells the change of; null = none. */
  default @Nullable InodeId changesDataOf() {
    return null;
  }
}
