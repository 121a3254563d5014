package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.LockRequest.AnnounceWait;
import io.adhocfs.protocol.wire.LockRequest.QueryWaits;
import io.adhocfs.protocol.wire.LockRequest.ReleaseLocks;
import io.adhocfs.protocol.wire.LockRequest.SetLock;
import io.adhocfs.protocol.wire.LockRequest.TestLock;
import io.adhocfs.protocol.wire.LockWait;
import io.adhocfs.protocol.wire.Reply;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/** The contract of the requests for locks, between two sessions. */
class LockRequestsTest extends ServiceFixture {
  private static final Reply DONE = new Reply.Done();

  private final RequestClient a = client;
  private final RequestClient b = new RequestClient(instance);
  private final InodeId file = a.create(ROOT, "f");

  LockRequestsTest() throws FsException {
    super(2, Map.of("client.lease", "60s"));
  }

  private SetLock request(LockMode mode, long first, long last, long owner, long wait) {
    return new SetLock(file, LockKind.POSIX, owner, mode, first, last, 9, wait, 1000);
  }

  private SetLock whole(LockMode mode, long owner, long wait) {
    return new SetLock(file, LockKind.FLOCK, owner, mode, 0, FileLock.TO_THE_END, 9, wait, 1000);
  }

  private static SetLock givingUp(SetLock set) {
    return new SetLock(
        set.inode(),
        set.kind(),
        set.owner(),
        set.mode(),
        set.first(),
        set.last(),
        set.pid(),
        set.waitNumber(),
        0);
  }

  private static FsError errorOf(CompletableFuture<Response> future) {
    try {
      Response response = future.join();
      throw new AssertionError("no error but " + response.reply());
    } catch (CompletionException e) {
      return FsException.of(e).error();
    }
  }

  private CompletableFuture<Response> begin(RequestClient client, SetLock set) {
    CompletableFuture<Response> future = client.start(set);
    pass(100_000_000L);
    return future;
  }

  private Reply replyTo(CompletableFuture<Response> future) {
    instance.time().until(future::isDone, "a lock is answered");
    return future.join().reply();
  }

  private FsError refusal(RequestClient client, SetLock set) {
    CompletableFuture<Response> future = begin(client, set);
    assertThat(future).isDone();
    return errorOf(future);
  }

  @Test
  void whatIsHeldIsGrantedAgainAndKeepsOthersOut() throws FsException {
    SetLock set = request(LockMode.EXCLUSIVE, 0, 9, 1, 0);
    assertThat(a.call(set)).isEqualTo(DONE);
    assertThat(a.call(set)).isEqualTo(DONE);
    assertThat(refusal(b, set)).isEqualTo(FsError.WOULD_BLOCK);
    assertThat(refusal(a, request(LockMode.SHARED, 9, 9, 2, 0))).isEqualTo(FsError.WOULD_BLOCK);
    assertThat(b.call(whole(LockMode.EXCLUSIVE, 1, 0))).isEqualTo(DONE);
    assertThat(a.call(new ReleaseLocks(file, LockKind.POSIX, 1))).isEqualTo(DONE);
    assertThat(a.call(new ReleaseLocks(file, LockKind.POSIX, 1))).isEqualTo(DONE);
    assertThat(b.call(set)).isEqualTo(DONE);
  }

  @Test
  void refusesWhatIsNoLockAndInodesThatAreNotThere() {
    assertThat(refusal(a, request(LockMode.SHARED, 5, 4, 1, 0))).isEqualTo(FsError.INVALID);
    assertThat(refusal(a, request(LockMode.SHARED, -1, 4, 1, 0))).isEqualTo(FsError.INVALID);
    assertThat(refusal(a, new SetLock(file, LockKind.FLOCK, 1, LockMode.SHARED, 0, 4, 9, 0, 0)))
        .isEqualTo(FsError.INVALID);
    var nowhere = new InodeId(file.value() + 1000);
    assertThat(refusal(a, new SetLock(nowhere, LockKind.POSIX, 1, LockMode.SHARED, 0, 4, 9, 0, 0)))
        .isEqualTo(FsError.NOT_FOUND);
  }

