package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.protocol.model.FsException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A place whose files are seen through something that a test puts between. */
record WatchedPlace(CopyPlace place, UnaryOperator<SourceFile> wrapper) implements CopyPlace {
  @Override
  public @Nullable Facts facts(byte[] path, boolean followLink) throws FsException {
    return place.facts(path, followLink);
  }

  @Override
  public SourceDirectory openSource(byte[] directory) throws FsException {
    return new Directory(place.openSource(directory), wrapper);
  }

  @Override
  public TargetDirectory openTarget(byte[] directory) throws FsException {
    return place.openTarget(directory);
  }

  private record Directory(SourceDirectory directory, UnaryOperator<SourceFile> wrapper)
      implements SourceDirectory {
    @Override
    public Facts facts() {
      return directory.facts();
    }

    @Override
    public List<Entry> nextEntries() throws FsException {
      return directory.nextEntries();
    }

    @Override
    public SourceDirectory openDirectory(Entry entry) throws FsException {
      return new Directory(directory.openDirectory(entry), wrapper);
    }

    @Override
    public Facts factsNow(Entry entry) throws FsException {
      return directory.factsNow(entry);
    }

    @Override
    public String display(byte[] name) {
      return directory.display(name);
    }

    @Override
    public CompletableFuture<Facts> facts(Entry entry) {
      return directory.facts(entry);
    }

    @Override
    public CompletableFuture<SourceFile> openFile(Entry entry) {
      return directory.openFile(entry).thenApply(wrapper);
    }

    @Override
    public CompletableFuture<byte[]> readLink(Entry entry) {
      return directory.readLink(entry);
    }

    @Override
    public CompletableFuture<List<ExtendedAttribute>> userAttributes() {
      return directory.userAttributes();
    }

    @Override
    public void close() {
      directory.close();
    }
  }
}
