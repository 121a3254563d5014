package io.adhocfs.client.size;

import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Bytes of one file that this client has taken from programs and that no daemon has yet (the switch
 * {@code writes}). Thread-safe.
 */
public interface Unstored {
  /** The highest end of such bytes; 0 where there are none. */
  long endBytes();

  /**
   * Completes when the daemons have all that was taken before the call, or it is known that they
   * will not; never fails.
   */
  CompletableFuture<Void> drain();

  /** How often bytes were lost, since they could not be stored. */
  int losses();

  /** Why bytes were lost last; null if never. */
  @Nullable FsException lastLoss();
}
