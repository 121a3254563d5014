package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.Epoch;
import java.util.concurrent.CompletableFuture;

/** Learns what others know already. */
@FunctionalInterface
public interface CatchUp {
  /**
   * Asks until the cluster map is of this epoch or a later one. Completes within some seconds on
   * any thread, exceptionally where that could not be reached. Any thread; does not block.
   */
  CompletableFuture<?> to(Epoch epoch);
}
