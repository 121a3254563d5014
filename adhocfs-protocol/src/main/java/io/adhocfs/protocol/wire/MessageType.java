package io.adhocfs.protocol.wire;

import static io.adhocfs.protocol.wire.MessageType.Cost.BYTES_ANSWERED;
import static io.adhocfs.protocol.wire.MessageType.Cost.BYTES_ASKED;
import static io.adhocfs.protocol.wire.MessageType.Cost.BYTES_SENT;
import static io.adhocfs.protocol.wire.MessageType.Cost.FREE;
import static io.adhocfs.protocol.wire.MessageType.Cost.OPERATION;
import static io.adhocfs.protocol.wire.MessageType.Lane.DATA;
import static io.adhocfs.protocol.wire.MessageType.Lane.METADATA;
import static io.adhocfs.protocol.wire.MessageType.Repeat.HARMLESS;
import static io.adhocfs.protocol.wire.MessageType.Repeat.STORED_REPLY;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.statistics.OperationKind;
import org.jspecify.annotations.Nullable;

/**
 * The one table of messages: code, record, on which kind of connection it travels, what a repeated
 * one does, what it costs whoever is limited, and which operation of a program it stands for. The
 * code of a message that is retired stays listed.
 */
public enum MessageType {
  LOOKUP(0x100, NamespaceRequest.Lookup::decode, METADATA, HARMLESS, OPERATION, OperationKind.STAT),
  GET_ATTRIBUTES(
      0x101,
      NamespaceRequest.GetAttributes::decode,
      METADATA,
      HARMLESS,
      OPERATION,
      OperationKind.STAT),
  SET_ATTRIBUTES(
      0x102,
      NamespaceRequest.SetAttributes::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.SETATTR),
  TRUNCATE(
      0x103,
      NamespaceRequest.Truncate::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.TRUNCATE),
  CREATE(
      0x104,
      NamespaceRequest.Create::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.CREATE),
  MAKE_DIRECTORY(
      0x105,
      NamespaceRequest.MakeDirectory::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.MKDIR),
  UNLINK(
      0x106,
      NamespaceRequest.Unlink::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.REMOVE),
  REMOVE_DIRECTORY(
      0x107,
      NamespaceRequest.RemoveDirectory::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.RMDIR),
  LINK(0x108, NamespaceRequest.Link::decode, METADATA, STORED_REPLY, OPERATION, OperationKind.LINK),
  RENAME(
      0x109,
      NamespaceRequest.Rename::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.RENAME),
  READ_SYMLINK(
      0x10A,
      NamespaceRequest.ReadSymlink::decode,
      METADATA,
      HARMLESS,
      OPERATION,
      OperationKind.READLINK),
  READ_DIRECTORY(
      0x10B,
      NamespaceRequest.ReadDirectory::decode,
      METADATA,
      HARMLESS,
      OPERATION,
      OperationKind.READDIR),
  OPEN(0x10C, NamespaceRequest.Open::decode, METADATA, HARMLESS, OPERATION, OperationKind.OPEN),
  RELEASE_PINS(0x10D, NamespaceRequest.ReleasePins::decode, METADATA, HARMLESS, FREE),
  READ_INLINE(
      0x10E,
      NamespaceRequest.ReadInline::decode,
      METADATA,
      HARMLESS,
      BYTES_ANSWERED,
      OperationKind.READ),
  WRITE_INLINE(
      0x10F,
      NamespaceRequest.WriteInline::decode,
      METADATA,
      STORED_REPLY,
      BYTES_SENT,
      OperationKind.WRITE),
  LEAVE_INLINE(0x110, NamespaceRequest.LeaveInline::decode, METADATA, STORED_REPLY, OPERATION),
  REPORT_WRITE(0x111, NamespaceRequest.ReportWrite::decode, METADATA, HARMLESS, FREE),
  SYNC_INODE(
      0x112, NamespaceRequest.SyncInode::decode, METADATA, HARMLESS, FREE, OperationKind.FSYNC),
  GET_SHARES(0x113, NamespaceRequest.GetShares::decode, METADATA, HARMLESS, OPERATION),
  SET_LOCK(0x120, LockRequest.SetLock::decode, METADATA, HARMLESS, OPERATION, OperationKind.LOCK),
  TEST_LOCK(0x121, LockRequest.TestLock::decode, METADATA, HARMLESS, OPERATION, OperationKind.LOCK),
  RELEASE_LOCKS(0x122, LockRequest.ReleaseLocks::decode, METADATA, HARMLESS, FREE),
  ANNOUNCE_WAIT(0x123, LockRequest.AnnounceWait::decode, METADATA, HARMLESS, FREE),
  QUERY_WAITS(0x124, LockRequest.QueryWaits::decode, METADATA, HARMLESS, FREE),
  SET_EXTENDED_ATTRIBUTE(
      0x130,
      ExtendedAttributeRequest.SetExtendedAttribute::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.SETXATTR),
  GET_EXTENDED_ATTRIBUTE(
      0x131,
      ExtendedAttributeRequest.GetExtendedAttribute::decode,
      METADATA,
      HARMLESS,
      OPERATION,
      OperationKind.GETXATTR),
  LIST_EXTENDED_ATTRIBUTES(
      0x132,
      ExtendedAttributeRequest.ListExtendedAttributes::decode,
      METADATA,
      HARMLESS,
      OPERATION,
      OperationKind.LISTXATTR),
  REMOVE_EXTENDED_ATTRIBUTE(
      0x133,
      ExtendedAttributeRequest.RemoveExtendedAttribute::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.REMOVEXATTR),
  RESERVE_APPEND(
      0x140,
      FileRequest.ReserveAppend::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.WRITE),
  FINISH_APPEND(0x141, FileRequest.FinishAppend::decode, METADATA, HARMLESS, FREE),
  CHANGE_RANGE(
      0x142,
      FileRequest.ChangeRange::decode,
      METADATA,
      STORED_REPLY,
      OPERATION,
      OperationKind.FALLOCATE),
  RECALL(0x160, RecallRequest.Recall::decode, METADATA, HARMLESS, FREE),
  AWAIT_RECALLS(0x161, RecallRequest.AwaitRecalls::decode, METADATA, HARMLESS, FREE),
  WRITE_CHUNKS(
      0x200, DataRequest.WriteChunks::decode, DATA, HARMLESS, BYTES_SENT, OperationKind.WRITE),
  READ_CHUNKS(
      0x201, DataRequest.ReadChunks::decode, DATA, HARMLESS, BYTES_ASKED, OperationKind.READ),
  DISCARD_CHUNKS(0x202, DataRequest.DiscardChunks::decode, DATA, HARMLESS, FREE),
  SYNC_CHUNKS(0x203, DataRequest.SyncChunks::decode, DATA, HARMLESS, FREE),
  SEEK_CHUNKS(0x210, DataRequest.SeekChunks::decode, DATA, HARMLESS, OPERATION),
  MEASURE_CHUNKS(0x211, DataRequest.MeasureChunks::decode, DATA, HARMLESS, OPERATION),
  ACQUIRE_DATA(0x212, DataRequest.AcquireData::decode, DATA, HARMLESS, FREE),
  PREPARE(0x300, TransactionRequest.Prepare::decode, METADATA, HARMLESS, FREE),
  DECIDE(0x301, TransactionRequest.Decide::decode, METADATA, HARMLESS, FREE),
  QUERY_OUTCOME(0x302, TransactionRequest.QueryOutcome::decode, METADATA, HARMLESS, FREE),
  BEGIN_STAGING(0x303, TransactionRequest.BeginStaging::decode, METADATA, HARMLESS, FREE),
  STAGE_ENTRIES(0x304, TransactionRequest.StageEntries::decode, METADATA, HARMLESS, FREE),
  GET_MAP(0x400, ControlRequest.GetMap::decode, METADATA, HARMLESS, FREE),
  INSTALL_MAP(0x401, ControlRequest.InstallMap::decode, METADATA, HARMLESS, FREE),
  GET_STATUS(0x402, ControlRequest.GetStatus::decode, METADATA, HARMLESS, FREE),
  GET_CAPACITY(0x403, ControlRequest.GetCapacity::decode, METADATA, HARMLESS, FREE),
  RENEW_SESSION(0x404, ControlRequest.RenewSession::decode, METADATA, HARMLESS, FREE),
  CLOSE_SESSION(0x405, ControlRequest.CloseSession::decode, METADATA, HARMLESS, FREE),
  SHUTDOWN(0x406, ControlRequest.Shutdown::decode, METADATA, HARMLESS, FREE),
  SCAN_INODES(0x407, ControlRequest.ScanInodes::decode, METADATA, HARMLESS, FREE),
  SCAN_ENTRIES(0x408, ControlRequest.ScanEntries::decode, METADATA, HARMLESS, FREE),
  SCAN_CHUNKS(0x409, ControlRequest.ScanChunks::decode, METADATA, HARMLESS, FREE),
  CHECK_STORAGE(0x40A, ControlRequest.CheckStorage::decode, METADATA, HARMLESS, FREE),
  SCAN_SHARES(0x40B, ControlRequest.ScanShares::decode, METADATA, HARMLESS, FREE),
  VERIFY_DATA(0x40E, ControlRequest.VerifyData::decode, METADATA, HARMLESS, FREE),
  RAFT_CALL(0x410, ControlRequest.RaftCall::decode, METADATA, HARMLESS, FREE),
  PROPOSE(0x411, ControlRequest.Propose::decode, METADATA, HARMLESS, FREE),
  GET_CONTROL(0x412, ControlRequest.GetControl::decode, METADATA, HARMLESS, FREE),
  FOLLOW_CONTROL(0x413, ControlRequest.FollowControl::decode, METADATA, HARMLESS, FREE),
  INTRODUCE(0x420, ControlRequest.Introduce::decode, METADATA, HARMLESS, FREE),
  ASK_TOKENS(0x421, ControlRequest.AskTokens::decode, METADATA, HARMLESS, FREE),
  GET_THROTTLED(0x422, ControlRequest.GetThrottled::decode, METADATA, HARMLESS, FREE),
  GET_STATISTICS(0x423, ControlRequest.GetStatistics::decode, METADATA, HARMLESS, FREE),
  MARK_LOST(0x430, ControlRequest.MarkLost::decode, METADATA, HARMLESS, FREE),
  DROP_CHUNKS(0x431, ControlRequest.DropChunks::decode, METADATA, HARMLESS, FREE),
  REMOVE_NAME(0x432, ControlRequest.RemoveName::decode, METADATA, HARMLESS, FREE),
  PUT_NAME(0x433, ControlRequest.PutName::decode, METADATA, HARMLESS, FREE),
  COUNT_ENTRIES(0x434, ControlRequest.CountEntries::decode, METADATA, HARMLESS, FREE),
  SET_NAMES(0x435, ControlRequest.SetNames::decode, METADATA, HARMLESS, FREE),
  REMOVE_PARTITION(0x436, ControlRequest.RemovePartition::decode, METADATA, HARMLESS, FREE),
  FORCE_STATE(0x437, ControlRequest.ForceState::decode, METADATA, HARMLESS, FREE),
  BEGIN_RECEIVE(0x500, MigrationRequest.BeginReceive::decode, DATA, HARMLESS, FREE),
  RECEIVE_RECORDS(0x501, MigrationRequest.ReceiveRecords::decode, DATA, HARMLESS, FREE),
  RECEIVE_CHUNK(0x502, MigrationRequest.ReceiveChunk::decode, DATA, HARMLESS, FREE),
  SYNC_RECEIVED(0x503, MigrationRequest.SyncReceived::decode, DATA, HARMLESS, FREE),
  FINISH_RECEIVE(0x504, MigrationRequest.FinishReceive::decode, DATA, HARMLESS, FREE),
  ABANDON_RECEIVE(0x505, MigrationRequest.AbandonReceive::decode, DATA, HARMLESS, FREE),
  DONE(0x800, Reply.Done::decode),
  FAILED(0x801, Reply.Failed::decode),
  ATTRIBUTES(0x802, Reply.Attributes::decode),
  ENTRY(0x803, Reply.Entry::decode),
  CREATED(0x804, Reply.Created::decode),
  BYTES(0x805, Reply.Bytes::decode),
  DIRECTORY_PAGE(0x806, Reply.DirectoryPage::decode),
  INLINE(0x807, Reply.Inline::decode),
  SPANS(0x808, Reply.Spans::decode),
  PREPARED(0x809, Reply.Prepared::decode),
  OUTCOME(0x80A, Reply.Outcome::decode),
  MAP(0x80B, Reply.Map::decode),
  STATUS(0x80C, Reply.Status::decode),
  CAPACITY(0x80D, Reply.Capacity::decode),
  INODE_PAGE(0x80E, Reply.InodePage::decode),
  ENTRY_PAGE(0x80F, Reply.EntryPage::decode),
  CHUNK_PAGE(0x810, Reply.ChunkPage::decode),
  FINDINGS(0x811, Reply.Findings::decode),
  SHARE_PAGE(0x812, Reply.SharePage::decode),
  LOCK_STATE(0x820, Reply.LockState::decode),
  LOCK_PENDING(0x821, Reply.LockPending::decode),
  LOCK_WAITS(0x822, Reply.LockWaits::decode),
  APPENDED(0x840, Reply.Appended::decode),
  POSITION(0x841, Reply.Position::decode),
  ALLOCATED(0x842, Reply.Allocated::decode),
  DECIDED(0x850, Reply.Decided::decode),
  LEADER(0x851, Reply.Leader::decode),
  CONTROL(0x852, Reply.Control::decode),
  CONTROL_NEWS(0x853, Reply.ControlNews::decode),
  TOKENS(0x860, Reply.Tokens::decode),
  THROTTLED(0x861, Reply.Throttled::decode),
  STATISTICS(0x862, Reply.Statistics::decode),
  RECALLS(0x870, Reply.Recalls::decode),
  VERIFIED_DATA(0x890, Reply.VerifiedData::decode);

