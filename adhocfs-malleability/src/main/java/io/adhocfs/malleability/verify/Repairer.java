package io.adhocfs.malleability.verify;

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
 * Applies the remedies of a verification. The daemon that applies a remedy checks it first: if the
 * item has changed meanwhile, the daemon does nothing, and the next verification sees the new
 * state. For one thread.
 */
final class Repairer {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int CHUNKS_OF_A_REQUEST_MAX = 1000;

  /** Finds or makes {@link Verification#ORPHANS}. */
  @FunctionalInterface
  interface OrphanDirectory {
    InodeId find() throws FsException;
  }

  private final AdminConnection connection;
  private final OrphanDirectory orphanDirectory;
  private final Consumer<String> undone;
  private final ClusterMap map;
  private @Nullable InodeId orphans;

  /**
   * @param map says which node owns each slot
   * @param undone told each remedy that failed and why, in a sentence
   */
  Repairer(
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
   * Applies the remedies that can be applied.
   *
   * @return how many remedies were applied
   */
  int mend(List<Mend> mends) {
    int made = 0;
    Map<NodeId, List<ScannedChunk>> chunks = new TreeMap<>();
    // Counting comes last, since the other remedies change the counts.
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

  /**
   * Makes the name first, then changes the inode: if this ends in between, the next repair does the
   * rest.
   */
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
