package io.adhocfs.daemon.control;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.transport.RpcClient;

/**
 * How a daemon is part of its instance.
 *
 * @param cluster the map that it goes by
 * @param control what is agreed on, and its say in that
 * @param client its connections to the other daemons
 * @param session of those connections
 */
public record InstanceLink(
    ClusterState cluster, ControlPlane control, RpcClient client, SessionId session) {}