  @Test
  void aWaiterIsPutOffAndKeepsItsPlace() throws FsException {
    a.call(request(LockMode.EXCLUSIVE, 0, 9, 1, 0));
    SetLock first = request(LockMode.EXCLUSIVE, 0, 9, 1, 5);
    CompletableFuture<Response> waiting = begin(b, first);
    assertThat(waiting).isNotDone();
    CompletableFuture<Response> later = begin(a, request(LockMode.EXCLUSIVE, 0, 9, 2, 6));
    pass(SECOND_NANOS);
    assertThat(replyTo(waiting))
        .isEqualTo(new Reply.LockPending(List.of(new LockOwner(a.session(), 1))));
    assertThat(later).isDone();
    // Granted between two requests.
    a.call(request(LockMode.NONE, 0, 9, 1, 0));
    assertThat(refusal(a, request(LockMode.SHARED, 3, 3, 3, 0))).isEqualTo(FsError.WOULD_BLOCK);
    assertThat(b.call(first)).isEqualTo(DONE);
    CompletableFuture<Response> again = begin(a, request(LockMode.EXCLUSIVE, 0, 9, 2, 6));
    assertThat(again).isNotDone();
    b.call(request(LockMode.NONE, 0, 9, 1, 0));
    assertThat(replyTo(again)).isEqualTo(DONE);
  }

  @Test
  void givingUpEndsTheWaitOrTellsThatTheLockIsThere() throws FsException {
    a.call(request(LockMode.EXCLUSIVE, 0, 9, 1, 0));
    SetLock wait = request(LockMode.EXCLUSIVE, 0, 9, 1, 5);
    CompletableFuture<Response> waiting = begin(b, wait);
    assertThat(refusal(b, givingUp(wait))).isEqualTo(FsError.WOULD_BLOCK);
    assertThat(replyTo(waiting)).isInstanceOf(Reply.LockPending.class);
    a.call(request(LockMode.NONE, 0, 9, 1, 0));
    assertThat(a.call(request(LockMode.EXCLUSIVE, 0, 9, 1, 0))).isEqualTo(DONE);
    CompletableFuture<Response> second = begin(b, wait);
    a.call(request(LockMode.NONE, 0, 9, 1, 0));
    assertThat(replyTo(second)).isEqualTo(DONE);
    assertThat(b.call(givingUp(wait))).isEqualTo(DONE);
  }

  @Test
  void aWaiterThatDoesNotAskAgainLosesItsPlace() throws FsException {
    a.call(request(LockMode.EXCLUSIVE, 0, 9, 1, 0));
    CompletableFuture<Response> waiting = begin(b, request(LockMode.EXCLUSIVE, 0, 9, 1, 5));
    pass(20 * SECOND_NANOS);
    assertThat(waiting).isDone();
    a.call(request(LockMode.NONE, 0, 9, 1, 0));
    assertThat(a.call(request(LockMode.EXCLUSIVE, 0, 9, 2, 0))).isEqualTo(DONE);
  }

  @Test
  void aConversionOfAFlockThatMustWaitLetsOthersIn() throws FsException {
    a.call(whole(LockMode.SHARED, 1, 0));
    b.call(whole(LockMode.SHARED, 1, 0));
    CompletableFuture<Response> waiting = begin(a, whole(LockMode.EXCLUSIVE, 1, 5));
    assertThat(waiting).isNotDone();
    assertThat(b.call(whole(LockMode.EXCLUSIVE, 1, 0))).isEqualTo(DONE);
    b.call(whole(LockMode.NONE, 1, 0));
    assertThat(replyTo(waiting)).isEqualTo(DONE);
  }

  @Test
  void theWaitThatWouldCloseACycleIsADeadlock() throws FsException {
    a.call(request(LockMode.EXCLUSIVE, 0, 9, 1, 0));
    b.call(request(LockMode.EXCLUSIVE, 10, 19, 1, 0));
    b.call(request(LockMode.SHARED, 30, 39, 2, 0));
    CompletableFuture<Response> one = begin(a, request(LockMode.SHARED, 10, 10, 1, 5));
    assertThat(one).isNotDone();
    // Through another owner, and at once.
    CompletableFuture<Response> two = begin(b, request(LockMode.EXCLUSIVE, 30, 30, 1, 6));
    assertThat(two).isNotDone();
    assertThat(refusal(b, request(LockMode.SHARED, 9, 9, 2, 7))).isEqualTo(FsError.DEADLOCK);
    b.call(new ReleaseLocks(file, LockKind.POSIX, 2));
    assertThat(replyTo(two)).isEqualTo(DONE);
  }

