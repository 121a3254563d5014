package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.ControlValues;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.statemachine.impl.SimpleStateMachineStorage;
import org.apache.ratis.statemachine.impl.SingleFileSnapshotInfo;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.LifeCycle;
import org.apache.ratis.util.MD5FileUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies the replicated log to a state, up to and with the command that replaces the voters: what
 * comes behind that has no effect, for the new voters begin a log of their own with the state after
 * it. Changed by the library's one applying thread; read by any.
 */
final class ControlStateMachine extends BaseStateMachine {
  private static final Logger LOG = LoggerFactory.getLogger(ControlStateMachine.class);

  /** Hears of every newer state, in order, on the applying thread. */
  @FunctionalInterface
  interface Listener {
    /**
     * There is a newer state.
     *
     * @param command what led here from the state before; null = it came from a snapshot or the
     *     log's beginning
     */
    void advanced(ControlState state, @Nullable ControlCommand command);
  }

  private final SimpleStateMachineStorage storage = new SimpleStateMachineStorage();
  private final int configuration;
  private final Listener listener;

  /** Null until the log says what it begins with. */
  private volatile @Nullable ControlState state;

  /**
   * Has applied nothing.
   *
   * @param configuration of the voters whose log this is
   */
  ControlStateMachine(int configuration, Listener listener) {
    this.configuration = configuration;
    this.listener = listener;
  }

  /** The state so far, or null when the log has none yet. */
  @Nullable ControlState state() {
    return state;
  }

  /** Whether others vote now. */
  boolean superseded() {
    ControlState now = state;
    return now != null && now.configuration() > configuration;
  }

  @Override
  public void initialize(RaftServer server, RaftGroupId groupId, RaftStorage raftStorage)
      throws IOException {
    getLifeCycle()
        .startAndTransition(
            () -> {
              super.initialize(server, groupId, raftStorage);
              storage.init(raftStorage);
              load(storage.getLatestSnapshot());
            },
            IOException.class);
  }

  @Override
  public void pause() {
    getLifeCycle().transition(LifeCycle.State.PAUSING);
    getLifeCycle().transition(LifeCycle.State.PAUSED);
  }

  @Override
  public void reinitialize() throws IOException {
    load(storage.loadLatestSnapshot());
    if (getLifeCycleState() == LifeCycle.State.PAUSED) {
      getLifeCycle().transition(LifeCycle.State.STARTING);
      getLifeCycle().transition(LifeCycle.State.RUNNING);
    }
  }

  private void load(@Nullable SingleFileSnapshotInfo snapshot) throws IOException {
    if (snapshot == null) {
      return;
    }
    Path file = snapshot.getFile().getPath();
    MD5FileUtil.verifySavedMD5(file.toFile(), MD5FileUtil.computeMd5ForFile(file.toFile()));
    byte[] bytes = Files.readAllBytes(file);
    if (bytes.length > 0) {
      ControlState loaded = ControlValues.state(bytes);
      state = loaded;
      listener.advanced(loaded, null);
    }
    setLastAppliedTermIndex(snapshot.getTermIndex());
  }

  @Override
  public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
    var entry = transaction.getLogEntry();
    Message answer = Message.EMPTY;
    if (!superseded()) {
      LogEntry.Result result = apply(entry.getStateMachineLogEntry().getLogData().toByteArray());
      answer = Message.valueOf(ByteString.copyFrom(result.bytes()));
    }
    updateLastAppliedTermIndex(entry.getTerm(), entry.getIndex());
    return CompletableFuture.completedFuture(answer);
  }

  /** Never fails: every voter must come to the same result. */
  private LogEntry.Result apply(byte[] bytes) {
    ControlState before = state;
    LogEntry entry;
    try {
      entry = LogEntry.of(bytes);
    } catch (FsException e) {
      LOG.error("a log entry makes no sense reason=\"{}\"", e.getMessage());
      return result(Outcome.refused(String.valueOf(e.getMessage())), before);
    }
    return switch (entry) {
      case LogEntry.Found found -> {
        if (before != null) {
          yield result(Outcome.UNCHANGED, before);
        }
        state = found.state();
        listener.advanced(found.state(), null);
        yield result(Outcome.OK, found.state());
      }
      case LogEntry.Command said -> {
        if (before == null) {
          yield result(Outcome.refused("the log does not say what it begins with"), null);
        }
        ControlState.Applied applied = before.apply(said.command());
        if (applied.outcome().verdict() == Outcome.Verdict.OK) {
          state = applied.state();
          listener.advanced(applied.state(), said.command());
        }
        yield result(applied.outcome(), applied.state());
      }
    };
  }

  private static LogEntry.Result result(Outcome outcome, @Nullable ControlState after) {
    return new LogEntry.Result(outcome, after == null ? 0 : after.version());
  }

  /** Called on the applying thread, or with it stopped. */
  @Override
  public long takeSnapshot() throws IOException {
    TermIndex last = getLastAppliedTermIndex();
    ControlState now = state;
    Path file = storage.getSnapshotFile(last.getTerm(), last.getIndex()).toPath();
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    try (FileChannel out =
        FileChannel.open(
            draft,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = ByteBuffer.wrap(now == null ? new byte[0] : ControlValues.bytes(now));
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(true);
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    var sum = MD5FileUtil.computeAndSaveMd5ForFile(file.toFile());
    var _ = storage.updateLatestSnapshot(new SingleFileSnapshotInfo(new FileInfo(file, sum), last));
    return last.getIndex();
  }

  @Override
  public StateMachineStorage getStateMachineStorage() {
    return storage;
  }

  @Override
  public SingleFileSnapshotInfo getLatestSnapshot() {
    return storage.getLatestSnapshot();
  }

  @Override
  public void notifyLeaderChanged(
      org.apache.ratis.protocol.RaftGroupMemberId member,
      org.apache.ratis.protocol.@Nullable RaftPeerId leader) {
    LOG.info("the control plane is led by leader={}", leader == null ? "nobody" : leader);
  }
}
