package io.adhocfs.malleability.verify;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.LostSlots;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.placement.Striping;
import io.adhocfs.protocol.wire.ControlRequest.MarkLost;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.ScannedChunk;
import io.adhocfs.protocol.wire.ScannedEntry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Finds what files have lost with nodes: walks over all remaining inodes and has the new owners of
 * lost slots record which chunks below a file's end are missing. A hole cannot be told from a lost
 * chunk, since the record of the hole is lost too, so holes count as lost. The search may be
 * repeated at any time; an object searches once.
 */
public final class LostSearch {
  /** A file of more chunks is searched up to this many chunks past its last remaining chunk. */
  private static final long CHUNKS_WITHOUT_LOOKING = 1 << 20;

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final AdminConnection connection;
  private final ClusterMap map;
  private final List<NodeId> nodes;
  private final Scan scan;
  private final Map<InodeId, LostFile> found = new TreeMap<>();
  private final List<FileAttributes> large = new ArrayList<>();
  private final List<MarkLost.FileRange> batch = new ArrayList<>();
  private long batchChunks;
  private @Nullable FsException failure;

  /** A file that has lost chunks, with all its names. */
  public record LostFile(
      InodeId inode,
      long sizeBytes,
      int chunkSizeBytes,
      NavigableSet<Long> chunks,
      List<String> paths) {
    /** The lost byte ranges of the file: first byte, and end (not included). */
    public List<long[]> ranges() {
      List<long[]> ranges = new ArrayList<>();
      for (long chunk : chunks) {
        long from = chunk * chunkSizeBytes;
        long to = Math.min(sizeBytes, from + chunkSizeBytes);
        long[] last = ranges.isEmpty() ? null : ranges.getLast();
        if (last != null && last[1] == from) {
          last[1] = to;
        } else {
          ranges.add(new long[] {from, to});
        }
      }
      return ranges;
    }
  }

  /**
   * @param map the map after the loss
   */
  public LostSearch(AdminConnection connection, ClusterMap map) {
    this.connection = connection;
    this.map = map;
    this.nodes = map.owningNodes();
    this.scan = new Scan(connection);
  }

  /**
   * Searches.
   *
   * @return the files that have lost chunks, by inode
   * @throws FsException if a node does not answer; the search must then be repeated
   */
  public List<LostFile> search() throws FsException {
    scan.inodes(
        nodes,
        (node, inode) -> {
          FileAttributes file = inode.attributes();
          if (file.type() != FileType.REGULAR || file.layout().inline() || file.sizeBytes() == 0) {
            return;
          }
          long chunks = chunkCount(file);
          if (chunks > CHUNKS_WITHOUT_LOOKING) {
            large.add(file);
          } else {
            search(file, chunks);
          }
        });
    searchLarge();
    send();
    FsException failed = failure;
    if (failed == null && !scan.failures().isEmpty()) {
      failed = scan.failures().firstEntry().getValue();
    }
    if (failed != null) {
      throw failed;
    }
    findPaths();
    return List.copyOf(found.values());
  }

  private static long chunkCount(FileAttributes file) {
    return Striping.chunkCount(file.sizeBytes(), file.layout().chunkSizeBytes());
  }

  /**
   * Searches files of many chunks: such a file is sparse, or is written to near its last remaining
   * chunk.
   */
  private void searchLarge() {
    if (large.isEmpty()) {
      return;
    }
    var last = new HashMap<InodeId, Long>();
    large.forEach(file -> last.put(file.id(), 0L));
    scan.chunks(
        nodes,
        (node, chunk) ->
            last.computeIfPresent(
                chunk.inode(), (_, known) -> Math.max(known, chunk.chunkIndex())));
    for (FileAttributes file : large) {
      long end = last.getOrDefault(file.id(), 0L) + CHUNKS_WITHOUT_LOOKING;
      search(file, Math.min(chunkCount(file), end));
    }
  }

  private void search(FileAttributes file, long chunks) {
    FileLayout layout = file.layout();
    LostSlots lost = map.lost();
    for (long first = 0; first < chunks; first += MarkLost.CHUNKS_MAX) {
      long end = Math.min(chunks, first + MarkLost.CHUNKS_MAX);
      boolean any = false;
      for (long chunk = first; chunk < end && !any; chunk++) {
        any = lost.wasLost(Placement.chunkSlotValue(layout, chunk));
      }
      if (!any) {
        continue;
      }
      found.putIfAbsent(
          file.id(),
          new LostFile(
              file.id(),
              file.sizeBytes(),
              layout.chunkSizeBytes(),
              new TreeSet<>(),
              new ArrayList<>()));
      if (batchChunks + end - first > MarkLost.CHUNKS_MAX) {
        send();
      }
      batch.add(new MarkLost.FileRange(file.id(), layout, file.dataGeneration(), first, end - 1));
      batchChunks += end - first;
    }
  }

  private void send() {
    if (batch.isEmpty() || failure != null) {
      return;
    }
    try {
      connection
          .askAll(nodes, new MarkLost(batch), Reply.ChunkPage.class, PATIENCE)
          .orThrow()
          .values()
          .forEach(page -> page.chunks().forEach(this::take));
    } catch (FsException e) {
      failure = e;
    }
    batch.clear();
    batchChunks = 0;
  }

  private void take(ScannedChunk chunk) {
    LostFile file = found.get(chunk.inode());
    if (file != null) {
      file.chunks().add(chunk.chunkIndex());
    }
  }

  private void findPaths() throws FsException {
    found.values().removeIf(file -> file.chunks().isEmpty());
    if (found.isEmpty()) {
      return;
    }
    var paths = new PathFinder(connection, map);
    var names = new ArrayList<ScannedEntry>();
    scan.entries(
        nodes,
        (node, entry) -> {
          if (found.containsKey(entry.inode())) {
            names.add(entry);
          }
        });
    names.forEach(entry -> {
      LostFile file = found.get(entry.inode());
      if (file != null) {
        String directory = paths.of(entry.directory());
        file.paths()
            .add(
                directory.equals(PathFinder.UNKNOWN)
                    ? "'%s' in directory %s".formatted(entry.name(), entry.directory())
                    : directory + "/" + entry.name());
      }
    });
    if (!scan.failures().isEmpty()) {
      throw new FsException(
          FsError.UNREACHABLE,
          "not all names could be read: " + scan.failures().firstEntry().getValue().getMessage());
    }
  }
}
