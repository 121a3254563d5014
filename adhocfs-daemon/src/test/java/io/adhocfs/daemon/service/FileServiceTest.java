package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.daemon.file.FileAppends;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.FileRequest.ChangeRange;
import io.adhocfs.protocol.wire.FileRequest.FinishAppend;
import io.adhocfs.protocol.wire.FileRequest.ReserveAppend;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Room for appends and cleared ranges at the inode's owner, in simulated time. */
class FileServiceTest extends ServiceFixture {
  private final RequestClient other = new RequestClient(instance);
  private final InodeId file = client.create(ROOT, "f");

  FileServiceTest() throws FsException {
    super(3, Map.of("chunk.size", "4KiB", "inline.max", "100"));
  }

  private Reply.Appended reserve(RequestClient from, int length) throws FsException {
    return (Reply.Appended) from.call(stamp -> new ReserveAppend(stamp, file, length, 1));
  }

  private static FinishAppend end(Reply.Appended room, int length, boolean stored) {
    FileAttributes file = room.attributes();
    return new FinishAppend(
        file.id(), file.dataGeneration(), room.offset(), length, stored, !stored, 9);
  }

  private static CompletableFuture<Response> finish(
      RequestClient from, Reply.Appended room, int length) {
    return from.start(end(room, length, true));
  }

  private long size() throws FsException {
    return client.attributes(file).sizeBytes();
  }

  @Test
  void aSmallAppendToAnInlineFileIsOneRequestAndRunsOnce() throws FsException {
    byte[] data = "hello".getBytes(StandardCharsets.US_ASCII);
    Response answer =
        client.await(
            client.start(stamp -> new ReserveAppend(stamp, file, data.length, 1), data),
            "an append");
    Reply first = answer.reply();
    Request request = client.lastNumbered();
    Reply again = client.await(client.start(request, data), request).reply();
    assertThat(again).isEqualTo(first);
    assertThat(((Reply.Appended) first).done()).isTrue();
    assertThat(client.readInline(file)).isEqualTo(data);
  }

  @Test
  void theSizeFollowsAppendsInOrder() throws FsException {
    Reply.Appended first = reserve(client, 1000);
    Reply.Appended second = reserve(other, 500);
    assertThat(first.offset()).isZero();
    assertThat(second.offset()).isEqualTo(1000);
    CompletableFuture<Response> early = finish(other, second, 500);
    pass(SECOND_NANOS);
    assertThat(early).isNotDone();
    assertThat(size()).isZero();
    Response _ = client.await(finish(client, first, 1000), "the first append");
    Response _ = client.await(early, "the second append");
    assertThat(size()).isEqualTo(1500);
    assertThat(client.attributes(file).mayHaveHoles()).isFalse();
  }

  @Test
  void whatIsSilentForTooLongIsPassedAndItsRoomNotGivenAgain() throws FsException {
    Reply.Appended silent = reserve(client, 1000);
    Reply.Appended second = reserve(other, 500);
    CompletableFuture<Response> early = finish(other, second, 500);
    pass(FileAppends.PATIENCE_SECONDS * SECOND_NANOS + SECOND_NANOS);
    assertThat(early).isDone();
    assertThat(size()).isEqualTo(1500);
    assertThat(client.attributes(file).mayHaveHoles()).isTrue();
    assertThat(reserve(other, 10).offset()).isEqualTo(1500);
    Response _ = client.await(finish(client, silent, 1000), "the late append");
    assertThat(size()).isEqualTo(1500);
  }

  @Test
  void silentRoomAtTheEndLeavesTheSizeAndIsNotGivenAgain() throws FsException {
    Reply.Appended silent = reserve(client, 1000);
    pass(FileAppends.PATIENCE_SECONDS * SECOND_NANOS + SECOND_NANOS);
    assertThat(size()).isZero();
    Reply.Appended next = reserve(other, 10);
    assertThat(next.offset()).isEqualTo(1000);
    // Late, and all the same right.
    Response _ = client.await(finish(client, silent, 1000), "the late append");
    assertThat(size()).isEqualTo(1000);
    Response _ = client.await(finish(other, next, 10), "the next append");
    assertThat(size()).isEqualTo(1010);
  }

  @Test
  void roomGivenBeforeADeathOfTheOwnerIsNotGivenAgain() throws FsException {
    Reply.Appended first = reserve(client, 1000);
    Reply.Appended second = reserve(other, 500);
    instance.restartAll();
    assertThat(reserve(other, 10).offset()).isEqualTo(1500);
    CompletableFuture<Response> early = finish(other, second, 500);
    pass(SECOND_NANOS);
    assertThat(early).isNotDone();
    Response _ = client.await(finish(client, first, 1000), "the first append");
    Response _ = client.await(early, "the second append");
    assertThat(size()).isEqualTo(1500);
    instance.restartAll();
    assertThat(size()).isEqualTo(1500);
  }

