package io.adhocfs.daemon.simulation;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.core.Surroundings;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.daemon.simulation.SimulatedTime.Life;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.RpcClient;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A process that uses an instance: its client is a real one, its code may wait. */
public final class ClientProcess {
  /** What stands between a client and the network. */
  @FunctionalInterface
  public interface Wrapping {
    /** The connections that the client gets for a session. */
    RpcClient around(ClientProcess process, SessionId session, RpcClient connections);
  }

  /**
   * What a client is given.
   *
   * @param settings as it reads them in the description of the instance
   * @param contacts where the description says that daemons are
   */
  public record Setup(
      Settings settings, Supplier<List<ClusterMap.Node>> contacts, Wrapping wrapping) {}

  private final SimulatedInstance instance;
  private final String name;
  private final Life life = new Life();
  private final SimulatedThreads threads;
  private final CompletableFuture<AdhocFileSystem> fileSystem;
  private @Nullable KeptNumbers kept;

  ClientProcess(SimulatedInstance instance, String name, Setup setup, SplittableRandom random) {
    this.instance = instance;
    this.name = name;
    SimulatedTime time = instance.time();
    this.threads = new SimulatedThreads(time, life);
    var surroundings =
        new Surroundings(
            session -> setup.wrapping().around(this, session, connections(session, setup)),
            () -> new SessionId(instance.newSession()),
            new SimulatedTimers(),
            () -> Instant.ofEpochSecond(0, threads.wallNanos()),
            random,
            new SimulatedExecutor(time, life),
            () -> {});
    this.fileSystem =
        AdhocFileSystem.over(
            () ->
                new Instance(
                    "simulated", "id", new byte[32], setup.settings(), setup.contacts().get()),
            ClientOptions.DEFAULT.withOwner(new Owner(10, 20)),
            surroundings);
  }

  private RpcClient connections(SessionId session, Setup setup) {
    return instance
        .network()
        .client(name, life, session, PeerRole.CLIENT, ClusterMap.initial(setup.contacts().get()));
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

  /** The client, once it is connected. */
  public CompletableFuture<AdhocFileSystem> connected() {
    return fileSystem;
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

  /** Has something happen later in this process. */
  public SimulatedTime.Event after(long delayNanos, Runnable action) {
    return instance.time().after(delayNanos, life, action);
  }

  /** Stops the process for a while, in which everything else goes on. */
  public void stopFor(long nanos) {
    instance.time().passWithout(life, nanos);
  }

  /** Ends the process as it is. */
  public void kill() {
    life.ended = true;
    threads.bury();
    instance.network().ended(life);
  }
}
