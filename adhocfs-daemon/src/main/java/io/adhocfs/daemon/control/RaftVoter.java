package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.apache.ratis.RaftConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.exceptions.NotLeaderException;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.LifeCycle;
import org.apache.ratis.util.SizeInBytes;
import org.apache.ratis.util.TimeDuration;
import org.jspecify.annotations.Nullable;

/**
 * This daemon's part in the replicated log of one configuration: a running server of the library,
 * whose voters never change. Thread-safe; starting and closing block.
 *
 * <p>The library can replace voters in a running log, and is not asked to: while it does, those
 * that leave stop as soon as they miss their leader, those that come do not vote before a leader
 * has told them to, and neither votes after a restart, so two groups that were apart at that moment
 * never agree on anything again.
 */
final class RaftVoter implements AutoCloseable {
  /** Longer than a JVM is stopped by garbage collection or a busy machine. */
  private static final int ELECTION_MILLIS_MIN = 500;

  private static final int ELECTION_MILLIS_MAX = 1000;

  private static final long REHEARSAL_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);

  private static final AtomicLong CALL_IDS = new AtomicLong(1);

  /** What became of a submission. */
  sealed interface Submission {
    /** It was agreed on and applied. */
    record Applied(LogEntry.Result result) implements Submission {}

    /**
     * It was not, or may not have been; the leader, if one is known, is another.
     *
     * @param leaderValue id of the node that leads, -1 = unknown
     */
    record Elsewhere(int leaderValue, String reason) implements Submission {}
  }

  private final RaftServer server;
  private final RaftGroupId group;
  private final RaftPeerId self;
  private final int configuration;
  private final ControlStateMachine machine;
  private final ClientId client = ClientId.randomId();

  /**
   * For what is asked of this server. One that closes may keep those who ask for good: it waits for
   * them with its lock held, and they wait for the lock. So no successor shares them.
   */
  private final ThreadPoolExecutor asking = ControlThread.few("adhocfs-control-asks");

  /** For the calls of other voters, which must not wait behind what is asked here. */
  private final ThreadPoolExecutor serving = ControlThread.few("adhocfs-control-serves");

  private RaftVoter(
      RaftServer server,
      RaftGroupId group,
      RaftPeerId self,
      int configuration,
      ControlStateMachine machine) {
    this.server = server;
    this.group = group;
    this.self = self;
    this.configuration = configuration;
    this.machine = machine;
  }

  /**
   * Starts a voter on what its directory holds.
   *
   * @param directory of the logs of all configurations
   * @param instanceId 32 hexadecimal digits
   * @param voters of the configuration: the same wherever and whenever this is called
   * @throws FsException STORAGE_FAILED
   */
  static RaftVoter start(
      Path directory,
      NodeId self,
      String instanceId,
      int configuration,
      List<NodeId> voters,
      RaftTransport.Peers peers,
      ControlStateMachine.Listener listener)
      throws FsException {
    byte[] id = (instanceId + '/' + configuration).getBytes(StandardCharsets.US_ASCII);
    RaftGroupId group = RaftGroupId.valueOf(UUID.nameUUIDFromBytes(id));
    RaftPeerId peer = peerId(self);
    var machine = new ControlStateMachine(configuration, listener);
    RaftServer server = null;
    try {
      Path own = directory.resolve(Integer.toString(configuration));
      Path groupDirectory = own.resolve(group.getUuid().toString());
      if (!Files.exists(groupDirectory.resolve("current").resolve("raft-meta"))) {
        // Of a start that was cut short: it has neither voted nor stored anything.
        delete(groupDirectory);
      }
      boolean known = Files.exists(groupDirectory);
      Files.createDirectories(own);
      server =
          RaftServer.newBuilder()
              .setServerId(peer)
              .setGroup(RaftGroup.valueOf(group, voters.stream().map(RaftVoter::peer).toList()))
              .setStateMachine(machine)
              .setProperties(properties(own))
              .setParameters(RaftTransport.Type.parameters(peers))
              .setOption(
                  known ? RaftStorage.StartupOption.RECOVER : RaftStorage.StartupOption.FORMAT)
              .build();
      server.start();
      return new RaftVoter(server, group, peer, configuration, machine);
    } catch (IOException | RuntimeException e) {
      if (server != null) {
        try {
          server.close();
        } catch (IOException closing) {
          e.addSuppressed(closing);
        }
      }
      throw new FsException(
          FsError.STORAGE_FAILED, "the replicated log in " + directory + ": " + e, e);
    }
  }

  /**
   * Runs a log of its own for a moment: the library takes seconds in a process that has not used it
   * yet, and nothing is agreed on while new voters start.
   *
   * @param scratch is deleted before and after
   * @param state anything
   * @throws FsException STORAGE_FAILED
   */
  static void rehearse(Path scratch, NodeId self, ControlState state) throws FsException {
    try {
      delete(scratch);
      try (RaftVoter alone =
          start(
              scratch,
              self,
              "rehearsal",
              0,
              List.of(self),
              (_, _, _, _) -> CompletableFuture.failedFuture(new IOException("a rehearsal")),
              (_, _) -> {})) {
        long began = System.nanoTime();
        while (!alone.leads() && System.nanoTime() - began < REHEARSAL_NANOS_MAX) {
          LockSupport.parkNanos(5_000_000);
        }
        var _ =
            alone
                .submit(new LogEntry.Found(state))
                .completeOnTimeout(
                    new Submission.Elsewhere(-1, ""), REHEARSAL_NANOS_MAX, TimeUnit.NANOSECONDS)
                .join();
      }
      delete(scratch);
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "a log in " + scratch + ": " + e, e);
    }
  }

  private static RaftProperties properties(Path directory) {
    var p = new RaftProperties();
    RaftConfigKeys.Rpc.setType(p, new RaftTransport.Type());
    RaftServerConfigKeys.setStorageDir(p, List.of(directory.toFile()));
    RaftServerConfigKeys.setStorageFreeSpaceMin(p, SizeInBytes.valueOf("0"));
    // A daemon that was stopped for a while goes on when it is continued.
    RaftServerConfigKeys.setCloseThreshold(p, TimeDuration.valueOf(30, TimeUnit.DAYS));
    RaftServerConfigKeys.Rpc.setTimeoutMin(p, millis(ELECTION_MILLIS_MIN));
    RaftServerConfigKeys.Rpc.setTimeoutMax(p, millis(ELECTION_MILLIS_MAX));
    RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMin(p, millis(100));
    RaftServerConfigKeys.Rpc.setFirstElectionTimeoutMax(p, millis(200));
    RaftServerConfigKeys.Log.setSegmentSizeMax(p, SizeInBytes.valueOf("512KB"));
    RaftServerConfigKeys.Log.setPreallocatedSize(p, SizeInBytes.valueOf("64KB"));
    // It must hold one entry of the appender's size and 8 bytes.
    RaftServerConfigKeys.Log.setWriteBufferSize(p, SizeInBytes.valueOf("320KB"));
    RaftServerConfigKeys.Log.Appender.setBufferByteLimit(p, SizeInBytes.valueOf("256KB"));
    RaftServerConfigKeys.Log.Appender.setSnapshotChunkSizeMax(p, SizeInBytes.valueOf("1MB"));
    RaftServerConfigKeys.Log.setLogMetadataEnabled(p, false);
    RaftServerConfigKeys.Log.setPurgeUptoSnapshotIndex(p, true);
    RaftServerConfigKeys.Log.setPurgeGap(p, 1000);
    RaftServerConfigKeys.Log.setSegmentCacheNumMax(p, 2);
    RaftServerConfigKeys.Snapshot.setAutoTriggerEnabled(p, true);
    RaftServerConfigKeys.Snapshot.setAutoTriggerThreshold(p, 4000);
    RaftServerConfigKeys.Snapshot.setRetentionFileNum(p, 2);
    // One that was cut off must not be missed for long: it may be needed for a majority.
    RaftServerConfigKeys.LeaderElection.setLeaderStepDownWaitTime(p, millis(ELECTION_MILLIS_MAX));
    return p;
  }

  private static TimeDuration millis(int count) {
    return TimeDuration.valueOf(count, TimeUnit.MILLISECONDS);
  }

  private static RaftPeerId peerId(NodeId node) {
    return RaftPeerId.valueOf(node.toString());
  }

  private static RaftPeer peer(NodeId node) {
    return RaftPeer.newBuilder().setId(peerId(node)).build();
  }

  /** The node that a peer is: ids of peers are those of nodes as people read them. */
  static int nodeValue(RaftPeerId peer) {
    return Integer.parseInt(peer.toString().substring(1));
  }

  /** Where blocking questions to this server run. */
  Executor asking() {
    return asking;
  }

  /** Where other voters' calls are served. */
  Executor serving() {
    return serving;
  }

  /** Of the voters whose log this is. */
  int configuration() {
    return configuration;
  }

  private RaftServer.Division division() throws IOException {
    return server.getDivision(group);
  }

  /** Whether the library still runs: a disk that fails ends it. */
  boolean alive() {
    try {
      return server.getLifeCycleState() == LifeCycle.State.RUNNING
          && division().getInfo().isAlive();
    } catch (IOException e) {
      return false;
    }
  }

  /** Whether this node leads and has applied what its predecessors agreed on. */
  boolean leads() {
    try {
      DivisionInfo info = division().getInfo();
      return info.isLeader() && info.isLeaderReady() && !machine.superseded();
    } catch (IOException e) {
      return false;
    }
  }

  /** Id of the node that leads as far as this one knows; -1 = unknown. */
  int leaderValue() {
    try {
      RaftPeerId leader = division().getInfo().getLeaderId();
      return leader == null ? -1 : nodeValue(leader);
    } catch (IOException e) {
      return -1;
    }
  }

  /** The state that this node has applied, or null when the log has none yet. */
  @Nullable ControlState state() {
    return machine.state();
  }

  /**
   * Has an entry agreed on. May block. Completes on any thread and never exceptionally, but not
   * always: one that closes may leave it.
   */
  CompletableFuture<Submission> submit(LogEntry entry) {
    try {
      return server
          .submitClientRequestAsync(
              RaftClientRequest.newBuilder()
                  .setClientId(client)
                  .setServerId(self)
                  .setGroupId(group)
                  .setCallId(CALL_IDS.getAndIncrement())
                  .setMessage(Message.valueOf(ByteString.copyFrom(entry.bytes())))
                  .setType(RaftClientRequest.writeRequestType())
                  .build())
          .handle(this::submission);
    } catch (IOException | RuntimeException e) {
      return CompletableFuture.completedFuture(new Submission.Elsewhere(-1, e.toString()));
    }
  }

  private Submission submission(@Nullable RaftClientReply reply, @Nullable Throwable error) {
    if (reply == null) {
      return new Submission.Elsewhere(-1, String.valueOf(error));
    }
    if (reply.isSuccess()) {
      if (reply.getMessage().getContent().isEmpty()) {
        return new Submission.Elsewhere(-1, "others vote now");
      }
      try {
        return new Submission.Applied(
            LogEntry.Result.of(reply.getMessage().getContent().toByteArray()));
      } catch (FsException e) {
        return new Submission.Elsewhere(-1, e.toString());
      }
    }
    NotLeaderException elsewhere = reply.getNotLeaderException();
    RaftPeer leader = elsewhere == null ? null : elsewhere.getSuggestedLeader();
    return new Submission.Elsewhere(
        leader == null ? leaderValue() : nodeValue(leader.getId()),
        String.valueOf(reply.getException()));
  }

  /**
   * Answers another voter's call. May block.
   *
   * @throws IOException when the call makes no sense, or the server is not ready for it
   */
  CompletableFuture<byte[]> serve(RaftTransport.Call call, byte[] body) throws IOException {
    return switch (call) {
      case REQUEST_VOTE ->
          CompletableFuture.completedFuture(
              server.requestVote(RequestVoteRequestProto.parseFrom(body)).toByteArray());
      case APPEND_ENTRIES ->
          server
              .appendEntriesAsync(AppendEntriesRequestProto.parseFrom(body))
              .thenApply(reply -> reply.toByteArray());
      case INSTALL_SNAPSHOT ->
          CompletableFuture.completedFuture(
              server.installSnapshot(InstallSnapshotRequestProto.parseFrom(body)).toByteArray());
      case GET_READY -> throw new IOException("not a call of the library's");
      case START_LEADER_ELECTION ->
          CompletableFuture.completedFuture(
              server
                  .startLeaderElection(StartLeaderElectionRequestProto.parseFrom(body))
                  .toByteArray());
    };
  }

  @Override
  public void close() throws IOException {
    asking.shutdown();
    serving.shutdown();
    server.close();
  }

  /** Removes what voters of earlier configurations, all of them closed, have left. */
  static void deleteBefore(int configuration, Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> logs = Files.list(directory)) {
      for (Path log : logs.toList()) {
        String name = log.getFileName().toString();
        if (name.matches("\\d{1,9}") && Integer.parseInt(name) < configuration) {
          delete(log);
        }
      }
    }
  }

  private static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e)
              throws IOException {
            if (e != null) {
              throw e;
            }
            Files.deleteIfExists(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
