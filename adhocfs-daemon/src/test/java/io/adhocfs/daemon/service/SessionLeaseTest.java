package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.NumberLimit;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.daemon.simulation.SimulatedExecutor;
import io.adhocfs.daemon.simulation.SimulatedTime;
import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.LockRequest.SetLock;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When sessions that are silent are refused, and when what they held goes. */
class SessionLeaseTest extends ServiceFixture {
  private static final Reply DONE = new Reply.Done();

  private final RequestClient a = client;
  private final RequestClient b = new RequestClient(instance);
  private final InodeId file = b.create(ROOT, "f");
  private final SimulatedDaemon owner = instance.owner(file.slotValue());
  private final SimulatedDaemon other =
      instance.daemons().stream().filter(node -> node != owner).findFirst().orElseThrow();

  SessionLeaseTest() throws FsException {
    super(2, Map.of("client.lease", "60s"));
    assertThat(a.at(owner, new ControlRequest.RenewSession())).isEqualTo(DONE);
  }

  private SetLock exclusive() {
    return new SetLock(file, LockKind.POSIX, 1, LockMode.EXCLUSIVE, 0, 9, 9, 0, 0);
  }

  private static FsError refusal(RequestClient client, SimulatedDaemon node, Request request) {
    try {
      Reply reply = client.at(node, request);
      throw new AssertionError("answered " + reply);
    } catch (FsException e) {
      return e.error();
    }
  }

  /** Seconds of the simulation, with b renewing all the time. */
  private void passSeconds(int seconds) throws FsException {
    for (int i = 0; i < seconds; i++) {
      pass(SECOND_NANOS);
      for (SimulatedDaemon node : instance.daemons()) {
        if (node.isServing()) {
          b.at(node, new ControlRequest.RenewSession());
        }
      }
    }
  }

  @Test
  void dataIsRefusedEverywhereBeforeALockGoesToAnother() throws FsException {
    a.at(owner, exclusive());
    // The renewals of the other node, where it holds nothing, are the last it does.
    passSeconds(60 / 6);
    var sync = new DataRequest.SyncChunks(file);
    assertThat(a.at(other, sync)).isEqualTo(DONE);
    int waited = 0;
    while (refusalOrDone() != null) {
      assertThat(++waited).isLessThan(100);
      passSeconds(1);
    }
    assertThat(waited).isBetween(75, 90);
    assertThat(refusal(a, other, sync)).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(refusal(a, other, new ControlRequest.RenewSession()))
        .isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(refusal(a, owner, sync)).isEqualTo(FsError.SESSION_EXPIRED);
    passSeconds(600);
    assertThat(refusal(a, other, sync)).isEqualTo(FsError.SESSION_EXPIRED);
  }

  private @Nullable FsError refusalOrDone() throws FsException {
    try {
      assertThat(b.at(owner, exclusive())).isEqualTo(DONE);
      return null;
    } catch (FsException e) {
      assertThat(e.error()).isEqualTo(FsError.WOULD_BLOCK);
      return e.error();
    }
  }

  @Test
  void whoIsSilentForLessThanItsLeaseKeepsWhatItHas() throws FsException {
    a.at(owner, exclusive());
    for (int i = 0; i < 5; i++) {
      passSeconds(70);
      assertThat(a.at(owner, new ControlRequest.RenewSession())).isEqualTo(DONE);
      assertThat(refusalOrDone()).isEqualTo(FsError.WOULD_BLOCK);
    }
  }

  @Test
  void aDaemonThatComesBackGivesTimeToRenew() throws FsException {
    a.at(owner, exclusive());
    passSeconds(50);
    instance.restarts(false);
    owner.kill();
    passSeconds(100);
    owner.restart();
    passSeconds(60);
    assertThat(refusalOrDone()).isEqualTo(FsError.WOULD_BLOCK);
    assertThat(a.at(owner, new ControlRequest.RenewSession())).isEqualTo(DONE);
    passSeconds(60);
    assertThat(refusalOrDone()).isEqualTo(FsError.WOULD_BLOCK);
    passSeconds(40);
    assertThat(refusalOrDone()).isNull();
  }

  @Test
  void aDaemonThatWasStoppedGivesTimeToRenew(@TempDir Path directory) throws FsException {
    var time = new SimulatedTime();
    var stoppedNanos = new long[1];
    var thread =
        new MetadataThread(
            new SimulatedExecutor(time, new SimulatedTime.Life()),
            () -> false,
            () -> time.nanoTime() + stoppedNanos[0]);
    try (var database = new RocksSlotStore(directory.resolve("metadata"), 1L << 20)) {
      var sessions =
          new Sessions(
              new MetadataStore(
                  database,
                  NumberLimit.open(SmallFile.at(directory.resolve(NumberLimit.FILE_NAME)))),
              thread,
              Duration.ofSeconds(60));
      var session = new SessionId(5);
      sessions.start();
      sessions.heardFrom(session, PeerRole.CLIENT);
      stoppedNanos[0] = 1000 * SECOND_NANOS;
      time.pass(60 * SECOND_NANOS);
      sessions.heardFrom(session, PeerRole.CLIENT);
      time.pass(80 * SECOND_NANOS);
      assertThat(sessions.count()).isEqualTo(1);
      assertThatThrownBy(() -> sessions.heardFrom(session, PeerRole.CLIENT))
          .extracting("error")
          .isEqualTo(FsError.SESSION_EXPIRED);
      time.pass(20 * SECOND_NANOS);
      assertThat(sessions.count()).isZero();
    }
  }
}