  @Test
  void aRequestForRoomThatComesAgainAfterADeathGetsTheSameRoom() throws FsException {
    Reply first = client.call(stamp -> new ReserveAppend(stamp, file, 1000, 1));
    instance.restartAll();
    assertThat(client.call(client.lastNumbered())).isEqualTo(first);
    assertThat(reserve(other, 1).offset()).isEqualTo(1000);
  }

  @Test
  void aCutTakesRoomBackAndReachesAsFar() throws FsException {
    Reply.Appended first = reserve(client, 3 * CHUNK);
    Reply.Appended second = reserve(other, 10);
    CompletableFuture<Response> waiting = finish(other, second, 10);
    pass(SECOND_NANOS);
    assertThat(waiting).isNotDone();
    for (int chunk = 0; chunk < 4; chunk++) {
      assertThat(writeChunk(first.attributes(), chunk, 10)).isEqualTo(Reply.Spans.OUTCOME_OK);
    }
    assertThat(client.truncate(file, 0).dataGeneration())
        .isGreaterThan(first.attributes().dataGeneration());
    // Over, as if before the cut.
    Response _ = client.await(waiting, "the append that was cut away");
    Response _ = client.await(finish(client, first, 3 * CHUNK), "the other one");
    assertThat(size()).isZero();
    assertThat(reserve(client, 5).offset()).isZero();
    assertThat(inspection.records(RecordKind.CHUNK)).isZero();
    for (int chunk = 0; chunk < 4; chunk++) {
      assertThat(writeChunk(first.attributes(), chunk, 1)).isEqualTo(Reply.Spans.OUTCOME_STALE);
    }
  }

  @Test
  void theLastRoomIsFreeAgainWhenNothingOfItCanArrive() throws FsException {
    Reply.Appended room = reserve(client, 1000);
    FinishAppend given = end(room, 1000, false);
    var certain =
        new FinishAppend(
            file, given.dataGeneration(), given.offset(), 1000, false, false, given.mtimeNanos());
    Reply _ = client.call(certain);
    assertThat(reserve(other, 7).offset()).isZero();
  }

  @Test
  void clearingWaitsForAppendsAndRaisesTheGeneration() throws FsException {
    Reply.Appended first = reserve(client, 2 * CHUNK);
    Response _ = client.await(finish(client, first, 2 * CHUNK), "the first append");
    Reply.Appended second = reserve(client, CHUNK);
    CompletableFuture<Response> cleared =
        other.start(stamp -> new ChangeRange(stamp, file, 100, CHUNK, true, false, false, 5));
    pass(SECOND_NANOS / 100);
    CompletableFuture<Response> third = other.start(stamp -> new ReserveAppend(stamp, file, 10, 1));
    pass(SECOND_NANOS / 10);
    assertThat(cleared).isNotDone();
    assertThat(third).isNotDone();
    Response _ = client.await(finish(client, second, CHUNK), "the second append");
    FileAttributes after =
        ((Reply.Attributes) other.await(cleared, "the cleared range").reply()).attributes();
    assertThat(after.sizeBytes()).isEqualTo(3 * CHUNK);
    assertThat(after.dataGeneration()).isGreaterThan(second.attributes().dataGeneration());
    assertThat(after.mayHaveHoles()).isTrue();
    var room = (Reply.Appended) other.await(third, "the third append").reply();
    assertThat(room.offset()).isEqualTo(3 * CHUNK);
    assertThat(room.attributes().dataGeneration()).isEqualTo(after.dataGeneration());
  }

  @Test
  void inlineFilesAreClearedAndGrownInPlaceAndLeaveWhenTheyGrowTooLong() throws FsException {
    FileAttributes _ = client.writeInline(file, 0, new byte[] {1, 2, 3, 4});
    Reply _ = client.call(stamp -> new ChangeRange(stamp, file, 1, 2, true, false, false, 5));
    assertThat(client.readInline(file)).containsExactly(1, 0, 0, 4);
    Reply _ = client.call(stamp -> new ChangeRange(stamp, file, 3, 3, true, true, false, 5));
    assertThat(client.readInline(file)).containsExactly(1, 0, 0, 0, 0, 0);
    Reply _ = client.call(stamp -> new ChangeRange(stamp, file, 0, 200, false, true, false, 5));
    FileAttributes after = client.attributes(file);
    assertThat(after.sizeBytes()).isEqualTo(200);
    assertThat(after.layout().inline()).isFalse();
  }

