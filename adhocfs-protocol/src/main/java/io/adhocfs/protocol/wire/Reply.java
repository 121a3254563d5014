package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockMode;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.statistics.PartyFigures;
import io.adhocfs.protocol.throttle.RuleFigures;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a daemon answers.
 *
 * <p>Long, since a family is one file: the compiler holds its services to all of it, and each
 * record is read and written a few lines from the next.
 */
public sealed interface Reply extends Message {
  /** Success, and nothing more to say. */
  record Done() implements Reply {
    @Override
    public MessageType type() {
      return MessageType.DONE;
    }

    @Override
    public void encode(WireWriter out) {}

    static Done decode(WireReader in) throws FsException {
      return new Done();
    }
  }

  /**
   * The request was not carried out, or not to the end.
   *
   * @param message names what was asked and what is wrong
   */
  record Failed(FsError error, String message) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.FAILED;
    }

    @Override
    public void encode(WireWriter out) {
      out.byteValue(error.code());
      out.text(message);
    }

    static Failed decode(WireReader in) throws FsException {
      return new Failed(FsError.ofCode(in.byteValue()), in.text());
    }
  }

  /** An inode as it is after the request. */
  record Attributes(FileAttributes attributes) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.ATTRIBUTES;
    }

    @Override
    public void encode(WireWriter out) {
      Values.writeAttributes(out, attributes);
    }

    static Attributes decode(WireReader in) throws FsException {
      return new Attributes(Values.readAttributes(in));
    }
  }

  /**
   * What a name stands for.
   *
   * @param attributes null when the inode lies at another node
   */
  record Entry(InodeId inode, FileType fileType, @Nullable FileAttributes attributes)
      implements Reply {
    @Override
    public MessageType type() {
      return MessageType.ENTRY;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.byteValue(fileType.code());
      writeOptional(out, attributes);
    }

    static Entry decode(WireReader in) throws FsException {
      return new Entry(in.inode(), FileType.ofCode(in.byteValue()), readOptional(in));
    }
  }

  /**
   * The new inode, or the one that had the name already.
   *
   * @param attributes null when an existing inode lies at another node
   */
  record Created(InodeId inode, boolean existed, @Nullable FileAttributes attributes)
      implements Reply {
    @Override
    public MessageType type() {
      return MessageType.CREATED;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(inode);
      out.flag(existed);
      writeOptional(out, attributes);
    }

    static Created decode(WireReader in) throws FsException {
      return new Created(in.inode(), in.flag(), readOptional(in));
    }
  }

  /** Bytes, such as a symlink's target. */
  record Bytes(byte[] bytes) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.BYTES;
    }

    @Override
    public void encode(WireWriter out) {
      out.bytes(bytes);
    }

    static Bytes decode(WireReader in) throws FsException {
      return new Bytes(in.bytes());
    }
  }

  /**
   * Entries in order of their hashes.
   *
   * @param last whether the partition ends here
   */
  record DirectoryPage(List<DirectoryEntry> entries, boolean last) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.DIRECTORY_PAGE;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(entries, (to, item) -> item.write(to));
      out.flag(last);
    }

    static DirectoryPage decode(WireReader in) throws FsException {
      return new DirectoryPage(DirectoryEntry.readAll(in), in.flag());
    }
  }

  /** Attributes, and as payload the inline bytes; none when the file is not inline. */
  record Inline(FileAttributes attributes) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.INLINE;
    }

    @Override
    public void encode(WireWriter out) {
      Values.writeAttributes(out, attributes);
    }

    static Inline decode(WireReader in) throws FsException {
      return new Inline(Values.readAttributes(in));
    }
  }

  /**
   * What became of each span, in the order of the request; the payload of a read has the bytes of
   * those that are OK.
   *
   * @param outcomes the OUTCOME constants
   */
  record Spans(byte[] outcomes) implements Reply {
    public static final byte OUTCOME_OK = 0;
    public static final byte OUTCOME_MOVED = 1;
    public static final byte OUTCOME_STALE = 2;
    public static final byte OUTCOME_NO_SPACE = 3;
    public static final byte OUTCOME_FAILED = 4;
    public static final byte OUTCOME_CORRUPT = 5;

    /** The bytes were lost with the node that had them. */
    public static final byte OUTCOME_LOST = 7;

    @Override
    public MessageType type() {
      return MessageType.SPANS;
    }

    @Override
    public void encode(WireWriter out) {
      out.bytes(outcomes);
    }

    static Spans decode(WireReader in) throws FsException {
      return new Spans(in.bytes());
    }
  }

  /**
   * The receiver will follow the decision.
   *
   * @param inodes one per change: the inode that it makes, else NONE
   */
  record Prepared(List<InodeId> inodes) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.PREPARED;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(inodes, WireWriter::inode);
    }

    static Prepared decode(WireReader in) throws FsException {
      return new Prepared(readInodes(in));
    }
  }

  /** What became of a transaction. */
  record Outcome(Decision decision) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.OUTCOME;
    }

    @Override
    public void encode(WireWriter out) {
      out.byteValue(decision.code());
    }

    static Outcome decode(WireReader in) throws FsException {
      return new Outcome(Decision.ofCode(in.byteValue()));
    }
  }

  /**
   * A cluster map, and the switches that have been set.
   *
   * @param settingsEpoch as of which the switches are known; may be before or after the map's
   */
  record Map(ClusterMap map, Epoch settingsEpoch, List<SettingChange> settings) implements Reply {
    public Map {
      settings = List.copyOf(settings);
    }

    @Override
    public MessageType type() {
      return MessageType.MAP;
    }

    @Override
    public void encode(WireWriter out) {
      Values.writeMap(out, map);
      out.longValue(settingsEpoch.value());
      ControlValues.writeChanges(out, settings);
    }

    static Map decode(WireReader in) throws FsException {
      return new Map(Values.readMap(in), new Epoch(in.longValue()), ControlValues.readChanges(in));
    }
  }

  /** What a daemon is and does. */
  record Status(NodeStatus status) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.STATUS;
    }

    @Override
    public void encode(WireWriter out) {
      status.write(out);
    }

    static Status decode(WireReader in) throws FsException {
      return new Status(NodeStatus.read(in));
    }
  }

  /**
   * Space of a daemon's storage.
   *
   * @param inodesUsed files and directories that it keeps
   */
  record Capacity(StorageSpace space, long inodesUsed) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.CAPACITY;
    }

    @Override
    public void encode(WireWriter out) {
      NodeStatus.write(out, space);
      out.longValue(inodesUsed);
    }

    static Capacity decode(WireReader in) throws FsException {
      return new Capacity(NodeStatus.readSpace(in), in.longValue());
    }
  }

  /**
   * Inodes of a scan.
   *
   * @param cursor empty = that was all
   */
  record InodePage(List<ScannedInode> inodes, byte[] cursor) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.INODE_PAGE;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(inodes, (to, item) -> item.write(to));
      out.bytes(cursor);
    }

    static InodePage decode(WireReader in) throws FsException {
      return new InodePage(ScannedInode.readAll(in), in.bytes());
    }
  }

  /** Dentries of a scan. */
  record EntryPage(List<ScannedEntry> entries, byte[] cursor) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.ENTRY_PAGE;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(entries, (to, item) -> item.write(to));
      out.bytes(cursor);
    }

    static EntryPage decode(WireReader in) throws FsException {
      return new EntryPage(ScannedEntry.readAll(in), in.bytes());
    }
  }

  /** Chunks of a scan. */
  record ChunkPage(List<ScannedChunk> chunks, byte[] cursor) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.CHUNK_PAGE;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(chunks, (to, item) -> item.write(to));
      out.bytes(cursor);
    }

    static ChunkPage decode(WireReader in) throws FsException {
      return new ChunkPage(ScannedChunk.readAll(in), in.bytes());
    }
  }

  /** Chunks of a scan. */
  record SharePage(List<ScannedShare> shares, byte[] cursor) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.SHARE_PAGE;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(shares, (to, item) -> item.write(to));
      out.bytes(cursor);
    }

    static SharePage decode(WireReader in) throws FsException {
      return new SharePage(ScannedShare.readAll(in), in.bytes());
    }
  }

  /** What does not fit, one sentence each. */
  record Findings(List<String> findings) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.FINDINGS;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(findings, WireWriter::text);
    }

    static Findings decode(WireReader in) throws FsException {
      return new Findings(readTexts(in));
    }
  }

  /**
   * Chunks that were compared with their checksums.
   *
   * @param findings a sentence for each that is not as it was written
   * @param openChunks how many of them have parts without checksums, since they are in use
   * @param cursor where to go on; empty = that was all
   */
  record VerifiedData(
      List<String> findings, long chunks, long openChunks, long bytes, byte[] cursor)
      implements Reply {
    @Override
    public MessageType type() {
      return MessageType.VERIFIED_DATA;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(findings, WireWriter::text);
      out.longValue(chunks);
      out.longValue(openChunks);
      out.longValue(bytes);
      out.bytes(cursor);
    }

    static VerifiedData decode(WireReader in) throws FsException {
      return new VerifiedData(
          readTexts(in), in.longValue(), in.longValue(), in.longValue(), in.bytes());
    }
  }

  /**
   * A lock that is in the way.
   *
   * @param mode NONE = there is none, and the rest means nothing
   * @param pid the holder's process, 0 if it is one of another session
   */
  record LockState(LockMode mode, long first, long last, int pid) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.LOCK_STATE;
    }

    @Override
    public void encode(WireWriter out) {
      out.byteValue(mode.code());
      out.longValue(first);
      out.longValue(last);
      out.intValue(pid);
    }

    static LockState decode(WireReader in) throws FsException {
      return new LockState(
          LockMode.ofCode(in.byteValue()), in.longValue(), in.longValue(), in.intValue());
    }
  }

  /** The wait for a lock has its place in the queue; to be sent again. */
  record LockPending(List<LockOwner> blockers) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.LOCK_PENDING;
    }

    @Override
    public void encode(WireWriter out) {
      LockWait.writeOwners(out, blockers);
    }

    static LockPending decode(WireReader in) throws FsException {
      return new LockPending(LockWait.readOwners(in));
    }
  }

  /**
   * Inodes of which a session has to drop what it keeps.
   *
   * @param number for the next question, once all of them have been dropped
   */
  record Recalls(long number, List<InodeId> inodes) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.RECALLS;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(number);
      out.list(inodes, WireWriter::inode);
    }

    static Recalls decode(WireReader in) throws FsException {
      return new Recalls(in.longValue(), in.list(Long.BYTES, WireReader::inode));
    }
  }

  /** What an owner of locks waits for. */
  record LockWaits(List<LockWait> waits) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.LOCK_WAITS;
    }

    @Override
    public void encode(WireWriter out) {
      LockWait.writeAll(out, waits);
    }

    static LockWaits decode(WireReader in) throws FsException {
      return new LockWaits(LockWait.readAll(in));
    }
  }

  /** Where a transaction stands. Codes are part of the wire format. */
  enum Decision {
    UNDECIDED(0),
    COMMITTED(1),
    ABORTED(2);

    private final int code;

    Decision(int code) {
      this.code = code;
    }

    int code() {
      return code;
    }

    static Decision ofCode(int code) {
      return switch (code) {
        case 0 -> UNDECIDED;
        case 1 -> COMMITTED;
        case 2 -> ABORTED;
        default -> throw new IllegalArgumentException("decision " + code);
      };
    }
  }

  static void writeOptional(WireWriter out, @Nullable FileAttributes attributes) {
    out.flag(attributes != null);
    if (attributes != null) {
      Values.writeAttributes(out, attributes);
    }
  }

  static @Nullable FileAttributes readOptional(WireReader in) throws FsException {
    return in.flag() ? Values.readAttributes(in) : null;
  }

  private static List<InodeId> readInodes(WireReader in) throws FsException {
    return in.list(8, WireReader::inode);
  }

  private static List<String> readTexts(WireReader in) throws FsException {
    return in.list(4, WireReader::text);
  }

  /**
   * Room for an append.
   *
   * @param attributes with the generation under which to store the bytes
   * @param done whether the bytes are there already
   */
  record Appended(FileAttributes attributes, long offset, boolean done) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.APPENDED;
    }

    @Override
    public void encode(WireWriter out) {
      Values.writeAttributes(out, attributes);
      out.longValue(offset);
      out.flag(done);
    }

    static Appended decode(WireReader in) throws FsException {
      return new Appended(Values.readAttributes(in), in.longValue(), in.flag());
    }
  }

  /**
   * A place in a file.
   *
   * @param offset Long.MAX_VALUE = there is none
   */
  record Position(long offset) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.POSITION;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(offset);
    }

    static Position decode(WireReader in) throws FsException {
      return new Position(in.longValue());
    }
  }

  /** Space that something takes. */
  record Allocated(long bytes) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.ALLOCATED;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(bytes);
    }

    static Allocated decode(WireReader in) throws FsException {
      return new Allocated(in.longValue());
    }
  }

  /**
   * What became of a command.
   *
   * @param version of the state that it was decided on
   */
  record Decided(io.adhocfs.protocol.control.Outcome outcome, long version) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.DECIDED;
    }

    @Override
    public void encode(WireWriter out) {
      ControlValues.writeOutcome(out, outcome);
      out.longValue(version);
    }

    static Decided decode(WireReader in) throws FsException {
      return new Decided(ControlValues.readOutcome(in), in.longValue());
    }
  }

  /**
   * The receiver does not lead the control plane.
   *
   * @param nodeValue id of the node that it takes for the leader; -1 = it knows none
   */
  record Leader(int nodeValue) implements Reply {
    public static final int NONE = -1;

    public Leader {
      if (nodeValue < NONE || nodeValue > NodeId.MAX) {
        throw new IllegalArgumentException("leader " + nodeValue);
      }
    }

    @Override
    public MessageType type() {
      return MessageType.LEADER;
    }

    @Override
    public void encode(WireWriter out) {
      out.intValue(nodeValue);
    }

    static Leader decode(WireReader in) throws FsException {
      return new Leader(in.intValue());
    }
  }

  /** The state of the control plane as the receiver knows it. */
  record Control(ControlState state) implements Reply {
    @Override
    public MessageType type() {
      return MessageType.CONTROL;
    }

    @Override
    public void encode(WireWriter out) {
      ControlValues.writeState(out, state);
    }

    static Control decode(WireReader in) throws FsException {
      return new Control(ControlValues.readState(in));
    }
  }

  /** The commands that changed the state since the version asked about, in order; maybe none. */
  record ControlNews(List<ControlCommand> commands) implements Reply {
    public ControlNews {
      commands = List.copyOf(commands);
    }

    @Override
    public MessageType type() {
      return MessageType.CONTROL_NEWS;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(commands, ControlValues::writeCommand);
    }

    static ControlNews decode(WireReader in) throws FsException {
      return new ControlNews(in.list(COMMAND_BYTES_MIN, ControlValues::readCommand));
    }

    private static final int COMMAND_BYTES_MIN = 5;
  }

  /** Tokens for each of the wants that were asked for. */
  record Tokens(List<Long> given) implements Reply {
    public Tokens {
      given = List.copyOf(given);
    }

    @Override
    public MessageType type() {
      return MessageType.TOKENS;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(given, WireWriter::longValue);
    }

    static Tokens decode(WireReader in) throws FsException {
      return new Tokens(in.list(Long.BYTES, WireReader::longValue));
    }
  }

  /**
   * What rules have done at a daemon.
   *
   * @param jobs that have introduced themselves there
   */
  record Throttled(List<RuleFigures> figures, List<String> jobs) implements Reply {
    public Throttled {
      figures = List.copyOf(figures);
      jobs = List.copyOf(jobs);
    }

    @Override
    public MessageType type() {
      return MessageType.THROTTLED;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(figures, ThrottleValues::writeFigures);
      out.list(jobs, WireWriter::text);
    }

    static Throttled decode(WireReader in) throws FsException {
      List<RuleFigures> figures =
          in.list(ThrottleValues.ITEM_BYTES_MIN, ThrottleValues::readFigures);
      return new Throttled(figures, readTexts(in));
    }
  }

  /**
   * What a daemon has done for jobs.
   *
   * @param next where the next page begins; 0 = there is none
   */
  record Statistics(List<PartyFigures> parties, long next) implements Reply {
    public Statistics {
      parties = List.copyOf(parties);
    }

    @Override
    public MessageType type() {
      return MessageType.STATISTICS;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(parties, StatisticsValues::writeParty);
      out.longValue(next);
    }

    static Statistics decode(WireReader in) throws FsException {
      return new Statistics(
          in.list(ThrottleValues.ITEM_BYTES_MIN, StatisticsValues::readParty), in.longValue());
    }
  }
}
