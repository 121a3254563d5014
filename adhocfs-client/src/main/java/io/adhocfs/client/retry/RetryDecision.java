package io.adhocfs.client.retry;

import io.adhocfs.protocol.model.FsError;

/** What to do about a request that failed. */
public enum RetryDecision {
  /** The failure is the answer. */
  GIVE_UP,
  /** Send it again after a while. */
  RESEND,
  /** Learn a newer map first; send it again at once if there is one, else after a while. */
  LEARN_MAP,
  /** Learn the node's address anew, and send it again after a while. */
  LEARN_ADDRESS,
  /** As LEARN_ADDRESS, but only if the address turns out to be another; else give up. */
  ONLY_AT_NEW_ADDRESS;

  /**
   * The decision for a request that is idempotent or carries its sequence number, so that sending
   * it twice does no harm.
   */
  public static RetryDecision of(FsError error) {
    return switch (error) {
      case WRONG_OWNER -> LEARN_MAP;
      case UNREACHABLE, CONNECTION_LOST -> LEARN_ADDRESS;
      case REFUSED -> ONLY_AT_NEW_ADDRESS;
      case OVERLOADED, THROTTLED -> RESEND;
      case NOT_FOUND,
          EXISTS,
          NOT_DIRECTORY,
          IS_DIRECTORY,
          NOT_EMPTY,
          NAME_TOO_LONG,
          INVALID,
          PERMISSION_DENIED,
          NOT_PERMITTED,
          NO_SPACE,
          TOO_MANY_LINKS,
          TOO_MANY_SYMLINKS,
          FILE_TOO_BIG,
          NOT_SUPPORTED,
          BAD_HANDLE,
          BUSY,
          INTERRUPTED,
          READ_ONLY,
          CROSS_DEVICE,
          WOULD_BLOCK,
          DEADLOCK,
          TOO_MANY_LOCKS,
          NO_ATTRIBUTE,
          ATTRIBUTE_TOO_BIG,
          CORRUPT,
          STORAGE_FAILED,
          UNKNOWN_MESSAGE,
          BAD_MESSAGE,
          INTERNAL,
          DATA_LOST,
          STALE_GENERATION,
          NOT_INLINE,
          CHANGED,
          SPREAD_CHANGED,
          TIMED_OUT,
          SESSION_EXPIRED,
          CLOSED ->
          GIVE_UP;
    };
  }
}
