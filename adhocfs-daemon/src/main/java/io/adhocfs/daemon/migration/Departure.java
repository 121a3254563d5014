package io.adhocfs.daemon.migration;

/** What becomes of a node that is no longer part of its instance. */
public interface Departure {
  /**
   * The node has left the instance and has nothing of it any more. Called once, on a thread that
   * may block.
   */
  void gone();

  /**
   * The others go on without the node: what it has is no longer part of the instance, and stays.
   * Called on the metadata thread, perhaps several times.
   */
  void givenUp();
}
