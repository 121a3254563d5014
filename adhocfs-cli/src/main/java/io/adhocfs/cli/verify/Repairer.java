package io.adhocfs.cli.verify;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.ScannedChunk;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Mends what a verification has found. Each mend is checked by the daemon that does it: where the
 * thing has changed meanwhile nothing is done, and the next verification sees what there is. One
 * thread.
 */
public final class Repairer {
  /** The directory, below the root, for what no name stands for any more. */
  public static final String ORPHANS = "/lost+found";

  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int CHUNKS_OF_A_REQUEST_MAX = 1000;

  /** Finds or makes {@link #ORPHANS}. */
  @FunctionalInterface
  public interface OrphanDirectory {
    InodeId find() throws FsException;
  }

  private final AdminConnection connection;
  private final OrphanDirectory orphanDirectory;
  private final Consumer<String> undone;
  private final ClusterMap map;
  private @Nullable InodeId orphans;

  /**
   * @param map by which slots are found
   * @param undone told what could not be mended and why, a sentence each
   */
  public Repairer(
      AdminConnection connection,
      ClusterMap map,
      OrphanDirectory orphanDirectory,
      Consumer<String> undone) {
    this.connection = connection;
    this.map = map;
    this.orphanDirectory = orphanDirectory;
    this.undone = undone;
  }

  /**
   * Does what can be done.
   *
   * @return how many of the mends were made
   */
  public int mend(List<Mend> mends) {
    int made = 0;
    Map<NodeId, List<ScannedChunk>> chunks = new TreeMap<>();
    // Counting comes last: what else is mended changes what is to be counted.
    List<Mend> ordered = new ArrayList<>(mends);
    ordered.sort(
        (a, b) -> Boolean.compare(a instanceof Mend.CountEntries, b instanceof Mend.CountEntries));
    for (Mend mend : ordered) {
      try {
        switch (mend) {
          case Mend.RemoveName remove ->
              ask(
                  remove.slot(),
                  new ControlRequest.RemoveName(remove.slot(), remove.entry(), remove.inode()));
          case Mend.Reattach reattach -> reattach(reattach.inode());
          case Mend.SetNames set ->
              ask(
                  set.seen().id().slotValue(),
                  new ControlRequest.SetNames(set.seen(), set.names(), set.parent()));
          case Mend.CountEntries count -> count(count.directory().id());
          case Mend.RemovePartition remove ->
              ask(
                  Placement.partitionSlot(remove.directory(), remove.partition()).value(),
                  new ControlRequest.RemovePartition(remove.directory(), remove.partition()));
          case Mend.DropChunk drop ->
              chunks.computeIfAbsent(drop.node(), _ -> new ArrayList<>()).add(drop.chunk());
        }
        made++;
      } catch (FsException e) {
        undone.accept("could not " + mend.sentence() + ": " + e.getMessage());
      }
    }
    chunks.forEach(this::drop);
    return made;
  }

  private void drop(NodeId node, List<ScannedChunk> chunks) {
    for (int from = 0; from < chunks.size(); from += CHUNKS_OF_A_REQUEST_MAX) {
      int to = Math.min(chunks.size(), from + CHUNKS_OF_A_REQUEST_MAX);
      try {
        var _ =
            connection.ask(
                node,
                new ControlRequest.DropChunks(chunks.subList(from, to)),
                Reply.Done.class,
                PATIENCE);
      } catch (FsException e) {
        undone.accept("node " + node + " could not remove chunks: " + e.getMessage());
      }
    }
  }

  private void ask(int slot, Request request) throws FsException {
    var _ = connection.ask(new NodeId(map.ownerValue(slot)), request, Reply.Done.class, PATIENCE);
  }

  private FileAttributes read(InodeId inode) throws FsException {
    return connection
        .ask(
            map.owner(inode.slot()),
            new NamespaceRequest.GetShares(inode, List.of(0)),
            Reply.Attributes.class,
            PATIENCE)
        .attributes();
  }

  /** First the name, then the inode: should this end in between, the next time does the rest. */
  private void reattach(FileAttributes inode) throws FsException {
    InodeId directory = orphans;
    if (directory == null) {
      directory = orphanDirectory.find();
      orphans = directory;
    }
    var name = EntryName.ofText(inode.id().toString());
    var entry = new EntryKey(directory, read(directory).partitionExponent(), name);
    ask(entry.slot().value(), new ControlRequest.PutName(entry, inode.id(), inode.type()));
    ask(
        inode.id().slotValue(),
        new ControlRequest.SetNames(inode, 1, inode.isDirectory() ? directory : InodeId.NONE));
  }

  private void count(InodeId directory) throws FsException {
    FileAttributes home = read(directory);
    for (int partition = 0; partition < 1 << home.partitionExponent(); partition++) {
      ask(
          Placement.partitionSlot(directory, partition).value(),
          new ControlRequest.CountEntries(home, partition));
    }
  }
}
