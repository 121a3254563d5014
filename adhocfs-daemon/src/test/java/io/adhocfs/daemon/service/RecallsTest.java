package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.PinNumber;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.RecallRequest.AwaitRecalls;
import io.adhocfs.protocol.wire.RecallRequest.Recall;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.Unpooled;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Sessions that keep what they read, and others that change it. */
class RecallsTest extends ServiceFixture {
  private static final Reply DONE = new Reply.Done();
  private static final int PATIENCE_MILLIS = 1_000;

  private final RequestClient writer = client;
  private final RequestClient reader = new RequestClient(instance);
  private final InodeId file = writer.create(ROOT, "f");

  RecallsTest() throws FsException {
    super(1, Map.of("client.lease", "60s"));
  }

  private CompletableFuture<Response> begin(RequestClient client, Request request) {
    CompletableFuture<Response> future = client.start(request);
    pass(10_000_000L);
    return future;
  }

  private CompletableFuture<Response> asking(RequestClient client, long droppedNumber) {
    CompletableFuture<Response> future =
        client.once(
            owner(), new AwaitRecalls(droppedNumber, PATIENCE_MILLIS), Unpooled.EMPTY_BUFFER);
    pass(10_000_000L);
    return future;
  }

  private SimulatedDaemon owner() {
    return instance.owner(file.slotValue());
  }

  private Reply replyTo(CompletableFuture<Response> future) {
    instance.time().until(future::isDone, "it is answered");
    return future.join().reply();
  }

  private void keeps(RequestClient client, long count) throws FsException {
    client.call(new NamespaceRequest.Open(file, PinNumber.of(count, true)));
  }

