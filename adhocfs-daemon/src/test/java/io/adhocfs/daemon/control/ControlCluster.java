package io.adhocfs.daemon.control;

import io.adhocfs.daemon.Waiting;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.control.raft.RaftLogs;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.transport.RpcServer;
import io.adhocfs.protocol.transport.RpcServerConfiguration;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Control planes of one instance in this process, over real connections. */
final class ControlCluster implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final String ID = "00112233445566778899aabbccddeeff";

  private final Path root;
  private final InstanceIdentity identity =
      new InstanceIdentity(ID, new byte[InstanceIdentity.SECRET_BYTES]);
  final List<Member> members = new ArrayList<>();

  /** One node, which may be down. */
  final class Member {
    final NodeId id;
    private final AtomicReference<@Nullable ReplicatedControlPlane> plane = new AtomicReference<>();
    private @Nullable RpcServer server;
    private @Nullable NettyRpcClient client;
    private @Nullable ClusterState cluster;
    private long incarnation;

    /** Nothing gets from here to those of another group or back; nobody is told. */
    private volatile int group;

    Member(NodeId id) {
      this.id = id;
    }

    /** Listens; what is asked before it has a map is refused. */
    ClusterMap.Node listen() throws Exception {
      incarnation++;
      var made =
          new RpcServer(new RpcServerConfiguration("127.0.0.1", 0, Optional.empty(), identity, id));
      server = made;
      made.start(
          new RequestHandler() {
            @Override
            public void handle(Exchange exchange, Request request, ByteBuf payload) {
              payload.release();
              ReplicatedControlPlane there = plane.get();
              if (there != null && request instanceof ControlRequest.Agreement asked) {
                there.handle(exchange, asked);
              } else {
                exchange.fail(FsError.OVERLOADED, "not yet");
              }
            }

            @Override
            public Epoch currentEpoch() {
              ClusterState known = cluster;
              return known == null ? Epoch.NONE : known.epoch();
            }

            @Override
            public void sessionConnected(SessionId session, PeerRole role) {}
          });
      return new ClusterMap.Node(id, "127.0.0.1", made.port(), "", incarnation, NodeState.ACTIVE);
    }

    void learn(ClusterMap map) throws Exception {
      Path directory = Files.createDirectories(root.resolve(id.toString()));
      ClusterState opened =
          ClusterState.open(SmallFile.at(directory.resolve(ClusterState.FILE_NAME)), id, map);
      cluster = opened;
      var made =
          new NettyRpcClient(
              identity,
              new SessionId(1000L + id.value() + 100_000L * incarnation),
              RequestHandler.PeerRole.DAEMON,
              1,
              opened.map());
      client = made;
      opened.onChange(made::useMap);
      plane.set(
          ReplicatedControlPlane.open(
              Threads.SYSTEM,
              files(),
              new RaftLogs(Threads.SYSTEM, directory.resolve("control"), id, ID),
              opened,
              new Cable(made),
              false,
              CrashPoints.NONE));
    }

    void cutOff(boolean now) {
      group = now ? 1 + id.value() : 0;
    }

    void joinGroup(int number) {
      group = number;
    }

    /** The way to the others. */
    private final class Cable implements RpcClient {
      private final RpcClient whole;

      Cable(RpcClient whole) {
        this.whole = whole;
      }

      @Override
      public CompletableFuture<Response> call(
          NodeId node,
          Request request,
          ByteBuf payload,
          TrafficClass trafficClass,
          int flags,
          Deadline deadline) {
        Member there = members.get(node.value());
        var answer = new CompletableFuture<Response>();
        // As TCP does: what does not get through now is sent again once it does.
        whenJoined(
            there,
            deadline,
            () -> {
              var _ =
                  whole
                      .call(node, request, payload, trafficClass, flags, deadline)
                      .whenComplete((response, error) ->
                          whenJoined(
                              there,
                              deadline,
                              () -> {
                                if (response != null) {
                                  answer.complete(response);
                                } else {
                                  answer.completeExceptionally(error);
                                }
                              },
                              () -> lost(answer, response == null ? null : response.payload())));
            },
            () -> lost(answer, payload));
        return answer;
      }

      private void lost(CompletableFuture<Response> answer, @Nullable ByteBuf payload) {
        if (payload != null) {
          payload.release();
        }
        answer.completeExceptionally(
            new FsException(FsError.TIMED_OUT, "lost between the groups").asCompletion());
      }

      private void whenJoined(Member there, Deadline deadline, Runnable action, Runnable late) {
        if (group == there.group) {
          action.run();
        } else if (deadline.passed()) {
          late.run();
        } else {
          CompletableFuture.delayedExecutor(10, TimeUnit.MILLISECONDS)
              .execute(() -> whenJoined(there, deadline, action, late));
        }
      }

      @Override
      public void useMap(ClusterMap map) {
        whole.useMap(map);
      }

      @Override
      public void close() {
        whole.close();
      }
    }

    /** Comes back at another address. */
    void restart() throws Exception {
      ClusterMap stored =
          ClusterState.stored(
              SmallFile.at(root.resolve(id.toString()).resolve(ClusterState.FILE_NAME)));
      if (stored == null) {
        throw new IllegalStateException(id + " has never been up");
      }
      learn(stored.withAddress(listen()));
    }

    boolean isUp() {
      return plane.get() != null;
    }

    ReplicatedControlPlane plane() {
      ReplicatedControlPlane up = plane.get();
      if (up == null) {
        throw new IllegalStateException(id + " is down");
      }
      return up;
    }

    ControlState state() {
      return plane().state();
    }

    ClusterState cluster() {
      ClusterState known = cluster;
      if (known == null) {
        throw new IllegalStateException(id + " has no map");
      }
      return known;
    }

    /** What its files hold now. */
    ControlFiles files() throws FsException {
      return ControlFiles.open(root.resolve(id.toString()).resolve("control"));
    }

    boolean hasLog() {
      String[] logs = root.resolve(id.toString()).resolve("control/log").toFile().list();
      return logs != null && logs.length > 0;
    }

    void stop() throws IOException {
      ReplicatedControlPlane up = plane.getAndSet(null);
      if (up != null) {
        up.stopAnswering();
      }
      if (server != null) {
        server.stop();
      }
      if (up != null) {
        up.close();
      }
      if (client != null) {
        client.close();
      }
      if (server != null) {
        server.close();
      }
    }
  }

  ControlCluster(Path root, int nodes) throws Exception {
    this.root = root;
    List<ClusterMap.Node> addresses = new ArrayList<>();
    for (int i = 0; i < nodes; i++) {
      var member = new Member(new NodeId(i));
      members.add(member);
      addresses.add(member.listen());
    }
    ClusterMap map = ClusterMap.initial(addresses);
    for (Member member : members) {
      member.learn(map);
    }
  }

  Member member(int node) {
    return members.get(node);
  }

  /** A further node that listens and has no map. */
  Member add() {
    var member = new Member(new NodeId(members.size()));
    members.add(member);
    return member;
  }

  /** The node whose log leads. */
  Member leader() {
    AtomicReference<@Nullable Member> found = new AtomicReference<>();
    Waiting.until(
        "a leader",
        () -> {
          found.set(
              members.stream()
                  .filter(member -> member.isUp() && member.plane().leads())
                  .findFirst()
                  .orElse(null));
          return found.get() != null;
        });
    Member leader = found.get();
    if (leader == null) {
      throw new IllegalStateException();
    }
    return leader;
  }

  /** Waits until what every node that is up knows is so. */
  void awaitEverywhere(String what, Predicate<ControlState> condition) {
    Waiting.until(
        what,
        () ->
            members.stream()
                .filter(Member::isUp)
                .allMatch(member -> condition.test(member.state())));
  }

  @Override
  public void close() throws IOException {
    for (Member member : members) {
      member.stop();
    }
  }
}
