package io.adhocfs.protocol.wire;

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
}
