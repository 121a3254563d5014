package io.adhocfs.client.core;

import io.adhocfs.client.retry.SystemTimers;
import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.ConnectionSource;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.transport.ClientLoops;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.RpcClient;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/**
 * What a client runs on: threads, connections, clocks and chance. Its own, or those of whoever made
 * the client.
 *
 * @param connections makes those of each session of the client
 * @param sessionIds gives ids that no session has or had
 * @param timers clock of deadlines and waits
 * @param wallClock the times that files get
 * @param random spreads retries; thread-safe
 * @param waiting runs the reading of the instance's description; must not be a network thread
 * @param closing is run when the client has ended; closes what is the client's own
 */
public record Surroundings(
    ConnectionSource connections,
    Supplier<SessionId> sessionIds,
    Timers timers,
    InstantSource wallClock,
    RandomGenerator random,
    Executor waiting,
    Runnable closing) {

  /** Threads and connections that one client has for itself, and that end with it. */
  public static Surroundings own(Instance instance) {
    var timers = new SystemTimers("adhocfs-client-timer");
    ExecutorService waiting =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("adhocfs-client-files").factory());
    var loops = new ClientLoops();
    return new Surroundings(
        session -> connections(instance, session, loops),
        Surroundings::newSession,
        timers,
        InstantSource.system(),
        () -> ThreadLocalRandom.current().nextLong(),
        waiting,
        () -> {
          loops.close();
          timers.close();
          waiting.shutdown();
        });
  }

  private static RpcClient connections(Instance instance, SessionId session, ClientLoops loops) {
    return new NettyRpcClient(
        new InstanceIdentity(instance.id(), instance.secret()),
        session,
        PeerRole.CLIENT,
        instance.settings().number(Setting.CLIENT_DATA_CONNECTIONS),
        ClusterMap.initial(instance.nodes()),
        loops);
  }

  private static SessionId newSession() {
    var random = new SecureRandom();
    long id = random.nextLong();
    while (id == 0) {
      id = random.nextLong();
    }
    return new SessionId(id);
  }
}
