package io.adhocfs.client;

/**
 * What a handle is for.
 *
 * @param keeps whether whoever opens the file keeps what it reads, and so has to be told of others'
 *     changes
 */
record FileAccess(boolean readable, boolean writable, boolean keeps) {
  /** For all transfers; nothing is kept. */
  static final FileAccess READ_WRITE = new FileAccess(true, true, false);

  /** For all transfers. */
  static FileAccess readWrite(InodeOperations.Keeping keeps) {
    return new FileAccess(true, true, keeps == InodeOperations.Keeping.READ_DATA);
  }
}
