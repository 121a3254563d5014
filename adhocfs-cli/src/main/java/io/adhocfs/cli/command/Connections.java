package io.adhocfs.cli.command;

import io.adhocfs.cli.admin.AdminConnection;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import java.security.SecureRandom;

/** Opens connections to an instance's daemons. */
final class Connections {
  private Connections() {}

  /**
   * A connection of one who looks after the instance, to the nodes that its file names.
   *
   * @throws FsException NOT_FOUND when it names none: the instance never came up
   */
  static AdminConnection open(InstanceDescription description) throws FsException {
    return new AdminConnection(
        new NettyRpcClient(
            identity(description.instance()),
            newSession(),
            PeerRole.ADMIN,
            1,
            knownMap(description)));
  }

  /** The map with the addresses that the instance's file names. */
  static ClusterMap knownMap(InstanceDescription description) throws FsException {
    if (description.instance().nodes().isEmpty()) {
      throw new FsException(
          FsError.NOT_FOUND,
          "instance '%s' has not come up: take down what is left of it with 'adhocfs down --name %s'"
              .formatted(description.instance().name(), description.instance().name()));
    }
    return ClusterMap.initial(description.instance().nodes());
  }

  private static InstanceIdentity identity(Instance instance) {
    return new InstanceIdentity(instance.id(), instance.secret());
  }

  private static SessionId newSession() {
    long value = 0;
    while (value == 0) {
      value = new SecureRandom().nextLong();
    }
    return new SessionId(value);
  }
}