  @Test
  void leftoversBehindTheEndGoAndNothingElse() throws FsException {
    FileAttributes _ = client.leaveInline(file);
    Reply.Appended room = reserve(client, CHUNK + 10);
    Response _ = client.await(finish(client, room, CHUNK + 10), "an append");
    FileAttributes before = client.attributes(file);
    Reply _ = client.call(stamp -> new ChangeRange(stamp, file, 0, CHUNK, true, false, true, 5));
    assertThat(client.attributes(file)).isEqualTo(before);
    Reply _ =
        client.call(stamp -> new ChangeRange(stamp, file, 0, 3 * CHUNK, true, false, true, 5));
    FileAttributes after = client.attributes(file);
    assertThat(after.dataGeneration()).isEqualTo(before.dataGeneration() + 1);
    assertThat(after.sizeBytes()).isEqualTo(before.sizeBytes());
    assertThat(after.mtimeNanos()).isEqualTo(before.mtimeNanos());
  }

  @Test
  void aSizeThatIsToldLateCountsAfterClearedRangesAndNotAfterACut() throws FsException {
    FileAttributes before = client.leaveInline(file);
    Reply.Appended room = reserve(client, 2 * CHUNK);
    Response _ = client.await(finish(client, room, 2 * CHUNK), "an append");
    Reply _ = client.call(stamp -> new ChangeRange(stamp, file, 5, CHUNK, true, false, false, 5));
    Reply _ = client.call(stamp -> new ChangeRange(stamp, file, 5, 9, true, true, false, 5));
    FileAttributes after = other.reportWrite(file, before.dataGeneration(), 3 * CHUNK);
    assertThat(after.sizeBytes()).isEqualTo(3 * CHUNK);
    assertThat(other.reportWrite(file, before.dataGeneration(), CHUNK).sizeBytes())
        .isEqualTo(3 * CHUNK);
    FileAttributes cut = client.truncate(file, CHUNK);
    for (long old : new long[] {before.dataGeneration(), after.dataGeneration()}) {
      assertThatThrownBy(() -> other.reportWrite(file, old, 3 * CHUNK))
          .isInstanceOfSatisfying(
              FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.STALE_GENERATION));
    }
    assertThat(client.attributes(file)).isEqualTo(cut);
  }

  @Test
  void aRangeIsClearedBehindTheEndTooWhereAnotherSessionHasTheFileOpen() throws FsException {
    FileAttributes before = client.leaveInline(file);
    Reply _ =
        client.call(stamp -> new ChangeRange(stamp, file, CHUNK, CHUNK, true, false, false, 5));
    assertThat(client.attributes(file).dataGeneration()).isEqualTo(before.dataGeneration());
    Reply _ = other.call(new NamespaceRequest.Open(file, 1));
    List<Integer> earlier = discards();
    Reply _ =
        client.call(stamp -> new ChangeRange(stamp, file, CHUNK, CHUNK, true, false, false, 5));
    FileAttributes after = client.attributes(file);
    assertThat(after.dataGeneration())
        .isEqualTo(DataGeneration.afterClearing(before.dataGeneration()));
    assertThat(after.sizeBytes()).isZero();
    assertThat(discardsSince(earlier)).containsExactly(1, 0, 0);
    assertThat(writeChunk(before, 0, 1)).isEqualTo(Reply.Spans.OUTCOME_OK);
    assertThat(writeChunk(before, 1, 1)).isEqualTo(Reply.Spans.OUTCOME_STALE);
    assertThat(writeChunk(before, 2, 1)).isEqualTo(Reply.Spans.OUTCOME_OK);
  }

  @Test
  void rangesThatMakeNoSenseAreRefused() throws Exception {
    assertThat(refusal(stamp -> new ChangeRange(stamp, file, -1, 5, true, false, false, 5)))
        .isEqualTo(FsError.INVALID);
    assertThat(refusal(stamp -> new ChangeRange(stamp, file, 0, 0, true, false, false, 5)))
        .isEqualTo(FsError.INVALID);
    assertThat(
            refusal(
                stamp -> new ChangeRange(stamp, file, Long.MAX_VALUE - 5, 6, true, true, false, 5)))
        .isEqualTo(FsError.FILE_TOO_BIG);
    assertThat(refusal(stamp -> new ReserveAppend(stamp, file, 0, 1)))
        .isEqualTo(FsError.BAD_MESSAGE);
    var _ = reserve(client, 1);
    assertThat(refusal(stamp -> new ReserveAppend(stamp, file, Long.MAX_VALUE, 1)))
        .isEqualTo(FsError.FILE_TOO_BIG);
  }

  private FsError refusal(Function<OperationStamp, Request> request) {
    return errorOf(() -> client.call(request));
  }
}
