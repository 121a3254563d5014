package io.adhocfs.daemon.control.raft;

import io.adhocfs.daemon.control.VoterLog.Call;
import io.adhocfs.daemon.control.VoterLog.Peers;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteReplyProto;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionReplyProto;
import org.apache.ratis.proto.RaftProtos.StartLeaderElectionRequestProto;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.rpc.RpcFactory;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerRpc;
import org.apache.ratis.server.ServerFactory;

/**
 * Carries the library's calls over our own connections: it opens no socket, and whoever it talks to
 * has proved that it belongs to the instance.
 */
final class RaftTransport implements RaftServerRpc {
  /** How the library finds its way here: by the name of this class, then by its parameters. */
  static final class Type implements RpcType {
    private static final String PEERS = "adhocfs.peers";

    Type() {}

    /** The parameters with which this type's factory makes a transport. */
    static Parameters parameters(Peers peers) {
      var parameters = new Parameters();
      var _ = parameters.put(PEERS, peers, Peers.class);
      return parameters;
    }

    @Override
    public String name() {
      return Type.class.getName();
    }

    @Override
    public RpcFactory newFactory(Parameters parameters) {
      return new Factory(this, parameters.getNonNull(PEERS, Peers.class));
    }
  }

  private record Factory(Type type, Peers peers) implements ServerFactory {
    @Override
    public RpcType getRpcType() {
      return type;
    }

    @Override
    public RaftServerRpc newRaftServerRpc(RaftServer server) {
      return new RaftTransport(type, peers);
    }
  }

  private static final long CALL_MILLIS_MAX = 2_000;

  /** A vote that comes later than this is of an election that is over. */
  private static final long VOTE_MILLIS_MAX = 700;

  private final Type type;
  private final Peers peers;

  private RaftTransport(Type type, Peers peers) {
    this.type = type;
    this.peers = peers;
  }

  /** Reads what an answer holds. */
  private interface Parser<T> {
    T parse(byte[] bytes) throws IOException;
  }

  private <T> T send(
      RaftRpcRequestProto header, Call call, byte[] body, long timeoutMillis, Parser<T> parser)
      throws IOException {
    RaftPeerId peer = RaftPeerId.valueOf(header.getReplyId());
    CompletableFuture<byte[]> answer =
        peers.call(RaftVoter.nodeValue(peer), call, body, timeoutMillis);
    try {
      return parser.parse(answer.get(timeoutMillis + 100, TimeUnit.MILLISECONDS));
    } catch (InterruptedException e) {
      answer.cancel(false);
      Thread.currentThread().interrupt();
      var interrupted = new InterruptedIOException(call + " to " + peer);
      interrupted.initCause(e);
      throw interrupted;
    } catch (TimeoutException e) {
      answer.cancel(false);
      throw new IOException(call + " to " + peer + " was not answered", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException failure
          ? failure
          : new IOException(call + " to " + peer, e.getCause());
    }
  }

  @Override
  public RequestVoteReplyProto requestVote(RequestVoteRequestProto request) throws IOException {
    return send(
        request.getServerRequest(),
        Call.REQUEST_VOTE,
        request.toByteArray(),
        VOTE_MILLIS_MAX,
        RequestVoteReplyProto::parseFrom);
  }

  @Override
  public AppendEntriesReplyProto appendEntries(AppendEntriesRequestProto request)
      throws IOException {
    return send(
        request.getServerRequest(),
        Call.APPEND_ENTRIES,
        request.toByteArray(),
        CALL_MILLIS_MAX,
        AppendEntriesReplyProto::parseFrom);
  }

  @Override
  public InstallSnapshotReplyProto installSnapshot(InstallSnapshotRequestProto request)
      throws IOException {
    return send(
        request.getServerRequest(),
        Call.INSTALL_SNAPSHOT,
        request.toByteArray(),
        CALL_MILLIS_MAX,
        InstallSnapshotReplyProto::parseFrom);
  }

  @Override
  public StartLeaderElectionReplyProto startLeaderElection(StartLeaderElectionRequestProto request)
      throws IOException {
    return send(
        request.getServerRequest(),
        Call.START_LEADER_ELECTION,
        request.toByteArray(),
        CALL_MILLIS_MAX,
        StartLeaderElectionReplyProto::parseFrom);
  }

  @Override
  public RpcType getRpcType() {
    return type;
  }

  /** Peers are known by their node ids; where they are is the map's business. */
  @Override
  public void addRaftPeers(Collection<RaftPeer> added) {}

  @Override
  public void handleException(RaftPeerId peer, Exception reason, boolean reconnect) {}

  @Override
  public void start() {}

  /** The library wants an address to show; there is none. */
  @Override
  public InetSocketAddress getInetSocketAddress() {
    return InetSocketAddress.createUnresolved("node", 0);
  }

  @Override
  public void close() {}
}