  /** Kind of connection: metadata and bulk data never wait for each other. */
  public enum Lane {
    METADATA,
    DATA,
    /** Replies go where the request came from. */
    NONE
  }

  /** What comes of a request that is sent twice. */
  public enum Repeat {
    /** Nothing else than of one. */
    HARMLESS,
    /**
     * It carries an {@link OperationStamp}, by which its receiver knows it again: the reply of the
     * first is stored, and given again.
     */
    STORED_REPLY
  }

  /** What a request costs a party that is limited. */
  public enum Cost {
    /** Nothing: it gives something back, only tells, or comes from no program. */
    FREE,
    /** One operation on metadata. */
    OPERATION,
    /** An operation on data, of the bytes of its payload. */
    BYTES_SENT,
    /** An operation on data, of the bytes that it asks for. */
    BYTES_ASKED,
    /** An operation on data, of the bytes of the answer: they are charged when it is given. */
    BYTES_ANSWERED
  }

  /** Version of the protocol that this table describes. */
  public static final int PROTOCOL_VERSION = 1;

  @FunctionalInterface
  private interface Decoder {
    Message decode(WireReader in) throws FsException;
  }

  private static final @Nullable MessageType[] BY_CODE = new @Nullable MessageType[0x1000];

  static {
    for (MessageType type : values()) {
      if (BY_CODE[type.code] != null) {
        throw new IllegalStateException("code of " + type + " is taken");
      }
      BY_CODE[type.code] = type;
    }
  }

