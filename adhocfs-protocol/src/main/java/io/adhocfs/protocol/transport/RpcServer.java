package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes connections of peers that prove to belong to the instance, and brings their requests to one
 * handler. All metadata requests are handled on the one metadata thread, which the rest of the
 * daemon may use too.
 *
 * <p>{@link #start}, {@link #stop} and {@link #close} belong to one thread, which is none of the
 * server's own.
 */
public final class RpcServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RpcServer.class);
  private static final int BACKLOG = 1024;
  private static final WriteBufferWaterMark WATER_MARKS =
      new WriteBufferWaterMark(256 << 10, 1 << 20);

  private final RpcServerConfiguration configuration;
  private final MultiThreadIoEventLoopGroup metadataLoops;
  private final MultiThreadIoEventLoopGroup dataLoops;
  private final EventLoop metadataLoop;
  private final ConnectionRegistry registry = new ConnectionRegistry();
  private final PayloadBudget budget;
  private final Set<ServerConnection> connections = ConcurrentHashMap.newKeySet();
  private final UnprovedConnections<ServerConnection> unproved;
  private final AtomicInteger proved = new AtomicInteger();
  private final RefusalLog refusals = new RefusalLog(LOG::warn);
  private final List<Channel> listening = new ArrayList<>();
  private volatile boolean stopping;
  private volatile int port;
  private volatile long storageTerm;

  /** Makes the threads; nothing is listened to before {@link #start}. */
  public RpcServer(RpcServerConfiguration configuration) {
    this.configuration = configuration;
    this.unproved = new UnprovedConnections<>(configuration.limits().maxUnproved());
    this.budget = new PayloadBudget(configuration.limits().maxPayloadBytes());
    this.metadataLoops = configuration.driver().loops(1, "adhocfs-metadata");
    this.dataLoops =
        configuration.driver().loops(configuration.limits().dataThreads(), "adhocfs-network");
    this.metadataLoop = metadataLoops.next();
    // A task that fails would not run again; this one only counts and logs.
    var _ = metadataLoop.scheduleAtFixedRate(refusals::minute, 1, 1, TimeUnit.MINUTES);
  }

  RpcServerConfiguration configuration() {
    return configuration;
  }

  RpcServerConfiguration.Limits limits() {
    return configuration.limits();
  }

  EventLoop metadataLoop() {
    return metadataLoop;
  }

  ConnectionRegistry registry() {
    return registry;
  }

  RefusalLog refusals() {
    return refusals;
  }

  PayloadBudget budget() {
    return budget;
  }

  /** The thread on which all metadata requests are handled; lives until {@link #close}. */
  public ScheduledExecutorService metadataThread() {
    return metadataLoop;
  }

  /** Whether the caller is on the thread of {@link #metadataThread}. */
  public boolean isOnMetadataThread() {
    return metadataLoop.inEventLoop();
  }

  /** Sets the storage term that clients are told. Before the start. */
  public void storageTerm(long term) {
    storageTerm = term;
  }

  long storageTerm() {
    return storageTerm;
  }

  /** The TCP port, once started. */
  public int port() {
    return port;
  }

  /** How many connections there are, those that have not proved themselves included. */
  public int connectionCount() {
    return connections.size();
  }

  /** Bytes of payloads set aside for requests under way and their answers. */
  public long payloadBytesInFlight() {
    return budget.usedBytes();
  }

  /**
   * Begins to listen and to serve.
   *
   * @throws FsException BUSY, naming the address that cannot be listened at; the server can only be
   *     closed then
   */
  public void start(RequestHandler handler) throws FsException {
    var address = new InetSocketAddress(configuration.bindHost(), configuration.port());
    Channel tcp =
        listen(
            configuration.driver().tcpServer(),
            address,
            handler,
            configuration.bindHost() + ":" + configuration.port());
    listening.add(tcp);
    port = ((InetSocketAddress) tcp.localAddress()).getPort();
    if (configuration.socketPath().isPresent()) {
      Path path = configuration.socketPath().get();
      removeSocket(path);
      listening.add(
          listen(
              configuration.driver().unixServer(),
              configuration.driver().unixAddress(path.toString()),
              handler,
              path.toString()));
    }
    LOG.info("node {} listens at {}:{}", configuration.self(), configuration.bindHost(), port);
  }

  private Channel listen(
      Class<? extends ServerChannel> type,
      SocketAddress address,
      RequestHandler handler,
      String shownAddress)
      throws FsException {
    boolean tcp = address instanceof InetSocketAddress;
    var bootstrap =
        new ServerBootstrap()
            .group(dataLoops, dataLoops)
            .channel(type)
            .option(ChannelOption.SO_BACKLOG, BACKLOG)
            .handler(new AcceptPause(shownAddress))
            .childOption(ChannelOption.ALLOCATOR, PooledByteBufAllocator.DEFAULT)
            .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARKS)
            .childHandler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    channel
                        .pipeline()
                        .addLast(new ServerConnection(channel, RpcServer.this, handler));
                  }
                });
    if (tcp) {
      bootstrap.option(ChannelOption.SO_REUSEADDR, true);
      configuration
          .driver()
          .tcpOptions()
          .forEach((option, value) -> setOption(bootstrap, option, value));
    }
    ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      Throwable cause = bound.cause();
      throw new FsException(
          FsError.BUSY, "cannot listen at " + shownAddress + ": " + cause.getMessage(), cause);
    }
    return bound.channel();
  }

  @SuppressWarnings("unchecked") // The driver's table pairs each option with a value of its type.
  private static <T> void setOption(
      ServerBootstrap bootstrap, ChannelOption<T> option, Object value) {
    bootstrap.childOption(option, (T) value);
  }

  /** Removes the socket that an earlier daemon left, and nothing that is no socket. */
  private static void removeSocket(Path path) throws FsException {
    try {
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)
          && !Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
              .isOther()) {
        throw new FsException(FsError.BUSY, "cannot listen at " + path + ": it is no socket");
      }
      Files.deleteIfExists(path);
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(FsError.BUSY, "cannot listen at " + path + ": " + e.getMessage(), e);
    }
  }

  /** A connection has come, and nothing is known of its peer. False while stopping. Any thread. */
  boolean opened(ServerConnection connection) {
    connections.add(connection);
    ServerConnection lost = unproved.add(connection.address(), connection);
    if (lost != null) {
      lost.loseItsPlace();
    }
    return !stopping;
  }

  /** A connection's peer has proved itself; false when there is no room for it. Any thread. */
  boolean proved(ServerConnection connection) {
    // One that has just lost its place to another is closed soon.
    if (!unproved.remove(connection.address(), connection)) {
      return false;
    }
    if (proved.incrementAndGet() > limits().maxConnections()) {
      proved.decrementAndGet();
      return false;
    }
    return true;
  }

  /**
   * A connection has gone. Any thread.
   *
   * @param wasProved whether {@link #proved} had room for it
   */
  void closed(ServerConnection connection, boolean wasProved) {
    if (wasProved) {
      proved.decrementAndGet();
    } else {
      var _ = unproved.remove(connection.address(), connection);
    }
    connections.remove(connection);
  }

  /**
   * Takes no more connections and requests, lets those under way be answered (for at most the drain
   * timeout), closes all connections. The metadata thread goes on.
   */
  public void stop() {
    if (metadataLoop.inEventLoop()) {
      throw new IllegalStateException("the metadata thread cannot wait for itself");
    }
    stopping = true;
    for (Channel channel : listening) {
      channel.close().awaitUninterruptibly();
    }
    listening.clear();
    if (configuration.socketPath().isPresent()) {
      try {
        removeSocket(configuration.socketPath().get());
      } catch (FsException e) {
        LOG.warn("the socket stays behind", e);
      }
    }
    connections.forEach(ServerConnection::drainAndClose);
    if (!awaitNoConnections(limits().drainTimeout())) {
      LOG.warn("{} connections closed before all their requests were answered", connections.size());
      connections.forEach(ServerConnection::closeNow);
      awaitNoConnections(limits().drainTimeout());
    }
  }

  private boolean awaitNoConnections(Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    while (!connections.isEmpty()) {
      if (deadline.passed()) {
        return false;
      }
      try {
        TimeUnit.MILLISECONDS.sleep(1);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return true;
  }

  /** {@link #stop}, and the threads end. */
  @Override
  public void close() {
    stop();
    dataLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    metadataLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
  }
}
