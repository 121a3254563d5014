package io.adhocfs.client.transfer;

import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryPage;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalFiles;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A directory of an instance that is copied from. */
final class InstanceSourceDirectory implements SourceDirectory {
  private static final int PAGE_BYTES = 256 << 10;

  private final InodeId inode;
  private final FileAttributes opened;
  private final Facts facts;
  private final byte[] path;
  private final InodeOperations inodes;

  /** The walker's own: where its listing is. */
  private long cookie;

  private boolean listed;

  InstanceSourceDirectory(FileAttributes attributes, byte[] path, InodeOperations inodes) {
    inode = attributes.id();
    opened = attributes;
    facts = Facts.of(attributes);
    this.path = path;
    this.inodes = inodes;
  }

  @Override
  public Facts facts() {
    return facts;
  }

  @Override
  public List<Entry> nextEntries() throws FsException {
    var entries = new ArrayList<Entry>();
    while (entries.isEmpty() && !listed) {
      DirectoryPage page = Futures.await(inodes.readDirectory(inode, cookie, PAGE_BYTES, true));
      for (DirectoryItem item : page.items()) {
        FileAttributes attributes = item.attributes();
        entries.add(
            new Entry(
                item.name().bytes(),
                item.type(),
                attributes == null ? null : Facts.of(attributes)));
      }
      cookie = page.nextCookie();
      listed = page.last();
    }
    return entries;
  }

  @Override
  public SourceDirectory openDirectory(Entry entry) throws FsException {
    Facts known = entry.facts();
    FileAttributes attributes =
        Futures.await(
            known == null
                ? inodes.lookup(inode, EntryName.of(entry.name()))
                : inodes.getAttributes(new InodeId(known.inode())));
    return new InstanceSourceDirectory(attributes, LocalFiles.join(path, entry.name()), inodes);
  }

  @Override
  public Facts factsNow(Entry entry) throws FsException {
    return Futures.await(facts(entry));
  }

  @Override
  public String display(byte[] name) {
    return TransferPath.display(TransferPath.Place.INSTANCE, LocalFiles.join(path, name));
  }

  @Override
  public CompletableFuture<Facts> facts(Entry entry) {
    Facts known = entry.facts();
    return known != null
        ? CompletableFuture.completedFuture(known)
        : lookup(entry.name()).thenApply(Facts::of);
  }

  @Override
  public CompletableFuture<SourceFile> openFile(Entry entry) {
    return inodeOf(entry)
        .thenCompose(file -> inodes.open(file, true, false))
        .thenApply(opened -> new InstanceSourceFile(opened, inodes));
  }

  @Override
  public CompletableFuture<byte[]> readLink(Entry entry) {
    return inodeOf(entry).thenCompose(inodes::readSymlink);
  }

  @Override
  public CompletableFuture<List<ExtendedAttribute>> userAttributes() {
    return InstanceAttributes.read(inodes, opened);
  }

  private CompletableFuture<InodeId> inodeOf(Entry entry) {
    Facts known = entry.facts();
    return known != null
        ? CompletableFuture.completedFuture(new InodeId(known.inode()))
        : lookup(entry.name()).thenApply(FileAttributes::id);
  }

  private CompletableFuture<FileAttributes> lookup(byte[] name) {
    try {
      return inodes.lookup(inode, EntryName.of(name));
    } catch (FsException failure) {
      return CompletableFuture.failedFuture(failure);
    }
  }

  @Override
  public void close() {
    // Nothing is held in the instance for a directory.
  }
}
