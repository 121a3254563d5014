package io.adhocfs.malleability.verify;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the path of a directory by its parents, so that a finding names a path that users know. For
 * messages only: returns {@link #UNKNOWN} instead of failing.
 */
final class PathFinder {
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final int DEPTH_MAX = 64;
  private static final int PAGE_BYTES = 256 << 10;
  static final String UNKNOWN = "path unknown";

  private final AdminConnection connection;
  private final ClusterMap map;
  private final Map<InodeId, String> known = new HashMap<>();

  PathFinder(AdminConnection connection, ClusterMap map) {
    this.connection = connection;
    this.map = map;
    known.put(InodeId.ROOT, "adhoc:");
  }

  /** The path of a directory, without a '/' at the end. */
  String of(InodeId directory) {
    return find(directory, 0);
  }

  private String find(InodeId directory, int depth) {
    String path = known.get(directory);
    if (path == null) {
      path = depth > DEPTH_MAX ? UNKNOWN : ask(directory, depth);
      known.put(directory, path);
    }
    return path;
  }

  private FileAttributes read(InodeId directory) throws FsException {
    return connection
        .ask(
            map.owner(directory.slot()),
            new NamespaceRequest.GetShares(directory, List.of(0)),
            Reply.Attributes.class,
            PATIENCE)
        .attributes();
  }

  private String ask(InodeId directory, int depth) {
    try {
      FileAttributes attributes = read(directory);
      if (!attributes.isDirectory() || !attributes.parent().exists()) {
        return UNKNOWN;
      }
      String parent = find(attributes.parent(), depth + 1);
      String name = parent.equals(UNKNOWN) ? null : nameIn(attributes.parent(), directory);
      return name == null ? UNKNOWN : parent + "/" + name;
    } catch (FsException e) {
      return UNKNOWN;
    }
  }

  private @Nullable String nameIn(InodeId parent, InodeId child) throws FsException {
    int exponent = read(parent).partitionExponent();
    for (int partition = 0; partition < 1 << exponent; partition++) {
      NodeId owner = map.owner(Placement.partitionSlot(parent, partition));
      long cookie = 0;
      Reply.DirectoryPage page;
      do {
        page =
            connection.ask(
                owner,
                new NamespaceRequest.ReadDirectory(
                    parent, exponent, partition, cookie, PAGE_BYTES, false),
                Reply.DirectoryPage.class,
                PATIENCE);
        for (DirectoryEntry entry : page.entries()) {
          if (entry.inode().equals(child)) {
            return entry.name().toString();
          }
          cookie = entry.name().hash();
        }
      } while (!page.last() && !page.entries().isEmpty());
    }
    return null;
  }
}
