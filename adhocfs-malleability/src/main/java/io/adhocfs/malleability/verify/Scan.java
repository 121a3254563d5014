package io.adhocfs.malleability.verify;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.ScannedChunk;
import io.adhocfs.protocol.wire.ScannedEntry;
import io.adhocfs.protocol.wire.ScannedInode;
import io.adhocfs.protocol.wire.ScannedShare;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

/**
 * Reads everything that the nodes store, page by page, several nodes at a time. Items arrive one at
 * a time, whatever their node.
 */
final class Scan {
  private static final int PAGE_ITEMS = 2_000;
  private static final int NODES_AT_A_TIME = 8;

  /** Bytes of file data compared per request: seconds of work on a slow disk. */
  private static final long PART_BYTES = 64 << 20;

  /** A busy node may take this long for a page; a dead node is known at once. */
  private static final Duration PAGE_PATIENCE = Duration.ofSeconds(30);

  private final AdminConnection connection;
  private final ReentrantLock lock = new ReentrantLock();

  /** Nodes that could not be read to the end, and why; read when the scans are over. */
  private final ConcurrentSkipListMap<NodeId, FsException> failures = new ConcurrentSkipListMap<>();

  Scan(AdminConnection connection) {
    this.connection = connection;
  }

  /** Nodes that some scan could not read to the end. */
  ConcurrentSkipListMap<NodeId, FsException> failures() {
    return failures;
  }

  void inodes(List<NodeId> nodes, BiConsumer<NodeId, ScannedInode> each) {
    onAll(
        nodes,
        node -> {
          byte[] cursor = {};
          do {
            Reply.InodePage page =
                connection.ask(
                    node,
                    new ControlRequest.ScanInodes(cursor, PAGE_ITEMS),
                    Reply.InodePage.class,
                    PAGE_PATIENCE);
            deliver(node, page.inodes(), each);
            cursor = page.cursor();
          } while (cursor.length > 0);
        });
  }

  void entries(List<NodeId> nodes, BiConsumer<NodeId, ScannedEntry> each) {
    onAll(
        nodes,
        node -> {
          byte[] cursor = {};
          do {
            Reply.EntryPage page =
                connection.ask(
                    node,
                    new ControlRequest.ScanEntries(cursor, PAGE_ITEMS),
                    Reply.EntryPage.class,
                    PAGE_PATIENCE);
            deliver(node, page.entries(), each);
            cursor = page.cursor();
          } while (cursor.length > 0);
        });
  }

  void shares(List<NodeId> nodes, BiConsumer<NodeId, ScannedShare> each) {
    onAll(
        nodes,
        node -> {
          byte[] cursor = {};
          do {
            Reply.SharePage page =
                connection.ask(
                    node,
                    new ControlRequest.ScanShares(cursor, PAGE_ITEMS),
                    Reply.SharePage.class,
                    PAGE_PATIENCE);
            deliver(node, page.shares(), each);
            cursor = page.cursor();
          } while (cursor.length > 0);
        });
  }

  void chunks(List<NodeId> nodes, BiConsumer<NodeId, ScannedChunk> each) {
    onAll(
        nodes,
        node -> {
          byte[] cursor = {};
          do {
            Reply.ChunkPage page =
                connection.ask(
                    node,
                    new ControlRequest.ScanChunks(cursor, PAGE_ITEMS),
                    Reply.ChunkPage.class,
                    PAGE_PATIENCE);
            deliver(node, page.chunks(), each);
            cursor = page.cursor();
          } while (cursor.length > 0);
        });
  }

  /**
   * Has nodes compare their file data with its checksums, and passes each part of the answers on.
   */
  void data(List<NodeId> nodes, BiConsumer<NodeId, Reply.VerifiedData> each) {
    onAll(
        nodes,
        node -> {
          byte[] cursor = {};
          do {
            Reply.VerifiedData part =
                connection.ask(
                    node,
                    new ControlRequest.VerifyData(cursor, PART_BYTES),
                    Reply.VerifiedData.class,
                    PAGE_PATIENCE);
            deliver(node, List.of(part), each);
            cursor = part.cursor();
          } while (cursor.length > 0);
        });
  }

  private <T> void deliver(NodeId node, List<T> items, BiConsumer<NodeId, T> each) {
    lock.lock();
    try {
      for (T item : items) {
        each.accept(node, item);
      }
    } finally {
      lock.unlock();
    }
  }

  private interface NodeWork {
    void run(NodeId node) throws FsException;
  }

  private void onAll(List<NodeId> nodes, NodeWork work) {
    int threads = Math.clamp(nodes.size(), 1, NODES_AT_A_TIME);
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> futures = new ArrayList<>();
      for (NodeId node : nodes) {
        if (failures.containsKey(node)) {
          continue;
        }
        futures.add(
            executor.submit(() -> {
              try {
                work.run(node);
              } catch (FsException e) {
                failures.put(node, e);
              }
            }));
      }
      for (Future<?> future : futures) {
        try {
          future.get();
        } catch (ExecutionException e) {
          throw new IllegalStateException(e.getCause());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
