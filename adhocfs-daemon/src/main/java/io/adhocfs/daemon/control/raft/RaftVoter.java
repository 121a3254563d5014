package io.adhocfs.daemon.control.raft;

import io.adhocfs.daemon.control.VoterLog;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
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
 * A running server of the library, whose voters never change. Thread-safe; starting and closing
 * block.
 *
 * <p>The library can replace voters in a running log, and is not asked to: while it does, those
 * that leave stop as soon as they miss their leader, those that come do not vote before a leader
 * has told them to, and neither votes after a restart, so two groups that were apart at that moment
 * never agree on anything again.
 */
final class RaftVoter implements VoterLog {
  /** Longer than a JVM is stopped by garbage collection or a busy machine. */
  private static final int ELECTION_MILLIS_MIN = 500;

  private static final int ELECTION_MILLIS_MAX = 1000;

  /** More that wait are refused. */
  private static final int WAITING_MAX = 256;

  private static final AtomicLong CALL_IDS = new AtomicLong(1);

  private final RaftServer server;
  private final RaftGroupId group;
  private final RaftPeerId self;
  private final ClientId client = ClientId.randomId();

  /**
   * For what is asked of this server, which takes a lock to answer that it may keep for as long as
   * a leader needs to step down. One that closes may keep those who ask for good: it waits for them
   * with its lock held, and they wait for the lock. So no successor shares them.
   */
  private final ExecutorService asking;

  /** For the calls of other voters, which must not wait behind what is asked here. */
  private final ExecutorService serving;

  private RaftVoter(RaftServer server, RaftGroupId group, RaftPeerId self, Threads threads) {
    this.server = server;
    this.group = group;
    this.self = self;
    asking = threads.few("adhocfs-control-asks", WAITING_MAX);
    serving = threads.few("adhocfs-control-serves", WAITING_MAX);
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
      Threads threads,
      Path directory,
      NodeId self,
      String instanceId,
      int configuration,
      List<NodeId> voters,
      Entries entries,
      Peers peers)
      throws FsException {
    byte[] id = (instanceId + '/' + configuration).getBytes(StandardCharsets.US_ASCII);
    RaftGroupId group = RaftGroupId.valueOf(UUID.nameUUIDFromBytes(id));
    RaftPeerId peer = peerId(self);
    RaftServer server = null;
    try {
      Path own = directory.resolve(Integer.toString(configuration));
      Path groupDirectory = own.resolve(group.getUuid().toString());
      if (!Files.exists(groupDirectory.resolve("current").resolve("raft-meta"))) {
        // Of a start that was cut short: it has neither voted nor stored anything.
        RaftLogs.delete(groupDirectory);
      }
      boolean known = Files.exists(groupDirectory);
      Files.createDirectories(own);
      server =
          RaftServer.newBuilder()
              .setServerId(peer)
              .setGroup(RaftGroup.valueOf(group, voters.stream().map(RaftVoter::peer).toList()))
              .setStateMachine(new RaftStateMachine(entries))
              .setProperties(properties(own))
              .setParameters(RaftTransport.Type.parameters(peers))
              .setOption(
                  known ? RaftStorage.StartupOption.RECOVER : RaftStorage.StartupOption.FORMAT)
              .build();
      server.start();
      return new RaftVoter(server, group, peer, threads);
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

  private RaftServer.Division division() throws IOException {
    return server.getDivision(group);
  }

  @Override
  public boolean isAlive() {
    try {
      return server.getLifeCycleState() == LifeCycle.State.RUNNING
          && division().getInfo().isAlive();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public boolean leads() {
    try {
      DivisionInfo info = division().getInfo();
      return info.isLeader() && info.isLeaderReady();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public int leaderValue() {
    try {
      RaftPeerId leader = division().getInfo().getLeaderId();
      return leader == null ? -1 : nodeValue(leader);
    } catch (IOException e) {
      return -1;
    }
  }

  @Override
  public CompletableFuture<Appended> append(byte[] entry) {
    var answer = new CompletableFuture<Appended>();
    try {
      asking.execute(() -> {
        var _ = ask(entry).whenComplete((appended, _) -> answer.complete(appended));
      });
    } catch (RejectedExecutionException e) {
      return CompletableFuture.completedFuture(
          new Appended.Elsewhere(-1, "the log of this node does not answer"));
    }
    return answer;
  }

  /** May block. Never completes exceptionally. */
  private CompletableFuture<Appended> ask(byte[] entry) {
    try {
      return server
          .submitClientRequestAsync(
              RaftClientRequest.newBuilder()
                  .setClientId(client)
                  .setServerId(self)
                  .setGroupId(group)
                  .setCallId(CALL_IDS.getAndIncrement())
                  .setMessage(Message.valueOf(ByteString.copyFrom(entry)))
                  .setType(RaftClientRequest.writeRequestType())
                  .build())
          .handle(this::appended);
    } catch (IOException | RuntimeException e) {
      return CompletableFuture.completedFuture(new Appended.Elsewhere(-1, e.toString()));
    }
  }

  private Appended appended(@Nullable RaftClientReply reply, @Nullable Throwable error) {
    if (reply == null) {
      return new Appended.Elsewhere(-1, String.valueOf(error));
    }
    if (reply.isSuccess()) {
      return new Appended.Applied(reply.getMessage().getContent().toByteArray());
    }
    NotLeaderException elsewhere = reply.getNotLeaderException();
    RaftPeer leader = elsewhere == null ? null : elsewhere.getSuggestedLeader();
    return new Appended.Elsewhere(
        leader == null ? leaderValue() : nodeValue(leader.getId()),
        String.valueOf(reply.getException()));
  }

  @Override
  public CompletableFuture<byte[]> serve(Call call, byte[] body) {
    var answer = new CompletableFuture<byte[]>();
    try {
      serving.execute(() -> {
        try {
          var _ =
              answered(call, body)
                  .whenComplete((bytes, error) -> {
                    if (bytes != null) {
                      answer.complete(bytes);
                    } else {
                      answer.completeExceptionally(error);
                    }
                  });
        } catch (IOException | RuntimeException e) {
          answer.completeExceptionally(e);
        }
      });
    } catch (RejectedExecutionException e) {
      answer.completeExceptionally(new IOException("too many calls wait here", e));
    }
    return answer;
  }

  /** May block. */
  private CompletableFuture<byte[]> answered(Call call, byte[] body) throws IOException {
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
}
