package io.adhocfs.daemon.simulation;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.Owner;
import io.adhocfs.client.Surroundings;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.daemon.simulation.SimulatedTime.Life;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import java.time.Instant;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A process that uses an instance: its client is a real one, its code may wait. */
public final class ClientProcess {
  private final SimulatedInstance instance;
  private final String name;
  private final Life life = new Life();
  private final SimulatedThreads threads;
  private final CompletableFuture<AdhocFileSystem> fileSystem;
  private @Nullable KeptNumbers kept;

  ClientProcess(SimulatedInstance instance, String name, SplittableRandom random) {
    this.instance = instance;
    this.name = name;
    SimulatedTime time = instance.time();
    this.threads = new SimulatedThreads(time, life);
    var surroundings =
        new Surroundings(
            session ->
                instance
                    .network()
                    .client(
                        name,
                        life,
                        session,
                        PeerRole.CLIENT,
                        ClusterMap.initial(instance.contacts())),
            () -> new SessionId(instance.newSession()),
            new SimulatedTimers(),
            () -> Instant.ofEpochSecond(0, threads.wallNanos()),
            random,
            new SimulatedExecutor(time, life));
    this.fileSystem =
        AdhocFileSystem.over(
            () ->
                new Instance(
                    "simulated", "id", new byte[32], instance.settings(), instance.contacts()),
            ClientOptions.DEFAULT.withOwner(new Owner(10, 20)),
            surroundings);
  }

  private final class SimulatedTimers implements Timers {
    @Override
    public long nanoTime() {
      return threads.nanoTime();
    }

    @Override
    public Timer after(long delayNanos, Runnable action) {
      SimulatedTime.Event event = instance.time().after(delayNanos, life, action);
      return event::cancel;
    }
  }

  void trace(Supplier<String> text) {
    instance.time().trace(text);
  }

  SimulatedInstance instance() {
    return instance;
  }

  public String name() {
    return name;
  }

  public boolean isAlive() {
    return !life.ended;
  }

  /** The client, once it is connected. From code that may wait. */
  public AdhocFileSystem fileSystem() throws FsException {
    return await(fileSystem);
  }

  /** What it keeps of files. From code that may wait. */
  KeptNumbers kept() throws FsException {
    if (kept == null) {
      kept = new KeptNumbers(this, fileSystem());
    }
    return kept;
  }

  /** Begins code that may wait. */
  public void begin(Runnable code) {
    threads.begin(code);
  }

  /** Waits for an answer. From code that was begun here. */
  public <T extends @Nullable Object> T await(CompletableFuture<T> future) throws FsException {
    try {
      return threads.await(future);
    } catch (ExecutionException e) {
      throw FsException.of(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  public void pause(long nanos) throws FsException {
    await(threads.after(nanos));
  }

  /** Ends the process as it is. */
  public void kill() {
    life.ended = true;
    threads.bury();
    instance.network().ended(life);
  }
}
