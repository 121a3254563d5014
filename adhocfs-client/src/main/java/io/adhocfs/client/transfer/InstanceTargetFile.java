package io.adhocfs.client.transfer;

import io.adhocfs.client.OpenFile;
import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A file of an instance that is copied into; remains as the file to link to when it is closed. */
final class InstanceTargetFile implements TargetFile {
  private final @Nullable OpenFile file;
  private final InodeId inode;
  private final InstancePlace.Setting setting;
  private final Supplier<CompletableFuture<Boolean>> publisher;
  private final Supplier<CompletableFuture<Void>> discarder;

  /** How far has been written: a hole at the end is made by growing the file past it. */
  private final AtomicLong endBytes = new AtomicLong();

  /**
   * A file that gets its name when it is whole.
   *
   * @param publisher what {@link #publish} does; {@code discarder} likewise
   */
  InstanceTargetFile(
      OpenFile file,
      InstancePlace.Setting setting,
      Supplier<CompletableFuture<Boolean>> publisher,
      Supplier<CompletableFuture<Void>> discarder) {
    this.file = file;
    this.inode = file.inode();
    this.setting = setting;
    this.publisher = publisher;
    this.discarder = discarder;
  }

  /** A file that stays as it is. */
  InstanceTargetFile(FileAttributes existing, InstancePlace.Setting setting) {
    this.file = null;
    this.inode = existing.id();
    this.setting = setting;
    publisher = InstanceTargetFile::notToBePublished;
    discarder = InstanceTargetFile::notToBePublished;
  }

  InodeId inode() {
    return inode;
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data) {
    endBytes.accumulateAndGet(offset + data.readableBytes(), Math::max);
    return open().writeBufferThrough(offset, data);
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
    return open().readBuffer(offset, lengthBytes, null);
  }

  @Override
  public CompletableFuture<Void> setAttributes(List<ExtendedAttribute> attributes) {
    return InstanceAttributes.write(setting.inodes(), inode, attributes);
  }

  @Override
  public CompletableFuture<Facts> finish(Facts source, long sizeBytes) {
    CompletableFuture<?> sized =
        endBytes.get() == sizeBytes
            ? CompletableFuture.completedFuture(null)
            : open().truncateAsync(sizeBytes);
    return sized
        .thenCompose(done ->
            setting
                .inodes()
                .setAttributes(
                    inode, InstanceTargetDirectory.attributes(source, setting.options())))
        .thenApply(Facts::of);
  }

  @Override
  public CompletableFuture<Void> close() {
    return file == null ? CompletableFuture.completedFuture(null) : file.closeAsync();
  }

  @Override
  public CompletableFuture<Boolean> publish() {
    return publisher.get();
  }

  @Override
  public CompletableFuture<Void> discard() {
    return discarder.get();
  }

  private static <T> CompletableFuture<T> notToBePublished() {
    throw new IllegalStateException("a file that stays as it is");
  }

  private OpenFile open() {
    if (file == null) {
      throw new IllegalStateException("a file that stays as it is");
    }
    return file;
  }
}
