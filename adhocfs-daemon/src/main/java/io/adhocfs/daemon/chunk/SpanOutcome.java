package io.adhocfs.daemon.chunk;

/** What became of one span of a request. */
public enum SpanOutcome {
  /** Written or read wholly. */
  DONE,
  /** The generation is older than the last cut of these chunks; nothing was done. */
  STALE,
  /** The disk is full up to its reserve; a part of the span may have been written. */
  NO_SPACE,
  /** The bytes that there were are lost; nothing was done. */
  LOST,
  /** It is not known yet whether bytes that there were are lost; nothing was done. Try again. */
  UNKNOWN,
  /** The storage failed; a part of the span may have been written. The reason is in the log. */
  FAILED,
  /**
   * What is stored is not what was written, or its file is gone; nothing was written or read. The
   * reason is in the log.
   */
  CORRUPT
}
