package io.adhocfs.client.transfer;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.protocol.model.FileAttributes;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An open file of an instance that is copied from. */
final class InstanceSourceFile implements SourceFile {
  private static final Logger log = LoggerFactory.getLogger(InstanceSourceFile.class);

  private final OpenFile file;
  private final InodeOperations inodes;
  private final FileAttributes opened;
  private final Facts facts;

  InstanceSourceFile(OpenFile file, InodeOperations inodes) {
    this.file = file;
    this.inodes = inodes;
    opened = file.lastKnownAttributes();
    facts = Facts.of(opened);
  }

  @Override
  public Facts facts() {
    return facts;
  }

  @Override
  public CompletableFuture<Extent> nextData(long offset, long endBytes) {
    if (!facts.mayHaveHoles()) {
      return CompletableFuture.completedFuture(new Extent(offset, endBytes));
    }
    return file.seekAsync(offset, false)
        .thenCompose(start -> {
          if (start < 0 || start >= endBytes) {
            return CompletableFuture.completedFuture(new Extent(endBytes, endBytes));
          }
          return file.seekAsync(start, true)
              .thenApply(end -> new Extent(start, end < 0 ? start : Math.min(end, endBytes)));
        });
  }

  @Override
  public boolean tellsItsEnd() {
    return true;
  }

  /** Takes the size from when it was opened; whether it has changed is asked once, at the end. */
  @Override
  public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
    boolean wasThere = offset + lengthBytes <= opened.sizeBytes();
    return file.readBuffer(offset, lengthBytes, wasThere ? opened : null);
  }

  @Override
  public CompletableFuture<List<ExtendedAttribute>> userAttributes() {
    return InstanceAttributes.read(inodes, opened);
  }

  @Override
  public CompletableFuture<Facts> factsNow() {
    return file.attributesAsync().thenApply(Facts::of);
  }

  @Override
  public void close() {
    var _ =
        file.closeAsync()
            .exceptionally(failure -> {
              log.debug("closing a file that was only read: {}", failure.getMessage());
              return null;
            });
  }
}
