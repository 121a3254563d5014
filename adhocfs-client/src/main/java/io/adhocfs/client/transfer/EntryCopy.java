package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Copies one thing that is no directory. */
final class EntryCopy {
  private final TreeCopy tree;
  private final SourceDirectory directory;
  private final SourceDirectory.Entry entry;
  private final CompletableFuture<TargetDirectory> target;
  private final byte[] name;

  /**
   * A copy that is to be made.
   *
   * @param target where to; if it fails, so does this copy, and nobody need hear of it
   * @param name under which name
   */
  EntryCopy(
      TreeCopy tree,
      SourceDirectory directory,
      SourceDirectory.Entry entry,
      CompletableFuture<TargetDirectory> target,
      byte[] name) {
    this.tree = tree;
    this.directory = directory;
    this.entry = entry;
    this.target = target;
    this.name = name;
  }

  /** Copies without waiting; ends when nothing of it is under way any more, also when it fails. */
  CompletableFuture<Void> start() {
    return switch (entry.type()) {
      case REGULAR -> copyFile();
      case SYMLINK -> copySymlink();
      case FIFO, SOCKET, CHARACTER_DEVICE, BLOCK_DEVICE -> copyNode();
      case DIRECTORY -> throw new IllegalArgumentException("a directory");
    };
  }

  private CompletableFuture<Void> copyNode() {
    return directory
        .facts(entry)
        .thenCompose(facts -> target.thenCompose(into -> into.makeNode(name, facts)))
        .thenAccept(made -> (made ? tree.tally().nodes : tree.tally().skipped).increment());
  }

  private CompletableFuture<Void> copySymlink() {
    return directory
        .facts(entry)
        .thenCompose(facts ->
            directory
                .readLink(entry)
                .thenCompose(link -> target.thenCompose(into -> into.symlink(name, link, facts))))
        .thenAccept(made -> (made ? tree.tally().symlinks : tree.tally().skipped).increment());
  }

  private CompletableFuture<Void> copyFile() {
    return directory
        .openFile(entry)
        .thenCompose(file -> copyOrLink(file).whenComplete((nothing, failure) -> file.close()));
  }

  private CompletableFuture<Void> copyOrLink(SourceFile file) {
    HardLinks.Turn turn = tree.hardLinks().turnOf(file.facts());
    if (turn.first() != null) {
      return linkTo(turn.first());
    }
    CompletableFuture<TargetFile> copy = copyContent(file);
    CompletableFuture<TargetFile> told = turn.copied();
    if (told == null) {
      return copy.thenAccept(_ -> {});
    }
    return copy.whenComplete(
            (copied, failure) -> {
              if (failure == null) {
                told.complete(copied);
              } else {
                told.completeExceptionally(failure);
              }
            })
        .thenAccept(_ -> {});
  }

  private CompletableFuture<Void> linkTo(CompletableFuture<TargetFile> first) {
    return first.handle((file, failure) -> failure == null ? file : null).thenCompose(this::linkTo);
  }

  private CompletableFuture<Void> linkTo(@Nullable TargetFile file) {
    if (file == null) {
      return CompletableFuture.failedFuture(
          tree.stopped()
              ? new NotAttempted()
              : new FsException(
                  FsError.NOT_FOUND,
                  path() + ": is one more name of a file that could not be copied"));
    }
    return target
        .thenCompose(into -> into.link(name, file))
        .thenAccept(made -> (made ? tree.tally().hardLinks : tree.tally().skipped).increment());
  }

  private CompletableFuture<TargetFile> copyContent(SourceFile source) {
    long sizeBytes = source.facts().sizeBytes();
    tree.tally().bytesFound.add(sizeBytes);
    return target
        .thenCompose(into -> into.openFile(name, source.facts()))
        .thenCompose(opened -> {
          if (opened.skipped()) {
            tree.tally().skipped.increment();
            tree.tally().bytesDone.add(sizeBytes);
            return opened.file().close().thenApply(closed -> opened.file());
          }
          return fill(source, opened.file()).thenApply(_ -> opened.file());
        });
  }

  private CompletableFuture<Void> fill(SourceFile source, TargetFile copy) {
    CompletableFuture<ContentCopy.End> whole =
        new ContentCopy(tree, source, copy, path())
            .start()
            .thenCompose(end -> complete(source, copy, end));
    return whole
        .exceptionallyCompose(failure -> Futures.failAfter(copy.close(), failure))
        .thenCompose(end ->
            copy.close()
                .thenCompose(_ -> copy.publish())
                .thenApply(published -> {
                  (published ? tree.tally().regularFiles : tree.tally().skipped).increment();
                  reportChange(source, end);
                  return end;
                }))
        .exceptionallyCompose(failure -> Futures.failAfter(copy.discard(), failure))
        .thenAccept(_ -> {});
  }

  /** Gives a copy what else it takes over from its source, and compares sizes. */
  private CompletableFuture<ContentCopy.End> complete(
      SourceFile source, TargetFile copy, ContentCopy.End end) {
    return source
        .userAttributes()
        .thenCompose(attributes ->
            attributes.isEmpty()
                ? CompletableFuture.<Void>completedFuture(null)
                : copy.setAttributes(attributes))
        .thenCompose(_ -> copy.finish(source.facts(), end.bytes()))
        .thenCompose(made ->
            made.sizeBytes() == end.bytes()
                ? CompletableFuture.completedFuture(end)
                : CompletableFuture.failedFuture(
                    new FsException(
                        FsError.CORRUPT,
                        "%s: the copy has %d bytes, the source %d"
                            .formatted(path(), made.sizeBytes(), end.bytes()))));
  }

  /**
   * Says of a copy that its source changed while it was read. The copy stays: it is all that there
   * was to read, and it has the source's earlier time, so that an update copies it again.
   */
  private void reportChange(SourceFile source, ContentCopy.End end) {
    Facts before = source.facts();
    Facts now = end.sourceThen();
    if (now.hasContentOf(before)) {
      return;
    }
    String what =
        now.sizeBytes() == before.sizeBytes()
            ? "changed"
            : "changed from %d to %d bytes".formatted(before.sizeBytes(), now.sizeBytes());
    tree.failed(
        path(),
        new FsException(
            FsError.CHANGED,
            "%s: %s while it was copied; the copy has the %d bytes that were read"
                .formatted(path(), what, end.bytes())));
  }

  String path() {
    return directory.display(entry.name());
  }
}
