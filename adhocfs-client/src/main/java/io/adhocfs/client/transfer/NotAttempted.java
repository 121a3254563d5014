package io.adhocfs.client.transfer;

/**
 * Why something was not copied that nobody has to hear of: the copy was told to end, or the
 * directory it was to be copied into could not be made, which has been reported.
 */
final class NotAttempted extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NotAttempted() {
    super("not attempted", null, false, false);
  }
}
