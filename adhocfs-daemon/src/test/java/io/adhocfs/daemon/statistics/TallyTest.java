package io.adhocfs.daemon.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Requests are counted as the operations of programs that they stand for. */
class TallyTest {
  private static final InodeId FILE = InodeId.of(new SlotId(5), 1);
  private static final OperationStamp STAMP = new OperationStamp(1, 0);
  private static final FileLayout LAYOUT = new FileLayout(1 << 16, 0, 1, 0, false);
  private static final byte OK = Reply.Spans.OUTCOME_OK;
  private static final byte MOVED = Reply.Spans.OUTCOME_MOVED;

  private final Account account =
      new Account(1, new Party(TrafficClass.FOREGROUND, "42", "", 1), false, 0);

  private static EntryKey name() {
    try {
      return new EntryKey(FILE, 0, EntryName.of(new byte[] {'a'}));
    } catch (FsException e) {
      throw new IllegalStateException(e);
    }
  }

  private static NamespaceRequest.Create create(FileType type) {
    return new NamespaceRequest.Create(
        STAMP,
        name(),
        new NewInode(type, 0600, new Owner(1, 1), 0, new byte[0]),
        false,
        0,
        Request.NO_SLOT,
        1);
  }

  private void answered(Request request, int flags, long in, Reply reply, long out) {
    Tally.answered(
        account, Objects.requireNonNull(request.type().kind()), request, flags, in, reply, out);
  }

  private void failed(Request request, int flags, FsError error) {
    Tally.failed(account, Objects.requireNonNull(request.type().kind()), request, flags, error);
  }

  private static DataRequest.WriteChunks write(ChunkSpan... spans) {
    return new DataRequest.WriteChunks(FILE, LAYOUT, 1, List.of(spans));
  }

  private List<KindFigures> figures() {
    return account.figures(0).kinds();
  }

  private static KindFigures ops(String kind, long operations, long failed) {
    return new KindFigures(kind, operations, failed, 0, 0, 0);
  }

  @Test
  void namesThatAreThereAreStatsAndThoseThatAreNotAreMissing() {
    var lookup = new NamespaceRequest.Lookup(name());
    answered(lookup, 0, 0, new Reply.Entry(FILE, FileType.REGULAR, null), 0);
    answered(new NamespaceRequest.GetAttributes(FILE), 0, 0, new Reply.Done(), 0);
    failed(lookup, 0, FsError.NOT_FOUND);
    failed(lookup, 0, FsError.NAME_TOO_LONG);
    assertThat(figures()).containsExactly(ops("stat", 3, 1), ops("missing", 1, 0));
  }

  @Test
  void whatIsAskedForTheSakeOfSomethingElseIsNotCounted() {
    answered(new NamespaceRequest.GetAttributes(FILE), Frame.PART, 0, new Reply.Done(), 0);
    failed(new NamespaceRequest.Lookup(name()), Frame.PART, FsError.NOT_FOUND);
    assertThat(figures()).isEmpty();
    assertThat(new NamespaceRequest.SyncInode(FILE).type().kind()).isNotNull();
    assertThat(new DataRequest.SyncChunks(FILE).type().kind()).isNull();
  }

  @Test
  void createsOfWhatIsThereAreOpensAndSymlinksAreSymlinks() {
    answered(create(FileType.REGULAR), 0, 0, new Reply.Created(FILE, false, null), 0);
    answered(create(FileType.REGULAR), 0, 0, new Reply.Created(FILE, true, null), 0);
    answered(create(FileType.SYMLINK), 0, 0, new Reply.Created(FILE, false, null), 0);
    failed(create(FileType.REGULAR), 0, FsError.EXISTS);
    assertThat(figures()).containsExactly(ops("create", 2, 1), ops("symlink", 1, 0));
  }

  @Test
  void oneListingIsOneReaddirHoweverManyPagesItHas() {
    answered(
        new NamespaceRequest.ReadDirectory(FILE, 1, 0, 2, 1, false), 0, 0, new Reply.Done(), 0);
    answered(
        new NamespaceRequest.ReadDirectory(FILE, 1, 0, 900, 1, false), 0, 0, new Reply.Done(), 0);
    answered(
        new NamespaceRequest.ReadDirectory(FILE, 1, 1, 900, 1, false), 0, 0, new Reply.Done(), 0);
    assertThat(figures()).containsExactly(ops("readdir", 1, 0));
  }

  @Test
  void whatIsSentAgainIsCountedOnce() {
    Request remove = new NamespaceRequest.Unlink(STAMP, name(), 1);
    failed(remove, 0, FsError.WRONG_OWNER);
    failed(remove, 0, FsError.OVERLOADED);
    failed(remove, 0, FsError.THROTTLED);
    failed(remove, 0, FsError.SPREAD_CHANGED);
    answered(remove, 0, 0, new Reply.Failed(FsError.CHANGED, ""), 0);
    assertThat(figures()).isEmpty();
    answered(remove, 0, 0, new Reply.Done(), 0);
    failed(remove, 0, FsError.NOT_FOUND);
    assertThat(figures()).containsExactly(ops("remove", 2, 1));
  }

  @Test
  void aWriteInPiecesIsOneAndItsBytesAreThoseThatAreStored() {
    var first = new ChunkSpan(1, 4096, 61_440);
    var second = new ChunkSpan(2, 0, 1000);
    answered(write(first), 0, 61_440, new Reply.Spans(new byte[] {OK}), 0);
    answered(write(second), Frame.PART, 1000, new Reply.Spans(new byte[] {OK}), 0);
    assertThat(figures()).containsExactly(new KindFigures("write", 1, 0, 62_440, 0, 0));
  }

  @Test
  void piecesThatHaveMovedAreCountedWhereTheyGo() {
    var first = new ChunkSpan(1, 1, 100);
    var second = new ChunkSpan(3, 0, 50);
    answered(write(first, second), Frame.SMALL, 150, new Reply.Spans(new byte[] {MOVED, OK}), 0);
    assertThat(figures()).containsExactly(new KindFigures("write", 0, 0, 50, 0, 0));
    answered(write(first), Frame.SMALL, 100, new Reply.Spans(new byte[] {OK}), 0);
    assertThat(figures()).containsExactly(new KindFigures("write", 1, 0, 150, 1, 1));
  }

  @Test
  void aWriteOfNothingIsNone() {
    answered(write(), 0, 0, new Reply.Spans(new byte[0]), 0);
    assertThat(figures()).isEmpty();
  }

  @Test
  void aWriteWithoutSpaceHasFailed() {
    answered(
        write(new ChunkSpan(0, 0, 5000)),
        0,
        5000,
        new Reply.Spans(new byte[] {Reply.Spans.OUTCOME_NO_SPACE}),
        0);
    assertThat(figures()).containsExactly(new KindFigures("write", 1, 1, 0, 0, 0));
  }

  @Test
  void readsOfInlineDataAreWhatTheyGet() {
    answered(new NamespaceRequest.ReadInline(FILE, 0, 65_536), 0, 0, new Reply.Done(), 300);
    answered(new NamespaceRequest.ReadInline(FILE, 300, 65_536), 0, 0, new Reply.Done(), 0);
    answered(new NamespaceRequest.WriteInline(STAMP, FILE, 10, 1), 0, 4096, new Reply.Done(), 0);
    assertThat(figures())
        .containsExactly(
            new KindFigures("read", 1, 0, 300, 1, 0), new KindFigures("write", 1, 0, 4096, 0, 1));
  }
}
