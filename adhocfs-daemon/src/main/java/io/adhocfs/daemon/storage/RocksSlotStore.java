package io.adhocfs.daemon.storage;

import io.adhocfs.daemon.slot.RecordChange;
import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.daemon.slot.SlotStore;
import io.adhocfs.daemon.slot.SlotStream;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import org.jspecify.annotations.Nullable;
import org.rocksdb.AbstractNativeReference;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.IndexType;
import org.rocksdb.LRUCache;
import org.rocksdb.NativeLibraryLoader;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.Status;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/** The records of a node, in RocksDB; {@link LogCheck} looks at its logs before they are read. */
public final class RocksSlotStore implements SlotStore {
  /** Few: a block that is larger than its part of the cache would be read for every key. */
  private static final int CACHE_SHARD_BITS = 1;

  /** System property: where the native library is unpacked; else where temporary files are. */
  public static final String LIBRARY_DIRECTORY_PROPERTY = "adhocfs.native.directory";

  /** How many of its tables it keeps open where nothing bounds descriptors. */
  public static final int OPEN_FILES_MAX = 256;

  private static final int SPARE_BATCHES_MAX = 8;
  private static final double SHARE_OF_INDEXES_AND_FILTERS = 0.5;

  /** Why the native library cannot be used; null = it can. */
  private static final @Nullable String LIBRARY_FAILURE = loadLibrary();

  private final LRUCache cache;
  private final BloomFilter filter;
  private final Options options;
  private final WriteOptions logged;
  private final RocksDB database;

  /** Keeping them spares their native memory. */
  private final ArrayBlockingQueue<WriteBatch> spareBatches =
      new ArrayBlockingQueue<>(SPARE_BATCHES_MAX);

  private final SlotStream stream = new SlotStream();

  /** Opens or makes the database with the usual number of open files. */
  public RocksSlotStore(Path directory, long diskBytes) throws FsException {
    this(directory, diskBytes, OPEN_FILES_MAX);
  }

  /**
   * Opens or makes the database.
   *
   * @param directory made if missing
   * @param diskBytes size of the disk below it: memory tables and files are scaled down for small
   *     ones
   * @param openFilesMax how many of its tables it keeps open
   * @throws FsException STORAGE_FAILED or CORRUPT, naming the directory
   */
  public RocksSlotStore(Path directory, long diskBytes, int openFilesMax) throws FsException {
    if (LIBRARY_FAILURE != null) {
      throw new FsException(FsError.STORAGE_FAILED, LIBRARY_FAILURE);
    }
    check(directory);
    long memoryTableBytes = Math.clamp(diskBytes / 64, 1L << 20, 32L << 20);
    cache =
        new LRUCache(
            Math.clamp(diskBytes / 16, 4L << 20, 64L << 20),
            CACHE_SHARD_BITS,
            false,
            SHARE_OF_INDEXES_AND_FILTERS);
    filter = new BloomFilter(10, false);
    options =
        new Options()
            .setCreateIfMissing(true)
            .setParanoidChecks(true)
            // What a death leaves has been cut off: the logs are whole.
            .setWalRecoveryMode(WALRecoveryMode.AbsoluteConsistency)
            .setWriteBufferSize(memoryTableBytes)
            .setMaxWriteBufferNumber(3)
            .setMaxTotalWalSize(4 * memoryTableBytes)
            .setTargetFileSizeBase(memoryTableBytes)
            .setMaxBytesForLevelBase(8 * memoryTableBytes)
            .setMaxBackgroundJobs(2)
            .setMaxOpenFiles(openFilesMax)
            .setCompressionType(CompressionType.LZ4_COMPRESSION)
            .setKeepLogFileNum(2)
            .setMaxLogFileSize(1 << 20)
            .setMaxManifestFileSize(4 << 20)
            .setTableFormatConfig(
                new BlockBasedTableConfig()
                    .setBlockCache(cache)
                    .setCacheIndexAndFilterBlocks(true)
                    .setCacheIndexAndFilterBlocksWithHighPriority(true)
                    // In pieces: those of a whole table of small records take a megabyte.
                    .setIndexType(IndexType.kTwoLevelIndexSearch)
                    .setPartitionFilters(true)
                    .setPinTopLevelIndexAndFilter(true)
                    .setPinL0FilterAndIndexBlocksInCache(true)
                    .setFormatVersion(5)
                    .setFilterPolicy(filter));
    logged = new WriteOptions();
    try {
      Files.createDirectories(directory);
      database = RocksDB.open(options, directory.toString());
    } catch (RocksDBException e) {
      throw failure("opening " + directory, e);
    } catch (IOException e) {
      throw new FsException(
          FsError.STORAGE_FAILED, "cannot make " + directory + ": " + e.getMessage(), e);
    }
  }

  /**
   * Refuses what cannot be opened without losing something. RocksDB must not begin anew where there
   * are files of a database.
   */
  private static void check(Path directory) throws FsException {
    if (!Files.isDirectory(directory)) {
      return;
    }
    if (!Files.exists(directory.resolve("CURRENT"))) {
      try (DirectoryStream<Path> tables = Files.newDirectoryStream(directory, "*.{sst,log}")) {
        if (tables.iterator().hasNext()) {
          throw new FsException(
              FsError.CORRUPT, directory + " is corrupt: it has records, but no file CURRENT");
        }
      } catch (FsException e) {
        throw e;
      } catch (IOException e) {
        throw new FsException(FsError.STORAGE_FAILED, "listing " + directory + ": " + e, e);
      }
    }
    var _ = LogCheck.check(directory);
  }

