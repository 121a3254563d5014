package io.adhocfs.cli.verify;

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
 * Finds what files have lost with nodes: walks over all inodes that are left and has the new owners
 * of lost slots write down which chunks below a file's end they have not. A hole cannot be told
 * from a lost chunk, as what knew it is lost too, so holes count as lost. May be done again at any
 * time. Used once.
 */
public final class LostSearch {
  /** A file of more chunks is searched up to so many past the last that is left of it. */
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

  /** A file that has lost chunks, under all its names. */
  public record LostFile(
      InodeId inode,
      long sizeBytes,
      int chunkSizeBytes,
      NavigableSet<Long> chunks,
      List<String> paths) {
    /** Bytes of the file from and to where they are lost, the end not included. */
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
   * @param map as of after the loss
   */
  public LostSearch(AdminConnection connection, ClusterMap map) {
    this.connection = connection;
    this.map = map;
    this.nodes = map.owningNodes();
    this.scan = new Scan(connection);
  }

  /**
   * Does it.
   *
   * @return the files that have lost chunks, by inode
   * @throws FsException when a node cannot be asked: the search is to be done again
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

  /** Files of many chunks are sparse, or have been written up to near the last that is left. */
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
          "names were not all read: " + scan.failures().firstEntry().getValue().getMessage());
    }
  }
}
