package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.ScannedShare;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The counts that partitions of spread directories store, and the counts that the scan made for
 * them. Few directories are spread. Not thread-safe.
 */
final class ShareTable {
  /** A partition of a directory; 0 is the directory itself. */
  record Partition(InodeId directory, int number) {}

  private static final class Counts {
    private long entries;
    private int subdirectories;
  }

  private final Map<Partition, ScannedShare> shares = new HashMap<>();
  private final Map<Partition, Counts> counted = new HashMap<>();

  /** Adds a share that is in use; false if its partition has one already. */
  boolean add(ScannedShare share) {
    return shares.putIfAbsent(new Partition(share.share().id(), share.partition()), share) == null;
  }

  @Nullable ScannedShare share(InodeId directory, int partition) {
    return shares.get(new Partition(directory, partition));
  }

  /** Counts an entry of a partition. */
  void count(InodeId directory, int partition, boolean isDirectory) {
    Counts counts =
        counted.computeIfAbsent(new Partition(directory, partition), key -> new Counts());
    counts.entries++;
    counts.subdirectories += isDirectory ? 1 : 0;
  }

  /** Whether a partition has as many entries and subdirectories as were counted. */
  boolean counts(InodeId directory, int partition, long entries, int subdirectories) {
    Counts counts = counted.get(new Partition(directory, partition));
    return counts == null
        ? entries == 0 && subdirectories == 0
        : entries == counts.entries && subdirectories == counts.subdirectories;
  }

  /**
   * Whether all partitions of a directory but the first exist and count right.
   *
   * @param everyNodeSeen false if some may be missing
   */
  boolean partitionsFit(InodeId directory, int partitionExponent, boolean everyNodeSeen) {
    for (int partition = 1; partition < 1 << partitionExponent; partition++) {
      ScannedShare share = share(directory, partition);
      if (share == null) {
        if (everyNodeSeen) {
          return false;
        }
      } else if (share.share().partitionExponent() != partitionExponent
          || !counts(directory, partition, share.share().sizeBytes(), share.share().linkCount())) {
        return false;
      }
    }
    return true;
  }

  /** The sum of the entries that the seen partitions, but for the first, store as their count. */
  long entries(InodeId directory, int partitionExponent) {
    long sum = 0;
    for (int partition = 1; partition < 1 << partitionExponent; partition++) {
      ScannedShare share = share(directory, partition);
      sum += share == null ? 0 : share.share().sizeBytes();
    }
    return sum;
  }

  /**
   * The sum of the subdirectories that the seen partitions, but for the first, store as their
   * count.
   */
  int subdirectories(InodeId directory, int partitionExponent) {
    int sum = 0;
    for (int partition = 1; partition < 1 << partitionExponent; partition++) {
      ScannedShare share = share(directory, partition);
      sum += share == null ? 0 : share.share().linkCount();
    }
    return sum;
  }
}
