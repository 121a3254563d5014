package io.adhocfs.client.routing;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.settings.SwitchTable;
import io.adhocfs.protocol.settings.Switches;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest.GetCapacity;
import io.adhocfs.protocol.wire.ControlRequest.GetMap;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A daemon may tell the map of an epoch before it knows the switches of that epoch. */
class LateSwitchesTest {
  private static final ClusterMap MAP = LoneSessions.map(5, Map.of());
  private static final NodeId NODE = new NodeId(1);

  /** Daemons that all know the map, and the switches as of some epoch; they answer at once. */
  private final class Daemons implements RpcClient {
    @Override
    public CompletableFuture<Response> call(
        NodeId node,
        Request request,
        ByteBuf payload,
        TrafficClass trafficClass,
        int flags,
        Deadline deadline) {
      payload.release();
      Reply reply = new Reply.Done();
      if (request instanceof GetMap) {
        questions++;
        reply = new Reply.Map(MAP, new Epoch(settingsEpoch), settings);
      }
      return CompletableFuture.completedFuture(
          new Response(reply, Unpooled.EMPTY_BUFFER, MAP.epoch()));
    }

    @Override
    public void useMap(ClusterMap map) {}

    @Override
    public void close() {}
  }

  /** Time that the test moves; what is to come later does not come. */
  private final class MovedTime implements Timers {
    @Override
    public long nanoTime() {
      return nanos;
    }

    @Override
    public Timer after(long delayNanos, Runnable action) {
      return () -> {};
    }
  }

  private final Timers timers = new MovedTime();
  private long nanos;
  private long settingsEpoch = 4;
  private List<SettingChange> settings = List.of();
  private int questions;
  private final Router router =
      new Router(
          _ -> new Daemons(),
          () -> new SessionId(7),
          Duration.ofMinutes(5),
          MAP.nodes(),
          SwitchTable.initial(Settings.DEFAULT),
          MAP::nodes,
          Runnable::run,
          timers,
          new SplittableRandom(1),
          new Parties("", "", 0));

  private Operation operation() {
    return new Operation(() -> "a test", TrafficClass.FOREGROUND, timers, 0);
  }

  private void request() {
    assertThat(router.send(operation(), NODE, new GetCapacity())).isCompleted();
  }

  private Switches.Fsync fsync() {
    return router.switches().of(SettingChange.WHOLE_INSTANCE).fsync();
  }

  @BeforeEach
  void learnsTheMapFromDaemonsThatDoNotKnowTheSwitchesYet() {
    assertThat(router.learnMap(operation())).isCompleted();
    assertThat(router.map().epoch()).isEqualTo(MAP.epoch());
    assertThat(router.switches().epoch()).isEqualTo(new Epoch(4));
  }

  @Test
  void asksAgainForSwitchesThatTheTellerOfTheMapDidNotKnow() {
    assertThat(fsync()).isNotEqualTo(Switches.Fsync.DISK);
    settingsEpoch = 5;
    settings = List.of(new SettingChange(SettingChange.WHOLE_INSTANCE, Setting.FSYNC, "disk"));

    request();

    assertThat(router.switches().epoch()).isEqualTo(MAP.epoch());
    assertThat(fsync()).isEqualTo(Switches.Fsync.DISK);
    int asked = questions;
    nanos += Duration.ofSeconds(1).toNanos();
    request();
    assertThat(questions).as("all is known").isEqualTo(asked);
  }

  @Test
  void doesNotAskWithEveryRequestWhileNobodyKnows() {
    int asked = questions;
    for (int i = 0; i < 10; i++) {
      request();
    }
    assertThat(questions).isEqualTo(asked + 1);
    nanos += Duration.ofSeconds(1).toNanos();
    request();
    assertThat(questions).isEqualTo(asked + 2);
  }
}