  private void release(long pin) throws FsException {
    reader.at(owner(), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file, pin))));
  }

  @Test
  void aChangeIsSeenWhenAllOthersHaveDroppedWhatTheyKept() throws FsException {
    keeps(reader, 1);
    keeps(writer, 1);
    CompletableFuture<Response> asked = asking(reader, 0);
    assertThat(asked).isNotDone();
    CompletableFuture<Response> recall = begin(writer, new Recall(file));
    assertThat(recall).isNotDone();
    assertThat(replyTo(asked)).isEqualTo(new Reply.Recalls(1, List.of(file)));
    CompletableFuture<Response> next = asking(reader, 1);
    assertThat(replyTo(recall)).isEqualTo(DONE);
    assertThat(replyTo(next)).isEqualTo(new Reply.Recalls(1, List.of()));
  }

  @Test
  void nobodyIsWaitedForWhereNobodyKeepsAnything() throws FsException {
    reader.call(new NamespaceRequest.Open(file, 1));
    keeps(writer, 1);
    assertThat(writer.call(new Recall(file))).isEqualTo(DONE);
  }

  @Test
  void aChangeDuringADropIsToldAgain() throws FsException {
    keeps(reader, 1);
    CompletableFuture<Response> first = begin(writer, new Recall(file));
    assertThat(replyTo(asking(reader, 0))).isEqualTo(new Reply.Recalls(1, List.of(file)));
    CompletableFuture<Response> second = begin(writer, new Recall(file));
    CompletableFuture<Response> third = begin(writer, new Recall(file));
    CompletableFuture<Response> asked = asking(reader, 1);
    assertThat(replyTo(first)).isEqualTo(DONE);
    assertThat(second).isNotDone();
    assertThat(replyTo(asked)).isEqualTo(new Reply.Recalls(2, List.of(file)));
    var _ = asking(reader, 2);
    assertThat(replyTo(second)).isEqualTo(DONE);
    assertThat(replyTo(third)).isEqualTo(DONE);
  }

  @Test
  void anAnswerThatWasLostIsToldAgain() throws FsException {
    keeps(reader, 1);
    CompletableFuture<Response> recall = begin(writer, new Recall(file));
    assertThat(replyTo(asking(reader, 0))).isEqualTo(new Reply.Recalls(1, List.of(file)));
    assertThat(replyTo(asking(reader, 0))).isEqualTo(new Reply.Recalls(2, List.of(file)));
    assertThat(recall).isNotDone();
    var _ = asking(reader, 2);
    assertThat(replyTo(recall)).isEqualTo(DONE);
  }

  @Test
  void whoIsSilentIsWaitedForOnceUntilHeAsksAgain() throws FsException {
    keeps(reader, 1);
    CompletableFuture<Response> recall = begin(writer, new Recall(file));
    pass(4 * SECOND_NANOS);
    assertThat(recall).isNotDone();
    pass(2 * SECOND_NANOS);
    assertThat(recall).isDone();
    assertThat(writer.call(new Recall(file))).isEqualTo(DONE);
    // What he missed he is told.
    assertThat(replyTo(asking(reader, 0))).isEqualTo(new Reply.Recalls(1, List.of(file)));
    CompletableFuture<Response> asked = asking(reader, 1);
    CompletableFuture<Response> next = begin(writer, new Recall(file));
    assertThat(next).isNotDone();
    assertThat(replyTo(asked)).isEqualTo(new Reply.Recalls(2, List.of(file)));
  }

  @Test
  void aSessionKeepsUntilItsLastPinGoes() throws FsException {
    keeps(reader, 1);
    // Opened again, only to be written: the earlier handle still keeps what it reads.
    reader.call(new NamespaceRequest.Open(file, PinNumber.of(2, false)));
    CompletableFuture<Response> recall = begin(writer, new Recall(file));
    assertThat(recall).isNotDone();
    release(PinNumber.of(1, true));
    assertThat(recall).isNotDone();
    release(PinNumber.of(2, true));
    assertThat(replyTo(recall)).isEqualTo(DONE);
    assertThat(writer.call(new Recall(file))).isEqualTo(DONE);
  }

  @Test
  void aSessionThatEndsKeepsNothing() throws FsException {
    keeps(reader, 1);
    CompletableFuture<Response> asked = asking(reader, 0);
    CompletableFuture<Response> told = begin(writer, new Recall(file));
    assertThat(replyTo(asked)).isEqualTo(new Reply.Recalls(1, List.of(file)));
    CompletableFuture<Response> untold = begin(writer, new Recall(file));
    assertThat(reader.at(owner(), new ControlRequest.CloseSession())).isEqualTo(DONE);
    assertThat(replyTo(told)).isEqualTo(DONE);
    assertThat(replyTo(untold)).isEqualTo(DONE);
  }

  @Test
  void aRestartForgetsNobodyWhoKeepsSomething() throws FsException {
    keeps(reader, 1);
    instance.restartAll();
    CompletableFuture<Response> recall = begin(writer, new Recall(file));
    assertThat(recall).isNotDone();
    assertThat(replyTo(asking(reader, 0))).isEqualTo(new Reply.Recalls(1, List.of(file)));
    var _ = asking(reader, 1);
    assertThat(replyTo(recall)).isEqualTo(DONE);
  }

  @Test
  void anAnswerThatWasLostAfterARestartIsToldAgain() throws FsException {
    keeps(reader, 1);
    CompletableFuture<Response> before = begin(writer, new Recall(file));
    assertThat(replyTo(asking(reader, 0))).isEqualTo(new Reply.Recalls(1, List.of(file)));
    var _ = asking(reader, 1);
    assertThat(replyTo(before)).isEqualTo(DONE);
    instance.restartAll();
    CompletableFuture<Response> recall = begin(writer, new Recall(file));
    // What the reader says that it has dropped was told by the daemon before.
    assertThat(told(asking(reader, 1))).containsExactly(file);
    assertThat(told(asking(reader, 1))).containsExactly(file);
    assertThat(recall).isNotDone();
  }

  private List<InodeId> told(CompletableFuture<Response> asked) {
    return ((Reply.Recalls) replyTo(asked)).inodes();
  }

  @Test
  void whoeverWaitsForSlotsThatGoIsSentToTheirNewOwner() throws FsException {
    keeps(reader, 1);
    CompletableFuture<Response> told = recallOnce();
    assertThat(told(asking(reader, 0))).containsExactly(file);
    CompletableFuture<Response> untold = recallOnce();
    var slots = new BitSet();
    slots.set(file.slotValue());
    owner().services().slots().forget(slots);
    for (CompletableFuture<Response> recall : List.of(told, untold)) {
      pass(10_000_000L);
      assertThat(recall).isCompletedExceptionally();
      assertThat(FsException.of(recall.exceptionNow()).error()).isEqualTo(FsError.WRONG_OWNER);
    }
    // What is no more of this node it does not tell of.
    CompletableFuture<Response> asked = asking(reader, 0);
    assertThat(told(asked)).isEmpty();
  }

  private CompletableFuture<Response> recallOnce() {
    CompletableFuture<Response> recall =
        writer.once(owner(), new Recall(file), Unpooled.EMPTY_BUFFER);
    pass(10_000_000L);
    return recall;
  }
}
