package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A file that is copied from, for tests that do something between its calls. */
class Watched implements SourceFile {
  private final SourceFile file;

  Watched(SourceFile file) {
    this.file = file;
  }

  @Override
  public Facts facts() {
    return file.facts();
  }

  @Override
  public CompletableFuture<Extent> nextData(long offset, long endBytes) {
    return file.nextData(offset, endBytes);
  }

  @Override
  public boolean tellsItsEnd() {
    return file.tellsItsEnd();
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int lengthBytes) {
    return file.read(offset, lengthBytes);
  }

  @Override
  public CompletableFuture<List<ExtendedAttribute>> userAttributes() {
    return file.userAttributes();
  }

  @Override
  public CompletableFuture<Facts> factsNow() {
    return file.factsNow();
  }

  @Override
  public void close() {
    file.close();
  }
}
