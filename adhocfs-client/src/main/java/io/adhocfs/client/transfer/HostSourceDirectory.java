package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalDirectory;
import io.adhocfs.client.transfer.local.LocalEntry;
import io.adhocfs.client.transfer.local.LocalFile;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.client.transfer.local.LocalStatus;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A directory of this host that is copied from. */
final class HostSourceDirectory implements SourceDirectory {
  private final LocalDirectory directory;
  private final Facts facts;
  private final HostThreads threads;
  private final HostMounts mounts;

  private HostSourceDirectory(
      LocalDirectory directory, Facts facts, HostThreads threads, HostMounts mounts) {
    this.directory = directory;
    this.facts = facts;
    this.threads = threads;
    this.mounts = mounts;
  }

  /** Takes the directory over, also when it throws. */
  static HostSourceDirectory of(LocalDirectory directory, HostThreads threads, HostMounts mounts)
      throws FsException {
    try {
      return new HostSourceDirectory(
          directory, Facts.of(directory.status(), mounts), threads, mounts);
    } catch (FsException failure) {
      directory.close();
      throw failure;
    }
  }

  @Override
  public Facts facts() {
    return facts;
  }

  @Override
  public List<Entry> nextEntries() throws FsException {
    var entries = new ArrayList<Entry>();
    for (LocalEntry entry : directory.nextEntries()) {
      entries.add(new Entry(entry.name(), typeOf(entry), null));
    }
    return entries;
  }

  /** A name that is gone again is taken for a file, so that opening it says what happened. */
  private FileType typeOf(LocalEntry entry) throws FsException {
    if (entry.type() != null) {
      return entry.type();
    }
    LocalStatus status = directory.statusIfExists(entry.name());
    return status == null ? FileType.REGULAR : status.type();
  }

  @Override
  public SourceDirectory openDirectory(Entry entry) throws FsException {
    return of(directory.openDirectory(entry.name()), threads, mounts);
  }

  @Override
  public Facts factsNow(Entry entry) throws FsException {
    return Facts.of(directory.status(entry.name()), mounts);
  }

  @Override
  public String display(byte[] name) {
    return LocalFiles.display(LocalFiles.join(directory.path(), name));
  }

  @Override
  public CompletableFuture<Facts> facts(Entry entry) {
    return threads.call(() -> Facts.of(directory.status(entry.name()), mounts));
  }

  @Override
  public CompletableFuture<SourceFile> openFile(Entry entry) {
    return threads.call(() -> {
      LocalFile file = directory.openToRead(entry.name());
      return HostSourceFile.of(file, threads, mounts);
    });
  }

  @Override
  public CompletableFuture<byte[]> readLink(Entry entry) {
    return threads.call(() -> directory.readLink(entry.name()));
  }

  @Override
  public CompletableFuture<List<ExtendedAttribute>> userAttributes() {
    return threads.call(directory::userAttributes);
  }

  @Override
  public void close() {
    directory.close();
  }
}
