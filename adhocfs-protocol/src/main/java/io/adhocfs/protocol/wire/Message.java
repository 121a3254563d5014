package io.adhocfs.protocol.wire;

/** Something one process says to another: an immutable record, checked at birth. */
public sealed interface Message permits Request, Reply {
  /** Its row in the table of messages. */
  MessageType type();

  /** Appends the body; {@link MessageType#decode} takes it off again. */
  void encode(WireWriter out);
}
