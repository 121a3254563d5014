package io.adhocfs.protocol.throttle;

/** What a request costs, in each {@link Resource}. */
public record Charge(
    long metadataOps, long dataOps, long dataBytes, long networkBytes, long rpcTokens) {
  private static final long TOKEN_BYTES = 1 << 20;

  /** A request about metadata of so many bytes on the wire, both ways. */
  public static Charge ofMetadata(long networkBytes) {
    return new Charge(1, 0, 0, networkBytes, 1);
  }

  /** A request that reads or writes so many bytes of a file. */
  public static Charge ofData(long dataBytes, long networkBytes) {
    return new Charge(
        0, 1, dataBytes, networkBytes, Math.max(1, (dataBytes + TOKEN_BYTES - 1) / TOKEN_BYTES));
  }

  public long of(Resource resource) {
    return switch (resource) {
      case METADATA_OPS -> metadataOps;
      case DATA_OPS -> dataOps;
      case DATA_BANDWIDTH -> dataBytes;
      case NETWORK_BANDWIDTH -> networkBytes;
      case RPC_TOKENS -> rpcTokens;
    };
  }
}
