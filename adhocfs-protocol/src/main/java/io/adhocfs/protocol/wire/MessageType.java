package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;

/**
 * The one table of messages: code, record, since which protocol version, on which kind of
 * connection it travels, and whether its receiver stores the reply so that a retry does not run it
 * twice. The code of a message that is retired stays listed.
 */
public enum MessageType {
  LOOKUP(0x100, NamespaceRequest.Lookup::decode, 1, Lane.METADATA, false),
  GET_ATTRIBUTES(0x101, NamespaceRequest.GetAttributes::decode, 1, Lane.METADATA, false),
  SET_ATTRIBUTES(0x102, NamespaceRequest.SetAttributes::decode, 1, Lane.METADATA, true),
  TRUNCATE(0x103, NamespaceRequest.Truncate::decode, 1, Lane.METADATA, true),
  CREATE(0x104, NamespaceRequest.Create::decode, 1, Lane.METADATA, true),
  MAKE_DIRECTORY(0x105, NamespaceRequest.MakeDirectory::decode, 1, Lane.METADATA, true),
  UNLINK(0x106, NamespaceRequest.Unlink::decode, 1, Lane.METADATA, true),
  REMOVE_DIRECTORY(0x107, NamespaceRequest.RemoveDirectory::decode, 1, Lane.METADATA, true),
  LINK(0x108, NamespaceRequest.Link::decode, 1, Lane.METADATA, true),
  RENAME(0x109, NamespaceRequest.Rename::decode, 1, Lane.METADATA, true),
  READ_SYMLINK(0x10A, NamespaceRequest.ReadSymlink::decode, 1, Lane.METADATA, false),
  READ_DIRECTORY(0x10B, NamespaceRequest.ReadDirectory::decode, 1, Lane.METADATA, false),
  OPEN(0x10C, NamespaceRequest.Open::decode, 1, Lane.METADATA, false),
  RELEASE_PINS(0x10D, NamespaceRequest.ReleasePins::decode, 1, Lane.METADATA, false),
  READ_INLINE(0x10E, NamespaceRequest.ReadInline::decode, 1, Lane.METADATA, false),
  WRITE_INLINE(0x10F, NamespaceRequest.WriteInline::decode, 1, Lane.METADATA, true),
  LEAVE_INLINE(0x110, NamespaceRequest.LeaveInline::decode, 1, Lane.METADATA, true),
  REPORT_WRITE(0x111, NamespaceRequest.ReportWrite::decode, 1, Lane.METADATA, false),
  SYNC_INODE(0x112, NamespaceRequest.SyncInode::decode, 1, Lane.METADATA, false),
  GET_SHARES(0x113, NamespaceRequest.GetShares::decode, 1, Lane.METADATA, false),
  SET_LOCK(0x120, LockRequest.SetLock::decode, 1, Lane.METADATA, false),
  TEST_LOCK(0x121, LockRequest.TestLock::decode, 1, Lane.METADATA, false),
  RELEASE_LOCKS(0x122, LockRequest.ReleaseLocks::decode, 1, Lane.METADATA, false),
  ANNOUNCE_WAIT(0x123, LockRequest.AnnounceWait::decode, 1, Lane.METADATA, false),
  QUERY_WAITS(0x124, LockRequest.QueryWaits::decode, 1, Lane.METADATA, false),
  SET_EXTENDED_ATTRIBUTE(
      0x130, ExtendedAttributeRequest.SetExtendedAttribute::decode, 1, Lane.METADATA, true),
  GET_EXTENDED_ATTRIBUTE(
      0x131, ExtendedAttributeRequest.GetExtendedAttribute::decode, 1, Lane.METADATA, false),
  LIST_EXTENDED_ATTRIBUTES(
      0x132, ExtendedAttributeRequest.ListExtendedAttributes::decode, 1, Lane.METADATA, false),
  REMOVE_EXTENDED_ATTRIBUTE(
      0x133, ExtendedAttributeRequest.RemoveExtendedAttribute::decode, 1, Lane.METADATA, true),
  RESERVE_APPEND(0x140, FileRequest.ReserveAppend::decode, 1, Lane.METADATA, true),
  FINISH_APPEND(0x141, FileRequest.FinishAppend::decode, 1, Lane.METADATA, false),
  CHANGE_RANGE(0x142, FileRequest.ChangeRange::decode, 1, Lane.METADATA, true),
  RECALL(0x160, RecallRequest.Recall::decode, 1, Lane.METADATA, false),
  AWAIT_RECALLS(0x161, RecallRequest.AwaitRecalls::decode, 1, Lane.METADATA, false),
  WRITE_CHUNKS(0x200, DataRequest.WriteChunks::decode, 1, Lane.DATA, false),
  READ_CHUNKS(0x201, DataRequest.ReadChunks::decode, 1, Lane.DATA, false),
  DISCARD_CHUNKS(0x202, DataRequest.DiscardChunks::decode, 1, Lane.DATA, false),
  SYNC_CHUNKS(0x203, DataRequest.SyncChunks::decode, 1, Lane.DATA, false),
  SEEK_CHUNKS(0x210, DataRequest.SeekChunks::decode, 1, Lane.DATA, false),
  MEASURE_CHUNKS(0x211, DataRequest.MeasureChunks::decode, 1, Lane.DATA, false),
  ACQUIRE_DATA(0x212, DataRequest.AcquireData::decode, 1, Lane.DATA, false),
  PREPARE(0x300, TransactionRequest.Prepare::decode, 1, Lane.METADATA, false),
  DECIDE(0x301, TransactionRequest.Decide::decode, 1, Lane.METADATA, false),
  QUERY_OUTCOME(0x302, TransactionRequest.QueryOutcome::decode, 1, Lane.METADATA, false),
  BEGIN_STAGING(0x303, TransactionRequest.BeginStaging::decode, 1, Lane.METADATA, false),
  STAGE_ENTRIES(0x304, TransactionRequest.StageEntries::decode, 1, Lane.METADATA, false),
  GET_MAP(0x400, ControlRequest.GetMap::decode, 1, Lane.METADATA, false),
  INSTALL_MAP(0x401, ControlRequest.InstallMap::decode, 1, Lane.METADATA, false),
  GET_STATUS(0x402, ControlRequest.GetStatus::decode, 1, Lane.METADATA, false),
  GET_CAPACITY(0x403, ControlRequest.GetCapacity::decode, 1, Lane.METADATA, false),
  RENEW_SESSION(0x404, ControlRequest.RenewSession::decode, 1, Lane.METADATA, false),
  CLOSE_SESSION(0x405, ControlRequest.CloseSession::decode, 1, Lane.METADATA, false),
  SHUTDOWN(0x406, ControlRequest.Shutdown::decode, 1, Lane.METADATA, false),
  SCAN_INODES(0x407, ControlRequest.ScanInodes::decode, 1, Lane.METADATA, false),
  SCAN_ENTRIES(0x408, ControlRequest.ScanEntries::decode, 1, Lane.METADATA, false),
  SCAN_CHUNKS(0x409, ControlRequest.ScanChunks::decode, 1, Lane.METADATA, false),
  CHECK_STORAGE(0x40A, ControlRequest.CheckStorage::decode, 1, Lane.METADATA, false),
  SCAN_SHARES(0x40B, ControlRequest.ScanShares::decode, 1, Lane.METADATA, false),
  VERIFY_DATA(0x40E, ControlRequest.VerifyData::decode, 1, Lane.METADATA, false),
  RAFT_CALL(0x410, ControlRequest.RaftCall::decode, 1, Lane.METADATA, false),
  PROPOSE(0x411, ControlRequest.Propose::decode, 1, Lane.METADATA, false),
  GET_CONTROL(0x412, ControlRequest.GetControl::decode, 1, Lane.METADATA, false),
  FOLLOW_CONTROL(0x413, ControlRequest.FollowControl::decode, 1, Lane.METADATA, false),
  INTRODUCE(0x420, ControlRequest.Introduce::decode, 1, Lane.METADATA, false),
  ASK_TOKENS(0x421, ControlRequest.AskTokens::decode, 1, Lane.METADATA, false),
  GET_THROTTLED(0x422, ControlRequest.GetThrottled::decode, 1, Lane.METADATA, false),
  GET_STATISTICS(0x423, ControlRequest.GetStatistics::decode, 1, Lane.METADATA, false),
  MARK_LOST(0x430, ControlRequest.MarkLost::decode, 1, Lane.METADATA, false),
  DROP_CHUNKS(0x431, ControlRequest.DropChunks::decode, 1, Lane.METADATA, false),
  REMOVE_NAME(0x432, ControlRequest.RemoveName::decode, 1, Lane.METADATA, false),
  PUT_NAME(0x433, ControlRequest.PutName::decode, 1, Lane.METADATA, false),
  COUNT_ENTRIES(0x434, ControlRequest.CountEntries::decode, 1, Lane.METADATA, false),
  SET_NAMES(0x435, ControlRequest.SetNames::decode, 1, Lane.METADATA, false),
  REMOVE_PARTITION(0x436, ControlRequest.RemovePartition::decode, 1, Lane.METADATA, false),
  FORCE_STATE(0x437, ControlRequest.ForceState::decode, 1, Lane.METADATA, false),
  BEGIN_RECEIVE(0x500, MigrationRequest.BeginReceive::decode, 1, Lane.DATA, false),
  RECEIVE_RECORDS(0x501, MigrationRequest.ReceiveRecords::decode, 1, Lane.DATA, false),
  RECEIVE_CHUNK(0x502, MigrationRequest.ReceiveChunk::decode, 1, Lane.DATA, false),
  SYNC_RECEIVED(0x503, MigrationRequest.SyncReceived::decode, 1, Lane.DATA, false),
  FINISH_RECEIVE(0x504, MigrationRequest.FinishReceive::decode, 1, Lane.DATA, false),
  ABANDON_RECEIVE(0x505, MigrationRequest.AbandonReceive::decode, 1, Lane.DATA, false),
  DONE(0x800, Reply.Done::decode, 1, Lane.NONE, false),
  FAILED(0x801, Reply.Failed::decode, 1, Lane.NONE, false),
  ATTRIBUTES(0x802, Reply.Attributes::decode, 1, Lane.NONE, false),
  ENTRY(0x803, Reply.Entry::decode, 1, Lane.NONE, false),
  CREATED(0x804, Reply.Created::decode, 1, Lane.NONE, false),
  BYTES(0x805, Reply.Bytes::decode, 1, Lane.NONE, false),
  DIRECTORY_PAGE(0x806, Reply.DirectoryPage::decode, 1, Lane.NONE, false),
  INLINE(0x807, Reply.Inline::decode, 1, Lane.NONE, false),
  SPANS(0x808, Reply.Spans::decode, 1, Lane.NONE, false),
  PREPARED(0x809, Reply.Prepared::decode, 1, Lane.NONE, false),
  OUTCOME(0x80A, Reply.Outcome::decode, 1, Lane.NONE, false),
  MAP(0x80B, Reply.Map::decode, 1, Lane.NONE, false),
  STATUS(0x80C, Reply.Status::decode, 1, Lane.NONE, false),
  CAPACITY(0x80D, Reply.Capacity::decode, 1, Lane.NONE, false),
  INODE_PAGE(0x80E, Reply.InodePage::decode, 1, Lane.NONE, false),
  ENTRY_PAGE(0x80F, Reply.EntryPage::decode, 1, Lane.NONE, false),
  CHUNK_PAGE(0x810, Reply.ChunkPage::decode, 1, Lane.NONE, false),
  FINDINGS(0x811, Reply.Findings::decode, 1, Lane.NONE, false),
  SHARE_PAGE(0x812, Reply.SharePage::decode, 1, Lane.NONE, false),
  LOCK_STATE(0x820, Reply.LockState::decode, 1, Lane.NONE, false),
  LOCK_PENDING(0x821, Reply.LockPending::decode, 1, Lane.NONE, false),
  LOCK_WAITS(0x822, Reply.LockWaits::decode, 1, Lane.NONE, false),
  APPENDED(0x840, Reply.Appended::decode, 1, Lane.NONE, false),
  POSITION(0x841, Reply.Position::decode, 1, Lane.NONE, false),
  ALLOCATED(0x842, Reply.Allocated::decode, 1, Lane.NONE, false),
  DECIDED(0x850, Reply.Decided::decode, 1, Lane.NONE, false),
  LEADER(0x851, Reply.Leader::decode, 1, Lane.NONE, false),
  CONTROL(0x852, Reply.Control::decode, 1, Lane.NONE, false),
  CONTROL_NEWS(0x853, Reply.ControlNews::decode, 1, Lane.NONE, false),
  TOKENS(0x860, Reply.Tokens::decode, 1, Lane.NONE, false),
  THROTTLED(0x861, Reply.Throttled::decode, 1, Lane.NONE, false),
  STATISTICS(0x862, Reply.Statistics::decode, 1, Lane.NONE, false),
  RECALLS(0x870, Reply.Recalls::decode, 1, Lane.NONE, false),
  VERIFIED_DATA(0x890, Reply.VerifiedData::decode, 1, Lane.NONE, false);

  /** Kind of connection: metadata and bulk data never wait for each other. */
  public enum Lane {
    METADATA,
    DATA,
    /** Replies go where the request came from. */
    NONE
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
  private final int since;
  private final Lane lane;
  private final boolean stamped;

  MessageType(int code, Decoder decoder, int since, Lane lane, boolean stamped) {
    this.code = code;
    this.decoder = decoder;
    this.since = since;
    this.lane = lane;
    this.stamped = stamped;
  }

  public int code() {
    return code;
  }

  /** The protocol version that brought it. */
  public int since() {
    return since;
  }

  public Lane lane() {
    return lane;
  }

  /** Whether it carries an {@link OperationStamp}: not idempotent, its reply is stored. */
  public boolean stamped() {
    return stamped;
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
