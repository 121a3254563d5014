package io.adhocfs.protocol.transport;

/** The ways from a client to a server. */
enum Route {
  EPOLL_TCP(SocketDriver.EPOLL, false),
  EPOLL_UNIX(SocketDriver.EPOLL, true),
  NIO_TCP(SocketDriver.NIO, false),
  NIO_UNIX(SocketDriver.NIO, true);

  final SocketDriver driver;
  final boolean unix;

  Route(SocketDriver driver, boolean unix) {
    this.driver = driver;
    this.unix = unix;
  }
}
