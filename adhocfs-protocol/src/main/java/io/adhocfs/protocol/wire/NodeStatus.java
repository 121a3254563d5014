package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;

/**
 * What a daemon says of itself.
 *
 * @param hostName of the machine it runs on
 * @param processId of the daemon on its machine
 * @param dataDirectory where it stores
 * @param epoch of its map
 * @param slots how many it owns
 * @param space of its storage
 * @param usedBytes taken by chunks and metadata
 * @param files inodes that are no directories
 * @param sessions clients that it knows
 * @param pendingOperations transactions undecided or not fully applied, truncations and reclaims
 * @param residentBytes memory of its process
 * @param clockNanos its clock, since 1970, to warn of skew
 * @param metricsPort where Prometheus reads; 0 = off
 */
public record NodeStatus(
    NodeId id,
    String version,
    String hostName,
    long processId,
    String dataDirectory,
    NodeState state,
    long epoch,
    int slots,
    StorageSpace space,
    long usedBytes,
    long files,
    long directories,
    int sessions,
    int pendingOperations,
    long residentBytes,
    long uptimeMillis,
    long clockNanos,
    int metricsPort) {

  void write(WireWriter out) {
    out.intValue(id.value());
    out.text(version);
    out.text(hostName);
    out.longValue(processId);
    out.text(dataDirectory);
    out.byteValue(state.code());
    out.longValue(epoch);
    out.intValue(slots);
    write(out, space);
    out.longValue(usedBytes);
    out.longValue(files);
    out.longValue(directories);
    out.intValue(sessions);
    out.intValue(pendingOperations);
    out.longValue(residentBytes);
    out.longValue(uptimeMillis);
    out.longValue(clockNanos);
    out.intValue(metricsPort);
  }

  static NodeStatus read(WireReader in) throws FsException {
    return new NodeStatus(
        new NodeId(in.intValue()),
        in.text(),
        in.text(),
        in.longValue(),
        in.text(),
        NodeState.ofCode(in.byteValue()),
        in.longValue(),
        in.intValue(),
        readSpace(in),
        in.longValue(),
        in.longValue(),
        in.longValue(),
        in.intValue(),
        in.intValue(),
        in.longValue(),
        in.longValue(),
        in.longValue(),
        in.intValue());
  }

  static void write(WireWriter out, StorageSpace space) {
    out.text(space.disk());
    out.longValue(space.diskBytes());
    out.longValue(space.diskAvailableBytes());
    out.longValue(space.diskInodesAvailable());
    out.longValue(space.totalBytes());
    out.longValue(space.availableBytes());
  }

  static StorageSpace readSpace(WireReader in) throws FsException {
    String disk = in.text();
    long diskBytes = in.longValue();
    long diskAvailableBytes = in.longValue();
    long diskInodesAvailable = in.longValue();
    long totalBytes = in.longValue();
    long availableBytes = in.longValue();
    try {
      return new StorageSpace(
          disk, diskBytes, diskAvailableBytes, diskInodesAvailable, totalBytes, availableBytes);
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.BAD_MESSAGE, "storage: " + e.getMessage(), e);
    }
  }
}