  /**
   * The library unpacks itself into a file, which a process that is killed can't remove later.
   *
   * @return why it cannot be used; null = it can
   */
  private static @Nullable String loadLibrary() {
    Path parent =
        Path.of(
            System.getProperty(
                LIBRARY_DIRECTORY_PROPERTY, System.getProperty("java.io.tmpdir", "/tmp")));
    try {
      Path unpacked = Files.createTempDirectory(parent, "adhocfs-rocksdb-");
      try {
        NativeLibraryLoader.getInstance().loadLibrary(unpacked.toString());
      } finally {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(unpacked)) {
          for (Path file : files) {
            Files.delete(file);
          }
        }
        Files.delete(unpacked);
      }
      RocksDB.loadLibrary();
      return null;
    } catch (IOException | UnsatisfiedLinkError e) {
      return "cannot run the library of RocksDB from "
          + parent
          + ", which must be writable and not mounted noexec: "
          + e.getMessage();
    }
  }

  @Override
  public byte @Nullable [] get(byte[] key) throws FsException {
    try {
      return database.get(key);
    } catch (RocksDBException e) {
      throw failure("reading", e);
    }
  }

  @Override
  public Cursor cursor() {
    return new RocksCursor(database.newIterator(), List.of());
  }

  @Override
  public Cursor cursor(byte[] end) {
    var bound = new Slice(end);
    var bounded = new ReadOptions().setIterateUpperBound(bound);
    return new RocksCursor(database.newIterator(bounded), List.of(bounded, bound));
  }

  @Override
  public void commit(SlotBatch... batches) throws FsException {
    WriteBatch spare = spareBatches.poll();
    WriteBatch writes = spare == null ? new WriteBatch() : spare;
    try {
      for (SlotBatch batch : batches) {
        for (RecordChange change : batch.changes()) {
          switch (change) {
            case RecordChange.Put(byte[] key, byte[] value) -> writes.put(key, value);
            case RecordChange.Removed(byte[] key) -> writes.delete(key);
            case RecordChange.RangeRemoved(byte[] from, byte[] to) -> writes.deleteRange(from, to);
          }
        }
      }
      database.write(logged, writes);
    } catch (RocksDBException e) {
      throw failure("writing", e);
    } finally {
      writes.clear();
      if (!spareBatches.offer(writes)) {
        writes.close();
      }
    }
    for (SlotBatch batch : batches) {
      stream.publish(batch);
    }
  }

  @Override
  public SlotStream stream() {
    return stream;
  }

  @Override
  public void sync() throws FsException {
    try {
      database.syncWal();
    } catch (RocksDBException e) {
      throw failure("syncing", e);
    }
  }

  /** Figures of the database, by name; for whoever watches it. */
  public enum Figure {
    KEYS("rocksdb.estimate-num-keys"),
    FILE_BYTES("rocksdb.total-sst-files-size"),
    MEMORY_TABLE_BYTES("rocksdb.cur-size-all-mem-tables"),
    BLOCK_CACHE_BYTES("rocksdb.block-cache-usage"),
    PENDING_COMPACTION_BYTES("rocksdb.estimate-pending-compaction-bytes"),
    RUNNING_COMPACTIONS("rocksdb.num-running-compactions"),
    WRITES_STOPPED("rocksdb.is-write-stopped");

    private final String property;

    Figure(String property) {
      this.property = property;
    }
  }

  /** A figure as it is now; -1 when the database does not tell. */
  public long figure(Figure figure) {
    try {
      return database.getLongProperty(figure.property);
    } catch (RocksDBException e) {
      return -1;
    }
  }

  /** What RocksDB said, in our terms: full disk, corruption, or failed storage. */
  private static FsException failure(String doing, RocksDBException e) {
    String message = String.valueOf(e.getMessage());
    FsError error = FsError.STORAGE_FAILED;
    if (e.getStatus() != null) {
      switch (e.getStatus().getCode()) {
        case Corruption -> error = FsError.CORRUPT;
        default -> {
          if (message.contains("No space left")
              || e.getStatus().getSubCode() == Status.SubCode.NoSpace) {
            error = FsError.NO_SPACE;
          }
        }
      }
    }
    return new FsException(error, doing + " metadata: " + message, e);
  }

  @Override
  public void close() {
    spareBatches.forEach(WriteBatch::close);
    spareBatches.clear();
    database.close();
    logged.close();
    options.close();
    filter.close();
    cache.close();
  }

  private static final class RocksCursor implements Cursor {
    private final RocksIterator iterator;

    /** What the iterator uses. */
    private final List<AbstractNativeReference> used;

    private byte @Nullable [] key;
    private byte @Nullable [] value;

    RocksCursor(RocksIterator iterator, List<AbstractNativeReference> used) {
      this.iterator = iterator;
      this.used = used;
    }

    @Override
    public boolean seek(byte[] target) throws FsException {
      iterator.seek(target);
      return arrived();
    }

    @Override
    public boolean next() throws FsException {
      iterator.next();
      return arrived();
    }

    private boolean arrived() throws FsException {
      key = null;
      value = null;
      if (iterator.isValid()) {
        return true;
      }
      try {
        iterator.status();
        return false;
      } catch (RocksDBException e) {
        throw failure("reading", e);
      }
    }

    @Override
    public byte[] key() {
      byte[] known = key;
      if (known == null) {
        known = iterator.key();
        key = known;
      }
      return known;
    }

    @Override
    public byte[] value() {
      byte[] known = value;
      if (known == null) {
        known = iterator.value();
        value = known;
      }
      return known;
    }

    @Override
    public void close() {
      iterator.close();
      used.forEach(AbstractNativeReference::close);
    }
  }
}
