package io.adhocfs.daemon.metadata;

import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.TransactionId;
import org.jspecify.annotations.Nullable;

/**
 * What a partition of a spread directory, but the first, keeps of its own.
 *
 * @param partition 1 or more
 * @param attributes the directory's id and exponent; of this partition the entries as size, the
 *     subdirectories as links, and the times; what entries inherit from their directory
 * @param staging the transaction for which entries are being staged, invisibly; null = the
 *     partition is in use
 */
public record Share(int partition, FileAttributes attributes, @Nullable TransactionId staging) {
  public Share {
    if (partition < 1 || partition >= 1 << attributes.partitionExponent()) {
      throw new IllegalArgumentException(
          "partition " + partition + " of 2^" + attributes.partitionExponent());
    }
  }

  /** The share that a record stands for. */
  public static Share ofRecord(byte[] key, byte[] value) throws FsException {
    return Records.share(new InodeId(Keys.number(key, 0)), Keys.number(key, 1), value);
  }

  /** The same, with other attributes. */
  public Share with(FileAttributes changed) {
    return new Share(partition, changed, staging);
  }

  /** What two parts of a directory are together; the first says what they do not add up. */
  public static FileAttributes together(FileAttributes one, FileAttributes other) {
    return AttributeEdit.of(one)
        .sizeBytes(one.sizeBytes() + other.sizeBytes())
        .links((int) Math.min(Integer.MAX_VALUE, (long) one.linkCount() + other.linkCount()))
        .mtime(Math.max(one.mtimeNanos(), other.mtimeNanos()))
        .ctime(Math.max(one.ctimeNanos(), other.ctimeNanos()))
        .dataVersion(one.dataVersion() + other.dataVersion())
        .done();
  }
}
