package io.adhocfs.protocol.model;

/** One mount or client process, for as long as it lives; drawn at random, never 0. */
public record SessionId(long value) {
  public SessionId {
    if (value == 0) {
      throw new IllegalArgumentException("session 0");
    }
  }

  @Override
  public String toString() {
    return "s" + Long.toHexString(value);
  }
}
