package io.adhocfs.daemon.throttle;

import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.throttle.Charge;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.throttle.TokenWant;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A daemon's throttle and the tokens that it gives out, put together with a clock and with the
 * other daemons. Thread-safe.
 */
public final class Throttling implements AutoCloseable {
  /** Tokens are divided this often in small instances, and less often in large ones. */
  private static final long DIVIDE_NANOS = 25_000_000;

  private static final long DIVIDE_NANOS_PER_NODE = 200_000;
  private static final long TICK_MILLIS = 100;
  private static final Duration ANSWER = Duration.ofSeconds(2);

  private static final Logger LOG = LoggerFactory.getLogger(Throttling.class);
  private static final Party MIGRATION =
      new Party(TrafficClass.MIGRATION, "", "", Party.UNKNOWN_USER);

  /** What goes to another node is of all datasets. */
  private static final int NO_DATASET = 0;

  private final NodeId self;
  private final Supplier<ClusterMap> map;
  private final RpcClient client;
  private final Threads threads;
  private final TokenSource source;
  private final TokenGivers givers = new TokenGivers();
  private final Throttle throttle;
  private final AtomicBoolean dividing = new AtomicBoolean();

  private final ScheduledExecutorService timer;

  /**
   * @param random divides what is left over
   * @param map the newest map, which tells who looks after what
   * @param waits hears of each request that had to wait
   */
  public Throttling(
      Threads threads,
      RandomGenerator random,
      NodeId self,
      Supplier<ClusterMap> map,
      RpcClient client,
      Throttle.WaitListener waits) {
    this.threads = threads;
    this.source = new TokenSource(random);
    this.timer = threads.single("adhocfs-throttle");
    this.self = self;
    this.map = map;
    this.client = client;
    this.throttle =
        new Throttle(
            self.value(),
            threads::nanoTime,
            key -> givers.of(key, map.get()::ownerValue),
            this::askNode,
            waits);
    tickLater();
  }

  private void tickLater() {
    try {
      var _ = timer.schedule(this::tick, TICK_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("this daemon ends: {}", e.getMessage());
    }
  }

  private void tick() {
    try {
      throttle.tick();
      givers.toProbe(threads.nanoTime()).forEach(this::probe);
    } catch (RuntimeException e) {
      // What waits lives on the next one.
      LOG.error("limits could not be looked after", e);
    }
    tickLater();
  }

  private void probe(NodeId node) {
    ClusterMap.Node known = map.get().node(node);
    if (known == null || !known.isMember()) {
      givers.isBack(node);
      return;
    }
    askRemotely(
        node,
        List.of(),
        given -> {
          if (given != null) {
            givers.isBack(node);
          }
        });
  }

  /** Enforces these rules from now on. */
  public void useRules(List<ThrottleRule> rules, List<Dataset> datasets) {
    source.useLimits(
        rules.stream()
            .filter(rule -> rule.limit() > 0)
            .collect(Collectors.toMap(ThrottleRule::key, ThrottleRule::limit)));
    throttle.useRules(rules, datasets);
  }

  /** What holds requests back. */
  public Throttle throttle() {
    return throttle;
  }

  /**
   * Waits until so many bytes of a migration may leave; they are counted at once where they must
   * not wait, because slots are held. On a thread that may {@link Threads#await}.
   */
  public void passMigration(int bytes, boolean waits) throws InterruptedException {
    Charge charge = Charges.ofData(bytes);
    if (!waits) {
      var _ = throttle.charge(MIGRATION, NO_DATASET, charge);
      return;
    }
    boolean passed = false;
    while (!passed) {
      var may = new CompletableFuture<Boolean>();
      throttle.admit(
          MIGRATION,
          NO_DATASET,
          charge,
          Runnable::run,
          () -> may.complete(true),
          () -> may.complete(false));
      try {
        passed = threads.await(may);
      } catch (ExecutionException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Another daemon, or this one, asks for tokens of limits that this one looks after. */
  void ask(List<TokenWant> wants, Consumer<long[]> answer) {
    source.ask(wants, threads.nanoTime(), answer);
    divideSoon();
  }

  private void divideSoon() {
    if (source.isAsked() && dividing.compareAndSet(false, true)) {
      try {
        var _ =
            timer.schedule(
                () -> {
                  dividing.set(false);
                  source.divide(threads.nanoTime());
                  // Who asked between the two lines found it still under way.
                  divideSoon();
                },
                DIVIDE_NANOS + map.get().nodes().size() * DIVIDE_NANOS_PER_NODE,
                TimeUnit.NANOSECONDS);
      } catch (RejectedExecutionException e) {
        // Closed: who asked hears of it by his deadline.
      }
    }
  }

  private void askNode(NodeId node, List<TokenWant> wants, Throttle.Answer answer) {
    if (node.equals(self)) {
      ask(wants, answer::take);
      return;
    }
    askRemotely(
        node,
        wants,
        given -> {
          if (given == null && givers.isSilent(node, threads.nanoTime())) {
            LOG.info("{} does not give tokens: others do meanwhile", node);
          }
          answer.take(given);
        });
  }

  private void askRemotely(NodeId node, List<TokenWant> wants, Throttle.Answer answer) {
    var _ =
        client
            .call(
                node,
                new ControlRequest.AskTokens(wants),
                Unpooled.EMPTY_BUFFER,
                TrafficClass.CONTROL,
                Deadline.after(ANSWER))
            .handle((response, error) -> {
              if (response != null) {
                response.payload().release();
              }
              answer.take(
                  response != null && response.reply() instanceof Reply.Tokens tokens
                      ? tokens.given().stream().mapToLong(Long::longValue).toArray()
                      : null);
              return error == null;
            });
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
