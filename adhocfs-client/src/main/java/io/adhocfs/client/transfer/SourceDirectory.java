package io.adhocfs.client.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A directory that is copied from. The calls up to {@link #factsNow} wait, and are made by the one
 * thread that walks this directory; the others never do.
 */
interface SourceDirectory extends AutoCloseable {

  /**
   * One thing in it.
   *
   * @param facts null where the listing does not tell them
   */
  record Entry(byte[] name, FileType type, @Nullable Facts facts) {}

  /** What the directory itself is. */
  Facts facts();

  /** The next entries, without "." and ".."; empty at the end. */
  List<Entry> nextEntries() throws FsException;

  SourceDirectory openDirectory(Entry entry) throws FsException;

  /** What an entry is now. */
  Facts factsNow(Entry entry) throws FsException;

  /** The path of an entry, for people. */
  String display(byte[] name);

  /** What an entry is now. */
  CompletableFuture<Facts> facts(Entry entry);

  CompletableFuture<SourceFile> openFile(Entry entry);

  CompletableFuture<byte[]> readLink(Entry entry);

  /** Its extended attributes of namespace user; none where the file system has no such thing. */
  CompletableFuture<List<ExtendedAttribute>> userAttributes();

  /** To be called when nothing in it is used any more. */
  @Override
  void close();
}
