package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalFile;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.client.transfer.local.LocalStatus;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An open file of this host that is copied from. */
final class HostSourceFile implements SourceFile {
  private static final Logger log = LoggerFactory.getLogger(HostSourceFile.class);

  private final LocalFile file;
  private final Facts facts;
  private final boolean tellsItsEnd;
  private final HostThreads threads;
  private final HostMounts mounts;

  private HostSourceFile(
      LocalFile file, LocalStatus status, HostThreads threads, HostMounts mounts) {
    this.file = file;
    facts = Facts.of(status, mounts);
    // What takes no space may be made up when it is read: only reading tells where it ends.
    tellsItsEnd = status.sizeBytes() > 0 && status.allocatedBytes() > 0;
    this.threads = threads;
    this.mounts = mounts;
  }

  /**
   * Takes the file over, also when it throws: what was listed as a file may be another thing now.
   */
  static HostSourceFile of(LocalFile file, HostThreads threads, HostMounts mounts)
      throws FsException {
    boolean handedOver = false;
    try {
      LocalStatus status = file.status();
      if (status.type() != FileType.REGULAR) {
        throw new FsException(
            FsError.CHANGED,
            LocalFiles.display(file.path()) + ": is no file any more but a " + status.type());
      }
      var opened = new HostSourceFile(file, status, threads, mounts);
      handedOver = true;
      return opened;
    } finally {
      if (!handedOver) {
        file.close();
      }
    }
  }

  @Override
  public Facts facts() {
    return facts;
  }

  @Override
  public CompletableFuture<Extent> nextData(long offset, long endBytes) {
    return facts.mayHaveHoles()
        ? threads.call(() -> seek(offset, endBytes))
        : CompletableFuture.completedFuture(new Extent(offset, endBytes));
  }

  private Extent seek(long offset, long endBytes) throws FsException {
    long start;
    long end;
    try {
      start = file.nextData(offset);
      if (start < 0 || start >= endBytes) {
        return new Extent(endBytes, endBytes);
      }
      end = file.nextHole(start);
    } catch (FsException failure) {
      if (failure.error() == FsError.INVALID) {
        // A file system that cannot tell: everything is data.
        return new Extent(offset, endBytes);
      }
      throw failure;
    }
    return new Extent(start, Math.min(end, endBytes));
  }

  @Override
  public boolean tellsItsEnd() {
    return tellsItsEnd;
  }

  /** A whole small file is read at once by the thread that opened it; pieces go to all threads. */
  @Override
  public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
    HostThreads.Call<ByteBuf> call = () -> HostBuffers.read(file, offset, lengthBytes);
    return offset == 0 && lengthBytes >= facts.sizeBytes()
        ? threads.call(call)
        : threads.handOver(call);
  }

  @Override
  public CompletableFuture<List<ExtendedAttribute>> userAttributes() {
    return threads.call(file::userAttributes);
  }

  @Override
  public CompletableFuture<Facts> factsNow() {
    return threads.call(() -> Facts.of(file.status(), mounts));
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (FsException failure) {
      log.debug("closing a file that was only read: {}", failure.getMessage());
    }
  }
}
