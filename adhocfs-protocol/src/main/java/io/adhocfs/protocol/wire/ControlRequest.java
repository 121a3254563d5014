package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.TokenWant;
import java.util.List;

/**
 * About a daemon itself: asked at a node, not at a slot.
 *
 * <p>Long, since a family is one file: the compiler holds its services to all of it, and each
 * record is read and written a few lines from the next.
 */
public sealed interface ControlRequest extends Request {
  @Override
  default int slotValue() {
    return NO_SLOT;
  }

  /** About the process: answered from its start on, also before it has a map. */
  sealed interface OfDaemon extends ControlRequest {}

  /** About what daemons agree on: answered as soon as a map is known, by the control plane. */
  sealed interface Agreement extends ControlRequest {}

  /** About those on whose behalf requests come: who they are, what they may do and have done. */
  sealed interface Accounting extends ControlRequest {}

  /**
   * Mends what a loss or a defect has left, record by record. Only commands are answered; BUSY
   * where an operation is under way that holds what is to be mended.
   */
  sealed interface Repairing extends ControlRequest {}

  /** The receiver's cluster map. */
  record GetMap() implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.GET_MAP;
    }

    @Override
    public void encode(WireWriter out) {}

    static GetMap decode(WireReader in) throws FsException {
      return new GetMap();
    }
  }

  /**
   * Gives the receiver a map; it keeps the newer of this and its own, with each node's newest
   * address.
   */
  record InstallMap(ClusterMap map) implements OfDaemon {
    @Override
    public MessageType type() {
      return MessageType.INSTALL_MAP;
    }

    @Override
    public void encode(WireWriter out) {
      Values.writeMap(out, map);
    }

    static InstallMap decode(WireReader in) throws FsException {
      return new InstallMap(Values.readMap(in));
    }
  }

  /** What the daemon is and does. */
  record GetStatus() implements OfDaemon {
    @Override
    public MessageType type() {
      return MessageType.GET_STATUS;
    }

    @Override
    public void encode(WireWriter out) {}

    static GetStatus decode(WireReader in) throws FsException {
      return new GetStatus();
    }
  }

  /** Space and inodes of the daemon's storage. */
  record GetCapacity() implements OfDaemon {
    @Override
    public MessageType type() {
      return MessageType.GET_CAPACITY;
    }

    @Override
    public void encode(WireWriter out) {}

    static GetCapacity decode(WireReader in) throws FsException {
      return new GetCapacity();
    }
  }

  /** Keeps the connection's session alive at the receiver; every other request does so too. */
  record RenewSession() implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.RENEW_SESSION;
    }

    @Override
    public void encode(WireWriter out) {}

    static RenewSession decode(WireReader in) throws FsException {
      return new RenewSession();
    }
  }

  /** Ends the connection's session at the receiver: pins and stored replies go. */
  record CloseSession() implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.CLOSE_SESSION;
    }

    @Override
    public void encode(WireWriter out) {}

    static CloseSession decode(WireReader in) throws FsException {
      return new CloseSession();
    }
  }

  /**
   * Stops the daemon after this answer.
   *
   * @param removeData whether its storage directory goes too
   */
  record Shutdown(boolean removeData) implements OfDaemon {
    @Override
    public MessageType type() {
      return MessageType.SHUTDOWN;
    }

    @Override
    public void encode(WireWriter out) {
      out.flag(removeData);
    }

    static Shutdown decode(WireReader in) throws FsException {
      return new Shutdown(in.flag());
    }
  }

  /**
   * A page of the inodes that the receiver keeps.
   *
   * @param cursor empty = from the start, else as the last page gave it
   */
  record ScanInodes(byte[] cursor, int maxItems) implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.SCAN_INODES;
    }

    @Override
    public void encode(WireWriter out) {
      out.bytes(cursor);
      out.intValue(maxItems);
    }

    static ScanInodes decode(WireReader in) throws FsException {
      return new ScanInodes(in.bytes(), in.intValue());
    }
  }

  /** A page of the dentries that the receiver keeps. */
  record ScanEntries(byte[] cursor, int maxItems) implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.SCAN_ENTRIES;
    }

    @Override
    public void encode(WireWriter out) {
      out.bytes(cursor);
      out.intValue(maxItems);
    }

    static ScanEntries decode(WireReader in) throws FsException {
      return new ScanEntries(in.bytes(), in.intValue());
    }
  }

  /** A page of the chunks that the receiver keeps. */
  record ScanChunks(byte[] cursor, int maxItems) implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.SCAN_CHUNKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.bytes(cursor);
      out.intValue(maxItems);
    }

    static ScanChunks decode(WireReader in) throws FsException {
      return new ScanChunks(in.bytes(), in.intValue());
    }
  }

  /** A page of the chunks that the receiver keeps. */
  record ScanShares(byte[] cursor, int maxItems) implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.SCAN_SHARES;
    }

    @Override
    public void encode(WireWriter out) {
      out.bytes(cursor);
      out.intValue(maxItems);
    }

    static ScanShares decode(WireReader in) throws FsException {
      return new ScanShares(in.bytes(), in.intValue());
    }
  }

  /**
   * The receiver compares its chunk index with its chunk files, and its own records with each
   * other; what does not fit is named.
   */
  record CheckStorage() implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.CHECK_STORAGE;
    }

    @Override
    public void encode(WireWriter out) {}

    static CheckStorage decode(WireReader in) throws FsException {
      return new CheckStorage();
    }
  }

  /**
   * The receiver reads some of its chunks and compares them with their checksums.
   *
   * @param cursor empty = from the first, else as the last answer gave it
   * @param maxBytes about how many bytes to read
   */
  record VerifyData(byte[] cursor, long maxBytes) implements ControlRequest {
    @Override
    public MessageType type() {
      return MessageType.VERIFY_DATA;
    }

    @Override
    public void encode(WireWriter out) {
      out.bytes(cursor);
      out.longValue(maxBytes);
    }

    static VerifyData decode(WireReader in) throws FsException {
      return new VerifyData(in.bytes(), in.longValue());
    }
  }

  /**
   * One call of the replicated log's library, between voters. Only daemons are answered.
   *
   * @param call which one; the library's adapter knows the numbers
   * @param body as the library encodes it
   */
  record RaftCall(int call, byte[] body) implements Agreement {
    public RaftCall {
      if (call < 0 || call > 0xFF) {
        throw new IllegalArgumentException("call " + call);
      }
    }

    @Override
    public MessageType type() {
      return MessageType.RAFT_CALL;
    }

    @Override
    public void encode(WireWriter out) {
      out.byteValue(call);
      out.bytes(body);
    }

    static RaftCall decode(WireReader in) throws FsException {
      return new RaftCall(in.byteValue(), in.bytes());
    }
  }

  /**
   * Has a command agreed on: answered with {@link Reply.Decided} once it is, however long that
   * takes, up to the receiver's own bound.
   *
   * @param passOn whether a receiver that does not lead passes it on; else it answers {@link
   *     Reply.Leader}
   */
  record Propose(ControlCommand command, boolean passOn) implements Agreement {
    @Override
    public MessageType type() {
      return MessageType.PROPOSE;
    }

    @Override
    public void encode(WireWriter out) {
      ControlValues.writeCommand(out, command);
      out.flag(passOn);
    }

    static Propose decode(WireReader in) throws FsException {
      return new Propose(ControlValues.readCommand(in), in.flag());
    }
  }

  /** The newest state of the control plane that the receiver knows: {@link Reply.Control}. */
  record GetControl() implements Agreement {
    @Override
    public MessageType type() {
      return MessageType.GET_CONTROL;
    }

    @Override
    public void encode(WireWriter out) {}

    static GetControl decode(WireReader in) throws FsException {
      return new GetControl();
    }
  }

  /**
   * What has been agreed on since a state: {@link Reply.ControlNews} or, where that reaches too far
   * back, {@link Reply.Control}. Where there is nothing newer the answer waits.
   *
   * @param version of the state that the sender knows; -1 = none
   * @param waitMillis how long to wait for something newer before the answer is empty, at most
   *     {@link #WAIT_MILLIS_MAX}
   */
  record FollowControl(long version, int waitMillis) implements Agreement {
    public static final int WAIT_MILLIS_MAX = 60_000;

    public FollowControl {
      if (version < -1 || waitMillis < 0 || waitMillis > WAIT_MILLIS_MAX) {
        throw new IllegalArgumentException(
            "follow from version " + version + " for " + waitMillis + " ms");
      }
    }

    @Override
    public MessageType type() {
      return MessageType.FOLLOW_CONTROL;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(version);
      out.intValue(waitMillis);
    }

    static FollowControl decode(WireReader in) throws FsException {
      return new FollowControl(in.longValue(), in.intValue());
    }
  }

  /**
   * Says on whose behalf requests come that bear a number in their flags ({@link Frame}). Said
   * again whenever an answer's flags ask for it.
   */
  record Introduce(int number, String job, String step, int user) implements Accounting {
    public Introduce {
      if (number < 1 || number > Frame.PARTY_MAX) {
        throw new IllegalArgumentException("party " + number);
      }
      if (job.length() > Party.ID_CHARS_MAX || step.length() > Party.ID_CHARS_MAX) {
        throw new IllegalArgumentException("a job or step with a name that is too long");
      }
    }

    @Override
    public MessageType type() {
      return MessageType.INTRODUCE;
    }

    @Override
    public void encode(WireWriter out) {
      out.intValue(number);
      out.text(job);
      out.text(step);
      out.intValue(user);
    }

    static Introduce decode(WireReader in) throws FsException {
      return new Introduce(in.intValue(), in.text(), in.text(), in.intValue());
    }
  }

  /**
   * A daemon asks for tokens of limits that the receiver looks after; answered with {@link
   * Reply.Tokens} when those of a while are divided.
   */
  record AskTokens(List<TokenWant> wants) implements Accounting {
    public AskTokens {
      wants = List.copyOf(wants);
    }

    @Override
    public MessageType type() {
      return MessageType.ASK_TOKENS;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(wants, ThrottleValues::writeWant);
    }

    static AskTokens decode(WireReader in) throws FsException {
      return new AskTokens(in.list(ThrottleValues.ITEM_BYTES_MIN, ThrottleValues::readWant));
    }
  }

  /** What the rules have done at the receiver. */
  record GetThrottled() implements Accounting {
    @Override
    public MessageType type() {
      return MessageType.GET_THROTTLED;
    }

    @Override
    public void encode(WireWriter out) {}

    static GetThrottled decode(WireReader in) throws FsException {
      return new GetThrottled();
    }
  }

  /**
   * What the receiver has done for jobs: a page of those whose number is higher than one.
   *
   * @param after 0 = from the start, else {@link Reply.Statistics#next}
   */
  record GetStatistics(long after) implements Accounting {
    @Override
    public MessageType type() {
      return MessageType.GET_STATISTICS;
    }

    @Override
    public void encode(WireWriter out) {
      out.longValue(after);
    }

    static GetStatistics decode(WireReader in) throws FsException {
      return new GetStatistics(in.longValue());
    }
  }

  /**
   * Chunks of files, as far as they lie in lost slots of the receiver and it has no record of them,
   * are written down as lost. Answered with a {@link Reply.ChunkPage} of all that are lost there.
   */
  record MarkLost(List<FileRange> ranges) implements Repairing {
    public MarkLost {
      ranges = List.copyOf(ranges);
    }

    /**
     * Chunks of a file.
     *
     * @param dataGeneration of the file: where it has been cut since, nothing is written
     * @param lastChunk included
     */
    public record FileRange(
        InodeId inode, FileLayout layout, long dataGeneration, long firstChunk, long lastChunk) {
      private static final int ENCODED_BYTES_MIN = 40;

      public FileRange {
        if (firstChunk < 0 || lastChunk < firstChunk || lastChunk - firstChunk >= CHUNKS_MAX) {
          throw new IllegalArgumentException("chunks from " + firstChunk + " to " + lastChunk);
        }
      }

      void write(WireWriter out) {
        out.inode(inode);
        Values.writeLayout(out, layout);
        out.longValue(dataGeneration);
        out.longValue(firstChunk);
        out.longValue(lastChunk);
      }

      static FileRange read(WireReader in) throws FsException {
        return new FileRange(
            in.inode(), Values.readLayout(in), in.longValue(), in.longValue(), in.longValue());
      }
    }

    /** Chunks of all ranges of a request together. */
    public static final int CHUNKS_MAX = 16_384;

    @Override
    public MessageType type() {
      return MessageType.MARK_LOST;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(ranges, (to, range) -> range.write(to));
    }

    static MarkLost decode(WireReader in) throws FsException {
      return new MarkLost(in.list(FileRange.ENCODED_BYTES_MIN, FileRange::read));
    }
  }

  /** Chunks of the receiver that belong to no file go, with their bytes. */
  record DropChunks(List<ScannedChunk> chunks) implements Repairing {
    public DropChunks {
      chunks = List.copyOf(chunks);
    }

    @Override
    public MessageType type() {
      return MessageType.DROP_CHUNKS;
    }

    @Override
    public void encode(WireWriter out) {
      out.list(chunks, (to, chunk) -> chunk.write(to));
    }

    static DropChunks decode(WireReader in) throws FsException {
      return new DropChunks(ScannedChunk.readAll(in));
    }
  }

  /**
   * A name goes, if it lies in this slot and points to this inode; the directory's part there is
   * counted anew.
   */
  record RemoveName(int slotValue, EntryKey entry, InodeId inode) implements Repairing {
    @Override
    public MessageType type() {
      return MessageType.REMOVE_NAME;
    }

    @Override
    public void encode(WireWriter out) {
      out.intValue(slotValue);
      entry.write(out);
      out.inode(inode);
    }

    static RemoveName decode(WireReader in) throws FsException {
      return new RemoveName(in.intValue(), EntryKey.read(in), in.inode());
    }
  }

  /**
   * A directory has a name for an inode from now on; EXISTS where the name is taken by another
   * inode.
   */
  record PutName(EntryKey entry, InodeId inode, FileType fileType) implements Repairing {
    @Override
    public int slotValue() {
      return entry.slot().value();
    }

    @Override
    public MessageType type() {
      return MessageType.PUT_NAME;
    }

    @Override
    public void encode(WireWriter out) {
      entry.write(out);
      out.inode(inode);
      out.byteValue(fileType.code());
    }

    static PutName decode(WireReader in) throws FsException {
      return new PutName(EntryKey.read(in), in.inode(), FileType.ofCode(in.byteValue()));
    }
  }

  /**
   * The entries of a directory's partition are counted anew. A partition of which only the entries
   * are left, or nothing, is made anew, for what the directory's inode says.
   *
   * @param directory what its home says of it
   */
  record CountEntries(FileAttributes directory, int partition) implements Repairing {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(directory.id(), partition).value();
    }

    @Override
    public MessageType type() {
      return MessageType.COUNT_ENTRIES;
    }

    @Override
    public void encode(WireWriter out) {
      Values.writeAttributes(out, directory);
      out.intValue(partition);
    }

    static CountEntries decode(WireReader in) throws FsException {
      return new CountEntries(Values.readAttributes(in), in.intValue());
    }
  }

  /**
   * Of an inode the number of names, if it is no directory, and the parent, if it is one, are set.
   * One without names goes, unless somebody has it open. CHANGED where the inode is not as it was
   * seen.
   *
   * @param seen what the inode was when its names were counted
   */
  record SetNames(FileAttributes seen, int names, InodeId parent) implements Repairing {
    public SetNames {
      if (names < 0) {
        throw new IllegalArgumentException(names + " names");
      }
    }

    @Override
    public int slotValue() {
      return seen.id().slotValue();
    }

    @Override
    public MessageType type() {
      return MessageType.SET_NAMES;
    }

    @Override
    public void encode(WireWriter out) {
      Values.writeAttributes(out, seen);
      out.intValue(names);
      out.inode(parent);
    }

    static SetNames decode(WireReader in) throws FsException {
      return new SetNames(Values.readAttributes(in), in.intValue(), in.inode());
    }
  }

  /** What is kept of a directory's partition goes: the directory is not spread so. */
  record RemovePartition(InodeId directory, int partition) implements Repairing {
    @Override
    public int slotValue() {
      return Placement.partitionSlot(directory, partition).value();
    }

    @Override
    public MessageType type() {
      return MessageType.REMOVE_PARTITION;
    }

    @Override
    public void encode(WireWriter out) {
      out.inode(directory);
      out.intValue(partition);
    }

    static RemovePartition decode(WireReader in) throws FsException {
      return new RemovePartition(in.inode(), in.intValue());
    }
  }

  /**
   * The receiver takes over a state that nobody has voted on, if it is newer than the one it knows:
   * most of those that vote are lost, and those that are left decide.
   */
  record ForceState(ControlState state) implements Agreement {
    @Override
    public MessageType type() {
      return MessageType.FORCE_STATE;
    }

    @Override
    public void encode(WireWriter out) {
      ControlValues.writeState(out, state);
    }

    static ForceState decode(WireReader in) throws FsException {
      return new ForceState(ControlValues.readState(in));
    }
  }
}
