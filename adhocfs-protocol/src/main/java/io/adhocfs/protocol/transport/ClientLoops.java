package io.adhocfs.protocol.transport;

import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The threads that connections to daemons run on. Several {@link NettyRpcClient}s may share them:
 * the sessions that one client has had need no threads of their own. Whoever makes it closes it,
 * after all clients that use it. Thread-safe.
 */
public final class ClientLoops implements AutoCloseable {
  private final SocketDriver driver;
  private final MultiThreadIoEventLoopGroup metadataLoops;
  private final MultiThreadIoEventLoopGroup dataLoops;

  /** Looks host names up, which may take long. */
  private final ThreadPoolExecutor resolver =
      new ThreadPoolExecutor(
          0,
          1,
          10,
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(),
          work -> {
            var thread = new Thread(work, "adhocfs-client-resolver");
            thread.setDaemon(true);
            return thread;
          });

  /** With the best driver and the usual number of threads. */
  public ClientLoops() {
    this(SocketDriver.best(), RpcClientConfiguration.usualDataThreads());
  }

  ClientLoops(SocketDriver driver, int dataThreads) {
    this.driver = driver;
    this.metadataLoops = driver.loops(1, "adhocfs-client-metadata");
    this.dataLoops = driver.loops(dataThreads, "adhocfs-client-data");
  }

  SocketDriver driver() {
    return driver;
  }

  EventLoop nextForMetadata() {
    return metadataLoops.next();
  }

  EventLoop nextForData() {
    return dataLoops.next();
  }

  CompletableFuture<InetAddress> lookUp(String host) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return InetAddress.getByName(host);
          } catch (UnknownHostException e) {
            throw new CompletionException(e);
          }
        },
        resolver);
  }

  @Override
  public void close() {
    resolver.shutdownNow();
    shutDown(metadataLoops);
    shutDown(dataLoops);
  }

  private static void shutDown(MultiThreadIoEventLoopGroup loops) {
    boolean own = false;
    for (var loop : loops) {
      own |= loop.inEventLoop();
    }
    var ended = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    if (!own) {
      ended.awaitUninterruptibly();
    }
  }
}
