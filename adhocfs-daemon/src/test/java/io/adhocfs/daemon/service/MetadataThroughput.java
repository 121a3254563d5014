package io.adhocfs.daemon.service;

import io.adhocfs.daemon.chunk.ChunkStore;
import io.adhocfs.daemon.cluster.AgreedSwitches;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.crash.CrashPoints;
import io.adhocfs.daemon.data.StorageCheck;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metadata.NumberLimit;
import io.adhocfs.daemon.metadata.Workers;
import io.adhocfs.daemon.metrics.OperationMetrics;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.daemon.storage.RocksSlotStore;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.daemon.transaction.TransactionTiming;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.transport.RpcClient;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.NodeStatus;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.ScannedChunk;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * How many operations a second one metadata thread does, without a network: {@code main(directory,
 * operations)}.
 */
final class MetadataThroughput {
  private MetadataThroughput() {}

  private static final class Direct implements RequestHandler.Exchange {
    @Nullable Reply reply;

    @Override
    public SessionId session() {
      return new SessionId(7);
    }

    @Override
    public RequestHandler.PeerRole role() {
      return RequestHandler.PeerRole.CLIENT;
    }

    @Override
    public Epoch epoch() {
      return Epoch.FIRST;
    }

    @Override
    public TrafficClass trafficClass() {
      return TrafficClass.FOREGROUND;
    }

    @Override
    public void reply(Reply answer, ByteBuf payload) {
      reply = answer;
      payload.release();
    }

    @Override
    public void fail(FsError error, String message) {
      throw new AssertionError(error + " " + message);
    }
  }

  private static final class NoPeers implements RpcClient {
    @Override
    public CompletableFuture<Response> call(
        NodeId node,
        Request request,
        ByteBuf payload,
        TrafficClass trafficClass,
        int flags,
        Deadline deadline) {
      throw new AssertionError("one node asks nobody");
    }

    @Override
    public void useMap(ClusterMap map) {}

    @Override
    public void close() {}
  }

  private static final class NoChunks implements StorageCheck {
    @Override
    public List<String> findings() {
      return List.of();
    }

    @Override
    public ChunkStore.VerifiedPage verify(byte[] cursor, long bytesMax) {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<ScannedChunk> markLost(List<ControlRequest.MarkLost.FileRange> ranges) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void drop(List<ScannedChunk> chunks) {}
  }

  private static final class NoControl implements NodeControl {
    @Override
    public NodeStatus status() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Reply.Capacity capacity() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void shutdown(boolean removeData) {}
  }

  @FunctionalInterface
  private interface Step {
    Request request(int i) throws FsException;
  }

  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[0]);
    int operations = Integer.parseInt(arguments[1]);
    Files.createDirectories(directory);
    try (var database = new RocksSlotStore(directory.resolve("metadata"), 20L << 30);
        var executor = Executors.newSingleThreadScheduledExecutor()) {
      ClusterMap map =
          ClusterMap.initial(
              List.of(new ClusterMap.Node(new NodeId(0), "localhost", 1, "", 0, NodeState.ACTIVE)));
      ClusterState cluster =
          ClusterState.open(
              SmallFile.at(directory.resolve(ClusterState.FILE_NAME)), new NodeId(0), map);
      MetadataServices services =
          MetadataServices.start(
              new MetadataServices.Surroundings(
                  new Workers(
                      new MetadataThread(executor, () -> false, System::nanoTime),
                      Runnable::run,
                      Runnable::run,
                      new SplittableRandom(1)),
                  new MetadataStore(
                      database,
                      NumberLimit.open(SmallFile.at(directory.resolve(NumberLimit.FILE_NAME)))),
                  new MetadataServices.Nodes(
                      cluster,
                      new Peers(cluster, new NoPeers(), new SessionId(1)),
                      epoch ->
                          CompletableFuture.failedFuture(
                              new IllegalStateException("epoch " + epoch))),
                  Settings.DEFAULT,
                  new AgreedSwitches(Settings.DEFAULT),
                  new MetadataServices.Chunks(
                      (_, request, _) -> {
                        throw new UnsupportedOperationException(request + ": there are no chunks");
                      },
                      new SlotPart() {},
                      new NoChunks()),
                  new NoControl(),
                  new MetadataServices.Observers(
                      OperationMetrics.NONE, new Accounts(System::nanoTime)),
                  CrashPoints.NONE,
                  TransactionTiming.DEFAULT),
              new MetadataServices.RootOwner(0, 0, 0));
      long[] sequence = {0};
      InodeId[] inodes = new InodeId[operations];
      for (int round = 0; round < 4; round++) {
        measure(
            "create",
            services,
            operations,
            i -> {
              sequence[0]++;
              return new NamespaceRequest.Create(
                  new OperationStamp(sequence[0], sequence[0]),
                  key(i),
                  NewInode.regularFile(0644, new Owner(0, 0)),
                  true,
                  0,
                  Request.NO_SLOT,
                  System.currentTimeMillis() * 1_000_000);
            },
            inodes);
        measure("lookup", services, operations, i -> new NamespaceRequest.Lookup(key(i)), null);
        measure(
            "getattr",
            services,
            operations,
            i -> new NamespaceRequest.GetAttributes(inodes[i]),
            null);
        measure(
            "unlink",
            services,
            operations,
            i -> {
              sequence[0]++;
              return new NamespaceRequest.Unlink(
                  new OperationStamp(sequence[0], sequence[0]), key(i), 1);
            },
            null);
      }
      executor.shutdownNow();
    }
  }

  private static EntryKey key(int i) throws FsException {
    return new EntryKey(
        InodeId.ROOT, 0, EntryName.of(("file-" + i).getBytes(StandardCharsets.UTF_8)));
  }

  private static void measure(
      String what,
      MetadataServices services,
      int operations,
      Step step,
      InodeId @Nullable [] inodes)
      throws FsException {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = threads.getCurrentThreadAllocatedBytes();
    long since = System.nanoTime();
    long cpuSince = threads.getCurrentThreadCpuTime();
    for (int i = 0; i < operations; i++) {
      var exchange = new Direct();
      services.router().handle(exchange, step.request(i), Unpooled.EMPTY_BUFFER);
      if (inodes != null && exchange.reply instanceof Reply.Created created) {
        inodes[i] = created.inode();
      }
    }
    double seconds = (System.nanoTime() - since) / 1e9;
    double cpuSeconds = (threads.getCurrentThreadCpuTime() - cpuSince) / 1e9;
    System.out.printf(
        "%-8s %,9.0f/s  %,9.0f per second of its CPU  %5d bytes allocated each%n",
        what,
        operations / seconds,
        operations / cpuSeconds,
        (threads.getCurrentThreadAllocatedBytes() - allocated) / operations);
  }
}
