package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;

/** Asks the contacts for the map, again and again, until one of them tells it. */
final class FirstMap {
  private final Maps maps;
  private final Recovery recovery;
  private final Operation operation;
  private final CompletableFuture<Void> learned = new CompletableFuture<>();

  FirstMap(Maps maps, Recovery recovery, Operation operation) {
    this.maps = maps;
    this.recovery = recovery;
    this.operation = operation;
  }

  /** Fails with REFUSED or CLOSED at once, else when the operation's time is over. */
  CompletableFuture<Void> learn() {
    attempt(0);
    return learned;
  }

  private void attempt(int attempt) {
    Completion.then(
        maps.ask(null),
        (_, failure) -> {
          if (failure == null) {
            learned.complete(null);
            return;
          }
          FsException last = Failures.of(failure);
          FsException stop = recovery.reasonToStop(operation, null, last);
          if (stop != null || last.error() == FsError.REFUSED || last.error() == FsError.CLOSED) {
            learned.completeExceptionally(stop != null ? stop : last);
            return;
          }
          maps.readContacts();
          Completion.then(
              recovery.pause(operation, attempt),
              (_, interrupted) -> {
                if (interrupted == null) {
                  attempt(attempt + 1);
                } else {
                  learned.completeExceptionally(interrupted);
                }
              });
        });
  }
}