  private final int code;
  private final Decoder decoder;
  private final Lane lane;
  private final Repeat repeat;
  private final Cost cost;
  private final @Nullable OperationKind kind;

  /** A reply. */
  MessageType(int code, Decoder decoder) {
    this(code, decoder, Lane.NONE, Repeat.HARMLESS, Cost.FREE, null);
  }

  /** A request that stands for no operation: it is part of others, or comes from no program. */
  MessageType(int code, Decoder decoder, Lane lane, Repeat repeat, Cost cost) {
    this(code, decoder, lane, repeat, cost, null);
  }

  MessageType(
      int code,
      Decoder decoder,
      Lane lane,
      Repeat repeat,
      Cost cost,
      @Nullable OperationKind kind) {
    this.code = code;
    this.decoder = decoder;
    this.lane = lane;
    this.repeat = repeat;
    this.cost = cost;
    this.kind = kind;
  }

  public int code() {
    return code;
  }

  public Lane lane() {
    return lane;
  }

  /** Whether it carries an {@link OperationStamp}: not idempotent, its reply is stored. */
  public boolean stamped() {
    return repeat == Repeat.STORED_REPLY;
  }

  /** What requests of the type cost; ask {@link Request#cost}, for some vary. */
  Cost cost() {
    return cost;
  }

  /** What requests of the type stand for as a rule; null = never for anything. */
  public @Nullable OperationKind kind() {
    return kind;
  }

  /** The type with this code, or null. */
  public static @Nullable MessageType ofCode(int code) {
    return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
  }

  /**
   * The message in a body, all of which it must take.
   *
   * @throws FsException BAD_MESSAGE, or the error that a value in it deserves (NAME_TOO_LONG)
   */
  public Message decode(WireReader in) throws FsException {
    try {
      Message message = decoder.decode(in);
      in.end();
      return message;
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.BAD_MESSAGE, this + ": " + e.getMessage(), e);
    }
  }
}
