package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import java.util.List;

/**
 * What a partition of a spread directory keeps of its own, as its node keeps it.
 *
 * @param share its directory's id and exponent, its entries as size, its subdirectories as links
 * @param slot that it lies in
 * @param active whether the partition is in use; else its entries are being staged
 * @param inTransaction whether an undecided operation holds it
 */
public record ScannedShare(
    FileAttributes share, int partition, int slot, boolean active, boolean inTransaction) {
  private static final int ENCODED_BYTES_MIN = 90;

  void write(WireWriter out) {
    Values.writeAttributes(out, share);
    out.intValue(partition);
    out.intValue(slot);
    out.flag(active);
    out.flag(inTransaction);
  }

  static List<ScannedShare> readAll(WireReader in) throws FsException {
    return in.list(
        ENCODED_BYTES_MIN,
        item ->
            new ScannedShare(
                Values.readAttributes(item),
                item.intValue(),
                item.intValue(),
                item.flag(),
                item.flag()));
  }
}
