package io.adhocfs.protocol.transport;

/**
 * What one connection holds of the server's memory for payloads: for the request that is being
 * received, and for those that are not answered. Belongs to the connection's event loop.
 */
final class RequestBudget {
  private final RpcServer server;
  private final Runnable retry;

  private long bytesInFlight;

  /** Taken for the request that is still being received. */
  private long bytesOfRequest;

  private boolean waits;

  /**
   * Holds nothing yet.
   *
   * @param retry called by any thread when there may be room for what was asked for
   */
  RequestBudget(RpcServer server, Runnable retry) {
    this.server = server;
    this.retry = retry;
  }

  /** Takes so much for the request that is being received; false = it has to wait. */
  boolean tryTake(long bytes) {
    if (bytes == 0) {
      return true;
    }
    if (bytesInFlight > 0
        && bytesInFlight + bytes > server.limits().maxPayloadBytesPerConnection()) {
      return false;
    }
    boolean taken =
        waits ? server.budget().tryTake(bytes) : server.budget().takeOrWait(bytes, retry);
    if (!taken) {
      waits = true;
      return false;
    }
    bytesInFlight += bytes;
    bytesOfRequest = bytes;
    return true;
  }

  /** The call of {@code retry} has reached the event loop. */
  void retried() {
    waits = false;
  }

  /** The request has been received: answers what it holds, to be given back with its answer. */
  long handedOver() {
    long bytes = bytesOfRequest;
    bytesOfRequest = 0;
    return bytes;
  }

  /** The request that was being received does not come. */
  void giveBackOfRequest() {
    giveBack(handedOver());
  }

  void giveBack(long bytes) {
    bytesInFlight -= bytes;
    server.budget().giveBack(bytes);
  }
}