  @Test
  void theHolderIsNamedToItsOwnSessionOnly() throws FsException {
    a.call(request(LockMode.EXCLUSIVE, 20, 29, 1, 0));
    a.call(request(LockMode.SHARED, 3, 9, 2, 0));
    var test = new TestLock(file, LockKind.POSIX, 4, LockMode.EXCLUSIVE, 5, 100);
    assertThat(b.call(test)).isEqualTo(new Reply.LockState(LockMode.SHARED, 3, 9, 0));
    assertThat(a.call(test)).isEqualTo(new Reply.LockState(LockMode.SHARED, 3, 9, 9));
    var own = new TestLock(file, LockKind.POSIX, 1, LockMode.EXCLUSIVE, 10, 100);
    assertThat(a.call(own)).isEqualTo(new Reply.LockState(LockMode.NONE, 0, 0, 0));
  }

  @Test
  void locksSurviveARestartAndGoWithTheirSession() throws FsException {
    a.call(request(LockMode.EXCLUSIVE, 0, 9, 1, 0));
    a.call(request(LockMode.SHARED, 20, 29, 1, 0));
    a.call(whole(LockMode.EXCLUSIVE, 1, 0));
    instance.restartAll();
    assertThat(refusal(b, request(LockMode.SHARED, 0, 0, 1, 0))).isEqualTo(FsError.WOULD_BLOCK);
    assertThat(refusal(b, request(LockMode.EXCLUSIVE, 25, 25, 1, 0)))
        .isEqualTo(FsError.WOULD_BLOCK);
    assertThat(refusal(b, whole(LockMode.SHARED, 1, 0))).isEqualTo(FsError.WOULD_BLOCK);
    CompletableFuture<Response> waiting = begin(b, request(LockMode.EXCLUSIVE, 0, 99, 1, 5));
    SimulatedDaemon owner = instance.owner(file.slotValue());
    assertThat(a.at(owner, new ControlRequest.CloseSession())).isEqualTo(DONE);
    assertThat(replyTo(waiting)).isEqualTo(DONE);
    instance.restartAll();
    assertThat(b.call(whole(LockMode.EXCLUSIVE, 1, 0))).isEqualTo(DONE);
  }

  @Test
  void locksOfASilentSessionGoAfterItsLease() throws FsException {
    a.call(request(LockMode.EXCLUSIVE, 0, 9, 1, 0));
    SimulatedDaemon owner = instance.owner(file.slotValue());
    for (int i = 0; i < 8; i++) {
      pass(10 * SECOND_NANOS);
      b.at(owner, new ControlRequest.RenewSession());
    }
    assertThat(refusal(b, request(LockMode.SHARED, 0, 0, 1, 0))).isEqualTo(FsError.WOULD_BLOCK);
    pass(20 * SECOND_NANOS);
    assertThat(b.call(request(LockMode.EXCLUSIVE, 0, 0, 1, 0))).isEqualTo(DONE);
  }

  @Test
  void waitsAreToldWhereTheyAreAndAtHomeForAWhile() throws FsException {
    var waiter = new LockOwner(b.session(), 1);
    var holder = new LockOwner(a.session(), 1);
    a.call(request(LockMode.EXCLUSIVE, 0, 9, 1, 0));
    var _ = begin(b, request(LockMode.EXCLUSIVE, 0, 9, 1, 5));
    var announced = new LockWait(5, 123, file, List.of(holder));
    assertThat(b.call(new AnnounceWait(waiter, announced))).isEqualTo(DONE);
    var query = new QueryWaits(waiter, InodeId.NONE);
    assertThat(a.call(query)).isEqualTo(new Reply.LockWaits(List.of(announced)));
    assertThat(a.call(new QueryWaits(waiter, file)))
        .isEqualTo(new Reply.LockWaits(List.of(new LockWait(5, 0, file, List.of(holder)))));
    b.call(new AnnounceWait(waiter, new LockWait(5, 0, file, List.of())));
    assertThat(a.call(query)).isEqualTo(new Reply.LockWaits(List.of()));
    b.call(new AnnounceWait(waiter, announced));
    pass(6 * SECOND_NANOS);
    assertThat(a.call(query)).isEqualTo(new Reply.LockWaits(List.of()));
    var refused = a.start(new AnnounceWait(waiter, announced));
    pass(SECOND_NANOS);
    assertThat(errorOf(refused)).isEqualTo(FsError.INVALID);
  }
}
