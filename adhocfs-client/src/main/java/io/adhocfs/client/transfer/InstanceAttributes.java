package io.adhocfs.client.transfer;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.adhocfs.client.AttributeSetMode;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Extended attributes of namespace user of inodes of an instance. */
final class InstanceAttributes {
  private static final byte[] USER = "user.".getBytes(US_ASCII);

  private InstanceAttributes() {}

  /**
   * All of them.
   *
   * @param known what the inode was when it was last asked about
   */
  static CompletableFuture<List<ExtendedAttribute>> read(
      InodeOperations inodes, FileAttributes known) {
    if (!known.hasExtendedAttributes()) {
      return CompletableFuture.completedFuture(List.of());
    }
    return inodes
        .listExtendedAttributes(known.id())
        .thenCompose(names -> {
          CompletableFuture<List<ExtendedAttribute>> read =
              CompletableFuture.completedFuture(new ArrayList<>());
          for (byte[] name : names) {
            if (name.length > USER.length
                && Arrays.equals(name, 0, USER.length, USER, 0, USER.length)) {
              read =
                  read.thenCompose(so ->
                      inodes
                          .getExtendedAttribute(known.id(), name)
                          .thenApply(value -> {
                            so.add(new ExtendedAttribute(name, value));
                            return so;
                          }));
            }
          }
          return read;
        });
  }

  /** Sets these, one after the other; others that are there stay. */
  static CompletableFuture<Void> write(
      InodeOperations inodes, InodeId inode, List<ExtendedAttribute> attributes) {
    CompletableFuture<?> set = CompletableFuture.completedFuture(null);
    for (ExtendedAttribute attribute : attributes) {
      set =
          set.thenCompose(_ ->
              inodes.setExtendedAttribute(
                  inode, attribute.name(), attribute.value(), AttributeSetMode.SET));
    }
    return set.thenAccept(_ -> {});
  }
}
