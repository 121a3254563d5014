package io.adhocfs.cli.process;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDescription.Place;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.placement.ClusterMap;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import org.jspecify.annotations.Nullable;

/**
 * Where a node's daemon listens, and the address by which others reach it.
 *
 * @param bind name or address
 * @param advertised name or address
 */
record NodeAddress(String bind, String advertised) {
  private static final String LOOPBACK = "127.0.0.1";
  private static final String ALL_ADDRESSES = "0.0.0.0";

  /**
   * The address of a node of an instance. On this machine it is loopback, unless the instance has
   * nodes on other hosts: then it is the address by which this machine speaks with those hosts.
   *
   * @throws FsException INVALID if this machine has no address that other hosts reach
   */
  static NodeAddress of(InstanceDescription description, Place place) throws FsException {
    if (!place.isLocal()) {
      return new NodeAddress(ALL_ADDRESSES, HostsFile.address(place.host()));
    }
    boolean othersAreElsewhere = false;
    for (Place other : description.places()) {
      if (!other.isLocal() && !isLoopback(HostsFile.address(other.host()))) {
        othersAreElsewhere = true;
        String address = addressTowards(HostsFile.address(other.host()));
        if (address != null) {
          return new NodeAddress(ALL_ADDRESSES, address);
        }
      }
    }
    if (othersAreElsewhere) {
      throw new FsException(
          FsError.INVALID,
          "the instance has nodes on other hosts, which reach no address of this machine: give --hosts with the name of a host that they reach");
    }
    return new NodeAddress(LOOPBACK, LOOPBACK);
  }

  /**
   * Refuses a new node on another host if nodes listen on loopback: the nodes could not reach each
   * other.
   *
   * @throws FsException INVALID
   */
  static void requireReachable(InstanceDescription description, Place place) throws FsException {
    if (place.isLocal() || isLoopback(HostsFile.address(place.host()))) {
      return;
    }
    for (ClusterMap.Node node : description.instance().nodes()) {
      Place other = description.place(node.id());
      if (other != null && other.isLocal() && isLoopback(node.host())) {
        throw new FsException(
            FsError.INVALID,
            "node %s listens at %s, where host %s cannot reach it: to have nodes on other hosts, an instance has to be brought up with --hosts"
                .formatted(node.id(), node.address(), place.host()));
      }
    }
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      // A name that only the command of remote.start knows is not a name of this machine.
      return false;
    }
  }

  /** The source address of packets to a host; null if it is loopback, or there is no route. */
  private static @Nullable String addressTowards(String host) {
    // Connecting a datagram socket only asks the routing table. Any port will do.
    try (var socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(InetAddress.getByName(host), 9));
      InetAddress own = socket.getLocalAddress();
      return own.isLoopbackAddress() || own.isAnyLocalAddress() ? null : own.getHostAddress();
    } catch (IOException | UncheckedIOException e) {
      return null;
    }
  }
}
