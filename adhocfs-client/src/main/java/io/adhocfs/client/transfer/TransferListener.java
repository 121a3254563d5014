package io.adhocfs.client.transfer;

/**
 * Hears how a copy goes. Calls come from threads of the copy, one at a time, each after what the
 * one before did; what a listener throws ends the copy with that exception.
 */
public interface TransferListener {
  /** Hears nothing. */
  TransferListener NONE = progress -> {};

  /** How far it is: at most ten times a second, and once at the end. */
  void progress(TransferProgress progress);

  /** Something that could not be copied, as soon as it is known; the copy goes on. */
  default void failed(TransferError error) {}
}
