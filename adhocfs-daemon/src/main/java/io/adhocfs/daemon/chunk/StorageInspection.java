package io.adhocfs.daemon.chunk;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SlotId;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares the index with the files, in passes that each take a part of the directories, so that
 * its memory is bounded: at most a few MB for each pass of a million files.
 *
 * <p>A file that has no chunk in the index is what a death in a write or a discard left: nothing in
 * it was ever acknowledged, or it was discarded. It is removed, and is no finding.
 */
final class StorageInspection {
  /** How many things are named. */
  static final int FINDINGS_MAX = 1000;

  private static final int FILES_OF_A_PASS_MAX = 1 << 20;

  private static final Logger LOG = LoggerFactory.getLogger(StorageInspection.class);

  private final SegmentFiles files;
  private final ChunkIndex index;
  private final ChunkLocks locks;
  private final List<String> findings = new ArrayList<>();
  private long unnamed;

  StorageInspection(SegmentFiles files, ChunkIndex index, ChunkLocks locks) {
    this.files = files;
    this.index = index;
    this.locks = locks;
  }

  List<String> findings() throws FsException {
    long passes = 1 + files.fileCount() / FILES_OF_A_PASS_MAX;
    int bucketsOfAPass = (int) Math.max(1, SegmentFiles.BUCKETS / passes);
    for (int from = 0; from < SegmentFiles.BUCKETS; from += bucketsOfAPass) {
      pass(from, Math.min(SegmentFiles.BUCKETS, from + bucketsOfAPass));
    }
    if (unnamed > 0) {
      findings.add("and " + unnamed + " more");
    }
    return findings;
  }

  private void add(String sentence) {
    if (findings.size() < FINDINGS_MAX) {
      findings.add(sentence);
    } else {
      unnamed++;
    }
  }

  /** First the files, then the records: a chunk made meanwhile then has its file seen or made. */
  private void pass(int fromBucket, int toBucket) throws FsException {
    List<SegmentFiles.Key> listed = new ArrayList<>();
    for (int bucket = fromBucket; bucket < toBucket; bucket++) {
      locks.refuseIfClosed();
      files.walk(
          bucket,
          new SegmentFiles.Visitor() {
            @Override
            public void file(SegmentFiles.Key key, Path path) {
              listed.add(key);
            }

            @Override
            public void stranger(Path path) {
              add("the file " + path + " does not belong where it lies");
            }
          });
    }
    SegmentFiles.Key[] sorted = listed.toArray(SegmentFiles.Key[]::new);
    listed.clear();
    Arrays.sort(sorted, StorageInspection::compare);
    var withRecord = new BitSet(sorted.length);
    index.forAll(
        new byte[0],
        (key, record) -> {
          locks.refuseIfClosed();
          long inode = Keys.number(key, 0);
          int bucket = SegmentFiles.bucket(inode);
          if (bucket >= fromBucket && bucket < toBucket) {
            long chunk = Keys.number(key, 1);
            var file = new SegmentFiles.Key(inode, chunk >>> SegmentFiles.SEGMENT_SHIFT);
            int place = Arrays.binarySearch(sorted, file, StorageInspection::compare);
            if (place >= 0) {
              withRecord.set(place);
            }
            if (!covered(file, chunk, record)) {
              recheckRecord(key, file);
            }
          }
          return true;
        });
    for (int i = withRecord.nextClearBit(0);
        i < sorted.length;
        i = withRecord.nextClearBit(i + 1)) {
      removeUnlessUsed(sorted[i]);
    }
  }

  private static int compare(SegmentFiles.Key a, SegmentFiles.Key b) {
    int order = Long.compare(a.inode(), b.inode());
    return order != 0 ? order : Long.compare(a.segment(), b.segment());
  }

  /** Whether a chunk's file is there and long enough. */
  private boolean covered(SegmentFiles.Key file, long chunk, ChunkRecord record)
      throws FsException {
    long end = ((chunk & (SegmentFiles.SEGMENT_CHUNKS - 1)) + 1) << record.chunkSizeExponent();
    return files.sizeBytes(file) >= end;
  }

  private void recheckRecord(byte[] key, SegmentFiles.Key file) throws FsException {
    locks.alone(
        file.inode(),
        () -> {
          long chunk = Keys.number(key, 1);
          ChunkRecord record = index.get(file.inode(), chunk, Keys.slot(key));
          if (record != null && !covered(file, chunk, record)) {
            add(
                "chunk %d of inode %s in slot %d is in the index, but its file %s"
                    .formatted(
                        chunk,
                        Long.toUnsignedString(file.inode()),
                        Keys.slot(key),
                        files.sizeBytes(file) < 0
                            ? files.path(file) + " is missing"
                            : files.path(file) + " ends before it"));
          }
        });
  }

  private void removeUnlessUsed(SegmentFiles.Key file) throws FsException {
    locks.alone(
        file.inode(),
        () -> {
          if (files.sizeBytes(file) >= 0 && !anyRecord(file)) {
            LOG.info(
                "file without a chunk removed inode={} file={}",
                Long.toUnsignedString(file.inode()),
                files.path(file));
            files.delete(file);
            files.deleteEmptyDirectory(file.inode());
          }
        });
  }

  /** Looks in every slot, for the layout of the inode is not known here. */
  private boolean anyRecord(SegmentFiles.Key file) throws FsException {
    long first = file.segment() << SegmentFiles.SEGMENT_SHIFT;
    return index.anyInSlots(
        file.inode(), first, first + SegmentFiles.SEGMENT_CHUNKS - 1, SlotId.COUNT);
  }
}
