package io.adhocfs.protocol.transport;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/** Which of the kernel's interfaces carries the sockets. */
public enum SocketDriver {
  /** Linux epoll through Netty's native library. */
  EPOLL,
  /** What every JDK has. */
  NIO;

  /** After so long without any sign of the peer's machine a TCP connection is given up. */
  private static final int SILENCE_SECONDS_MAX = 60;

  /** Epoll where its native library loads, else NIO. */
  public static SocketDriver best() {
    return Epoll.isAvailable() ? EPOLL : NIO;
  }

  /** Event loops on daemon threads called {@code name}, or {@code name-0}, {@code name-1} ... */
  MultiThreadIoEventLoopGroup loops(int count, String name) {
    IoHandlerFactory handlers =
        switch (this) {
          case EPOLL -> EpollIoHandler.newFactory();
          case NIO -> NioIoHandler.newFactory();
        };
    return new MultiThreadIoEventLoopGroup(count, threads(count, name), handlers);
  }

  private static ThreadFactory threads(int count, String name) {
    var made = new AtomicInteger();
    return work -> {
      int number = made.getAndIncrement();
      // Netty's own thread class lets pooled buffers use a cache per thread.
      var thread =
          new FastThreadLocalThread(work, count == 1 && number == 0 ? name : name + "-" + number);
      thread.setDaemon(true);
      return thread;
    };
  }

  Class<? extends ServerChannel> tcpServer() {
    return switch (this) {
      case EPOLL -> EpollServerSocketChannel.class;
      case NIO -> NioServerSocketChannel.class;
    };
  }

  Class<? extends ServerChannel> unixServer() {
    return switch (this) {
      case EPOLL -> EpollServerDomainSocketChannel.class;
      case NIO -> NioServerDomainSocketChannel.class;
    };
  }

  Class<? extends Channel> tcp() {
    return switch (this) {
      case EPOLL -> EpollSocketChannel.class;
      case NIO -> NioSocketChannel.class;
    };
  }

  Class<? extends Channel> unix() {
    return switch (this) {
      case EPOLL -> EpollDomainSocketChannel.class;
      case NIO -> NioDomainSocketChannel.class;
    };
  }

  /**
   * Options of TCP connections. A peer whose machine is gone answers nothing at all; without these
   * its connections would look alive for a quarter of an hour.
   */
  Map<ChannelOption<?>, Object> tcpOptions() {
    Map<ChannelOption<?>, Object> options = new HashMap<>();
    options.put(ChannelOption.TCP_NODELAY, true);
    options.put(ChannelOption.SO_KEEPALIVE, true);
    switch (this) {
      case EPOLL -> {
        options.put(EpollChannelOption.TCP_USER_TIMEOUT, SILENCE_SECONDS_MAX * 1000);
        options.put(EpollChannelOption.TCP_KEEPIDLE, SILENCE_SECONDS_MAX / 2);
        options.put(EpollChannelOption.TCP_KEEPINTVL, SILENCE_SECONDS_MAX / 6);
        options.put(EpollChannelOption.TCP_KEEPCNT, 3);
      }
      case NIO -> {
        // The JDK leaves these to the operating system.
      }
    }
    return options;
  }

  SocketAddress unixAddress(String path) {
    return switch (this) {
      case EPOLL -> new DomainSocketAddress(path);
      case NIO -> UnixDomainSocketAddress.of(path);
    };
  }
}
