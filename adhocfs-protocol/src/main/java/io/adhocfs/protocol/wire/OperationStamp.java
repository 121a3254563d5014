package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;

/**
 * Makes a request run once however often it is sent: its receiver stores the reply with the effect,
 * under the connection's session and this sequence number.
 *
 * @param sequence drawn from one counter per session, from 1; the same for every try
 * @param acknowledgedBelow all requests of the session with lower numbers are answered: their
 *     stored replies may go
 */
public record OperationStamp(long sequence, long acknowledgedBelow) {
  public OperationStamp {
    if (sequence < 1 || acknowledgedBelow > sequence) {
      throw new IllegalArgumentException(
          "sequence " + sequence + ", answered below " + acknowledgedBelow);
    }
  }

  void write(WireWriter out) {
    out.longValue(sequence);
    out.longValue(acknowledgedBelow);
  }

  static OperationStamp read(WireReader in) throws FsException {
    return new OperationStamp(in.longValue(), in.longValue());
  }
}
