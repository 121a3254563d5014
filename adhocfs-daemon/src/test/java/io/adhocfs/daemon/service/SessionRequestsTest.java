package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** What daemons keep for a session: pins, and answers to its numbered requests. */
class SessionRequestsTest extends ServiceFixture {
  SessionRequestsTest() throws FsException {
    super(3, Map.of("chunk.size", "4KiB", "inline.max", "100"));
  }

  @Test
  void dataOfAnUnlinkedFileLivesUntilTheLastPinOfAllSessionsIsReleased() throws FsException {
    FileAttributes file = chunkedFile("f", 3);
    var second = new RequestClient(instance);
    client.call(new NamespaceRequest.Open(file.id(), 5));
    second.call(new NamespaceRequest.Open(file.id(), 1));
    client.unlink(ROOT, "f");
    assertThat(client.attributes(file.id()).linkCount()).isZero();
    // An older release does not take a newer pin.
    client.at(
        instance.owner(0), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file.id(), 4))));
    second.at(
        instance.owner(0), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file.id(), 1))));
    assertThat(client.attributes(file.id()).sizeBytes()).isEqualTo(3 * CHUNK);
    instance.restartAll();
    assertThat(second.attributes(file.id()).sizeBytes()).isEqualTo(3 * CHUNK);
    var release =
        new NamespaceRequest.ReleasePins(
            List.of(new PinRelease(file.id(), 5), new PinRelease(file.id(), 5)));
    client.at(instance.owner(0), release);
    assertThat(errorOf(() -> client.attributes(file.id()))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.call(new NamespaceRequest.Open(file.id(), 9))))
        .isEqualTo(FsError.NOT_FOUND);
    client.at(instance.owner(0), release);
    inspection.requireSoundInTheEnd();
    assertThat(inspection.records(RecordKind.PIN)).isZero();
  }

  @Test
  void aSilentSessionLosesItsPinsAndIsRefusedAfterItsLease() throws FsException {
    InodeId file = ((Reply.Created) client.call(client.createRequest(ROOT, "f", 1))).inode();
    var second = new RequestClient(instance);
    second.unlink(ROOT, "f");
    for (int i = 0; i < 10; i++) {
      pass(60_000_000_000L);
      client.at(instance.owner(0), new ControlRequest.RenewSession());
      assertThat(second.attributes(file).linkCount()).isZero();
    }
    pass(500_000_000_000L);
    var third = new RequestClient(instance);
    assertThat(errorOf(() -> third.attributes(file))).isEqualTo(FsError.NOT_FOUND);
    assertThat(
            errorOf(() -> client.at(instance.owner(0), new NamespaceRequest.GetAttributes(ROOT))))
        .isEqualTo(FsError.SESSION_EXPIRED);
    inspection.requireSoundInTheEnd();
    assertThat(inspection.records(RecordKind.PIN)).isZero();
    assertThat(inspection.records(RecordKind.REPLY)).isZero();
  }

  @Test
  void closingASessionDropsItsPinsAndReplies() throws FsException {
    List<InodeId> files = new ArrayList<>();
    for (int i = 0; i < 600; i++) {
      files.add(((Reply.Created) client.call(client.createRequest(ROOT, "f" + i, 1))).inode());
    }
    var second = new RequestClient(instance);
    for (int i = 0; i < 600; i++) {
      second.unlink(ROOT, "f" + i);
    }
    assertThat(second.attributes(files.getFirst()).linkCount()).isZero();
    client.at(instance.owner(0), new ControlRequest.CloseSession());
    for (InodeId file : files) {
      assertThat(errorOf(() -> second.attributes(file))).isEqualTo(FsError.NOT_FOUND);
    }
    second.at(instance.owner(0), new ControlRequest.CloseSession());
    inspection.requireSoundInTheEnd();
    assertThat(inspection.records(RecordKind.REPLY)).isZero();
    assertThat(inspection.records(RecordKind.PIN)).isZero();
  }

  @Test
  void aRepeatedRequestIsAnsweredAsTheFirstAlsoAfterARestart() throws FsException {
    InodeId d = directoryElsewhere("d");
    for (Function<OperationStamp, ? extends Request> made :
        List.of(
            client.createRequest(d, "f", 0),
            client.makeDirectoryRequest(d, "sub", NamespaceRequest.MakeDirectory.NO_SLOT))) {
      Reply first = client.call(made);
      Request again = client.lastNumbered();
      assertThat(client.call(again)).isEqualTo(first);
      instance.restartAll();
      assertThat(client.call(again)).isEqualTo(first);
    }
    client.call(client.unlinkRequest(d, "f"));
    Request unlink = client.lastNumbered();
    client.create(d, "f");
    assertThat(errorOf(() -> client.call(unlink))).isEqualTo(FsError.INVALID);
    assertThat(client.has(d, "f")).isTrue();
    // A failure is remembered too, until it is acknowledged.
    assertThat(errorOf(() -> client.call(client.unlinkRequest(d, "none"))))
        .isEqualTo(FsError.NOT_FOUND);
    Request none = client.lastNumbered();
    var another = new RequestClient(instance);
    another.create(d, "none");
    assertThat(errorOf(() -> client.call(none))).isEqualTo(FsError.NOT_FOUND);
    assertThat(client.has(d, "none")).isTrue();
  }

  @Test
  void acknowledgedRepliesGo() throws FsException {
    for (int i = 0; i < 200; i++) {
      client.create(ROOT, "f" + i);
    }
    assertThat(inspection.records(RecordKind.REPLY)).isLessThan(5);
  }

  @Test
  void stampsOfOneSessionAreIndependentOfAnothers() throws FsException {
    var second = new RequestClient(instance);
    client.call(client.createRequest(ROOT, "a", 0));
    second.call(second.createRequest(ROOT, "b", 0));
    assertThat(client.list(ROOT, 1000)).hasSize(2);
  }
}
