package io.adhocfs.client;

/** What becomes of a target that exists already. */
public enum RenameMode {
  /** It is replaced, where POSIX allows it. */
  REPLACE,
  /** EXISTS is the answer. */
  NO_REPLACE,
  /** The two names change places; both must exist. */
  EXCHANGE
}
