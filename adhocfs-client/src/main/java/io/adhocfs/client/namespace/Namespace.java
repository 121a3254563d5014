package io.adhocfs.client.namespace;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OwnNode;
import io.adhocfs.client.routing.Parallel;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.DirectoryEntry;
import io.adhocfs.protocol.wire.NamespaceRequest.Create;
import io.adhocfs.protocol.wire.NamespaceRequest.GetAttributes;
import io.adhocfs.protocol.wire.NamespaceRequest.GetShares;
import io.adhocfs.protocol.wire.NamespaceRequest.Link;
import io.adhocfs.protocol.wire.NamespaceRequest.Lookup;
import io.adhocfs.protocol.wire.NamespaceRequest.MakeDirectory;
import io.adhocfs.protocol.wire.NamespaceRequest.Open;
import io.adhocfs.protocol.wire.NamespaceRequest.ReadDirectory;
import io.adhocfs.protocol.wire.NamespaceRequest.ReadSymlink;
import io.adhocfs.protocol.wire.NamespaceRequest.RemoveDirectory;
import io.adhocfs.protocol.wire.NamespaceRequest.Rename;
import io.adhocfs.protocol.wire.NamespaceRequest.SetAttributes;
import io.adhocfs.protocol.wire.NamespaceRequest.SyncInode;
import io.adhocfs.protocol.wire.NamespaceRequest.Truncate;
import io.adhocfs.protocol.wire.NamespaceRequest.Unlink;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Operations on names and inodes. Thread-safe; errors are those of the owners and the router. */
public final class Namespace {
  /**
   * The new inode, or the one that had the name.
   *
   * @param session in which it was made, and pinned
   */
  public record Made(Found found, boolean existed, Session session) {}

  /** Some entries in the order of their cookies; where to go on; whether that was the end. */
  public record Page<T>(List<T> items, long nextCookie, boolean last) {}

  /** Makes the caller's form of an entry. */
  @FunctionalInterface
  public interface ItemForm<T> {
    T item(EntryName name, InodeId inode, FileType type, @Nullable FileAttributes attributes);
  }

  /** How many attributes of one page are asked for at once. */
  private static final int ATTRIBUTES_AT_ONCE_MAX = 32;

  private static final int HASH_BITS = 63;

  private final OwnNode ownNode;
  private final Router router;
  private final LongSupplier wallClockNanos;
  private final Spread spread;

  /**
   * @param wallClockNanos nanoseconds since 1970
   */
  public Namespace(Router router, OwnNode ownNode, LongSupplier wallClockNanos) {
    this.ownNode = ownNode;
    this.router = router;
    this.wallClockNanos = wallClockNanos;
    this.spread = new Spread(router);
  }

  /** A slot of this machine's node, for what is made, where some of that is wanted there. */
  private int offeredSlot() {
    return router.switches().anyLocal() ? ownNode.slot() : Request.NO_SLOT;
  }

  private long now() {
    return wallClockNanos.getAsLong();
  }

  /** What a name stands for. */
  public CompletableFuture<Found> find(Operation operation, InodeId directory, EntryName name) {
    return find(operation, directory, name, false);
  }

  /**
   * What a name stands for.
   *
   * @param isPart whether that is asked for the sake of something else
   */
  public CompletableFuture<Found> find(
      Operation operation, InodeId directory, EntryName name, boolean isPart) {
    return spread.following(
        operation,
        List.of(directory),
        () -> {
          var lookup = new Lookup(spread.key(directory, name));
          return (isPart ? router.sendPart(operation, lookup) : router.send(operation, lookup))
              .thenApply(response -> {
                Reply reply = Answers.reply(response);
                if (reply instanceof Reply.Entry entry) {
                  return new Found(entry.inode(), entry.fileType(), entry.attributes());
                }
                throw Answers.unexpected(reply);
              });
        });
  }

  /** What a name stands for, with its attributes; a name that loses its inode is NOT_FOUND. */
  public CompletableFuture<FileAttributes> lookup(
      Operation operation, InodeId directory, EntryName name) {
    return find(operation, directory, name)
        .thenCompose(found ->
            found.attributes() != null
                ? CompletableFuture.completedFuture(found.attributes())
                : fetchAttributes(operation, found.inode()));
  }

  public CompletableFuture<FileAttributes> getAttributes(Operation operation, InodeId inode) {
    return told(router.send(operation, new GetAttributes(inode)));
  }

  /** As {@link #getAttributes}, as a part of something else. */
  public CompletableFuture<FileAttributes> fetchAttributes(Operation operation, InodeId inode) {
    return told(router.sendPart(operation, new GetAttributes(inode)));
  }

  private CompletableFuture<FileAttributes> told(CompletableFuture<Response> answer) {
    return answer.thenApply(response -> {
      FileAttributes told = Answers.attributes(response);
      spread.learn(told);
      return told;
    });
  }

  /** Sets attributes; the change time is the clock's unless it is given. */
  public CompletableFuture<FileAttributes> setAttributes(
      Operation operation, InodeId inode, AttributeChange change) {
    return router
        .sendStamped(operation, stamp -> new SetAttributes(stamp, inode, change.at(now())))
        .thenCompose(response -> changed(operation, inode, response));
  }

  /** What a change has made of an inode: told with its answer, or, of a spread directory, not. */
  CompletableFuture<FileAttributes> changed(Operation operation, InodeId inode, Response response) {
    Reply reply = Answers.reply(response);
    return switch (reply) {
      case Reply.Attributes answer -> CompletableFuture.completedFuture(answer.attributes());
      case Reply.Done _ -> fetchAttributes(operation, inode);
      default -> CompletableFuture.failedFuture(Answers.unexpected(reply));
    };
  }

  public CompletableFuture<FileAttributes> truncate(
      Operation operation, InodeId inode, long sizeBytes) {
    if (sizeBytes < 0) {
      return CompletableFuture.failedFuture(
          new FsException(FsError.INVALID, "a size of " + sizeBytes));
    }
    return router
        .sendStamped(operation, stamp -> new Truncate(stamp, inode, sizeBytes, now()))
        .thenApply(Answers::attributes);
  }

  /**
   * Makes anything but a directory.
   *
   * @param pin number of the pin to set on what has the name afterwards, if that lies with the
   *     name; 0 = none
   */
  public CompletableFuture<Made> create(
      Operation operation,
      InodeId directory,
      EntryName name,
      NewInode newInode,
      boolean exclusive,
      long pin) {
    return spread.following(
        operation,
        List.of(directory),
        () ->
            router
                .sendStampedTellingSession(
                    operation,
                    stamp ->
                        new Create(
                            stamp,
                            spread.key(directory, name),
                            newInode,
                            exclusive,
                            pin,
                            newInode.type() == FileType.REGULAR ? offeredSlot() : Request.NO_SLOT,
                            now()))
                .thenApply(answer -> {
                  Reply reply = Answers.reply(answer.response());
                  if (reply instanceof Reply.Created created) {
                    FileAttributes attributes = created.attributes();
                    FileType made = attributes == null ? newInode.type() : attributes.type();
                    return new Made(
                        new Found(created.inode(), made, attributes),
                        created.existed(),
                        answer.session());
                  }
                  throw Answers.unexpected(reply);
                }));
  }

  /** Makes a directory. */
  public CompletableFuture<FileAttributes> makeDirectory(
      Operation operation, InodeId directory, EntryName name, NewInode newInode) {
    return spread
        .following(
            operation,
            List.of(directory),
            () ->
                router.sendStamped(
                    operation,
                    stamp ->
                        new MakeDirectory(
                            stamp, spread.key(directory, name), newInode, offeredSlot(), now())))
        .thenCompose(response -> {
          Reply reply = Answers.reply(response);
          return switch (reply) {
            case Reply.Attributes made -> CompletableFuture.completedFuture(made.attributes());
            case Reply.Created made when made.attributes() != null ->
                CompletableFuture.completedFuture(made.attributes());
            case Reply.Created made -> fetchAttributes(operation, made.inode());
            case Reply.Entry made when made.attributes() != null ->
                CompletableFuture.completedFuture(made.attributes());
            case Reply.Entry made -> fetchAttributes(operation, made.inode());
            default -> CompletableFuture.failedFuture(Answers.unexpected(reply));
          };
        });
  }

  public CompletableFuture<Void> unlink(Operation operation, InodeId directory, EntryName name) {
    return Completion.done(
        spread
            .following(
                operation,
                List.of(directory),
                () ->
                    router.sendStamped(
                        operation, stamp -> new Unlink(stamp, spread.key(directory, name), now())))
            .thenApply(Answers::reply));
  }

  public CompletableFuture<Void> removeDirectory(
      Operation operation, InodeId directory, EntryName name) {
    return Completion.done(
        spread
            .following(
                operation,
                List.of(directory),
                () ->
                    router.sendStamped(
                        operation,
                        stamp -> new RemoveDirectory(stamp, spread.key(directory, name), now())))
            .thenApply(Answers::reply));
  }

  /** One more name; answers the inode as it is then. */
  public CompletableFuture<FileAttributes> link(
      Operation operation, InodeId inode, InodeId directory, EntryName name) {
    return spread
        .following(
            operation,
            List.of(directory),
            () ->
                router.sendStamped(
                    operation, stamp -> new Link(stamp, inode, spread.key(directory, name), now())))
        .thenCompose(response -> {
          Reply reply = Answers.reply(response);
          return reply instanceof Reply.Attributes linked
              ? CompletableFuture.completedFuture(linked.attributes())
              : fetchAttributes(operation, inode);
        });
  }

  /**
   * Moves a name.
   *
   * @param replace whether a target that exists is replaced; if not, it is EXISTS
   * @param exchange whether the names change places
   */
  public CompletableFuture<Void> rename(
      Operation operation,
      InodeId directory,
      EntryName name,
      InodeId newDirectory,
      EntryName newName,
      boolean replace,
      boolean exchange) {
    int flags = (replace ? 0 : Rename.FLAG_NO_REPLACE) | (exchange ? Rename.FLAG_EXCHANGE : 0);
    List<InodeId> directories =
        directory.equals(newDirectory) ? List.of(directory) : List.of(directory, newDirectory);
    return Completion.done(
        spread
            .following(
                operation,
                directories,
                () ->
                    router.sendStamped(
                        operation,
                        stamp ->
                            new Rename(
                                stamp,
                                spread.key(directory, name),
                                spread.key(newDirectory, newName),
                                flags,
                                now())))
            .thenApply(Answers::reply));
  }

  public CompletableFuture<byte[]> readSymlink(Operation operation, InodeId inode) {
    return router
        .send(operation, new ReadSymlink(inode))
        .thenApply(response -> {
          Reply reply = Answers.reply(response);
          if (reply instanceof Reply.Bytes target) {
            return target.bytes();
          }
          throw Answers.unexpected(reply);
        });
  }

  /** Makes an inode, and a directory's entries, survive a power failure. */
  public CompletableFuture<Void> syncToDisk(Operation operation, InodeId inode) {
    return router.unsynced().sync(inode, () -> syncAll(operation, inode));
  }

  private CompletableFuture<Void> syncAll(Operation operation, InodeId inode) {
    // Somebody else may have spread it, and made entries that this client knows nothing of.
    return router
        .send(operation, new GetShares(inode, List.of(0)))
        .thenCompose(response -> {
          FileAttributes home = Answers.attributes(response);
          spread.learn(home);
          int partitions = 1 << home.partitionExponent();
          // An inode's slot is that of its partition 0.
          Map<Integer, InodeId> slots = new LinkedHashMap<>();
          slots.put(inode.slotValue(), inode);
          for (int partition = 1; partition < partitions; partition++) {
            SlotId slot = Placement.partitionSlot(inode, partition);
            slots.putIfAbsent(slot.value(), InodeId.of(slot, 1));
          }
          List<InodeId> asked = List.copyOf(slots.values());
          return Parallel.run(
              asked.size(),
              ATTRIBUTES_AT_ONCE_MAX,
              i -> {
                var sync = new SyncInode(asked.get(i));
                return (i == 0 ? router.send(operation, sync) : router.sendPart(operation, sync))
                    .thenApply(Answers::reply);
              });
        });
  }

  /** Attributes, and a pin with this number. */
  public CompletableFuture<FileAttributes> open(Operation operation, InodeId inode, long pin) {
    return router.send(operation, new Open(inode, pin)).thenApply(Answers::attributes);
  }

  /**
   * Entries after a cookie. A page is empty only at the directory's end.
   *
   * @param maxBytes of the page, a target
   */
  public <T> CompletableFuture<Page<T>> readDirectory(
      Operation operation,
      InodeId directory,
      long afterCookie,
      int maxBytes,
      boolean withAttributes,
      ItemForm<T> form) {
    return spread
        .following(
            operation,
            List.of(directory),
            () -> readPartitions(operation, directory, afterCookie, maxBytes, withAttributes))
        .thenCompose(page ->
            withAttributes
                ? complete(operation, page, form)
                : CompletableFuture.completedFuture(formed(page, form)));
  }

  private CompletableFuture<Page<DirectoryEntry>> readPartitions(
      Operation operation,
      InodeId directory,
      long afterCookie,
      int maxBytes,
      boolean withAttributes) {
    int exponent = spread.exponent(directory);
    long lastPartition = (1L << exponent) - 1;
    int lowBits = HASH_BITS - exponent;
    // A cookie at the very end of a partition goes on in the next one.
    long partition = Math.min((afterCookie + 1) >>> lowBits, lastPartition);
    return router
        .send(
            operation,
            new ReadDirectory(
                directory, exponent, (int) partition, afterCookie, maxBytes, withAttributes))
        .thenCompose(response -> {
          Reply reply = Answers.reply(response);
          if (!(reply instanceof Reply.DirectoryPage page)) {
            return CompletableFuture.failedFuture(Answers.unexpected(reply));
          }
          long endOfPartition = ((partition + 1) << lowBits) - 1;
          boolean last = page.last() && partition == lastPartition;
          if (page.entries().isEmpty() && !last) {
            if (!page.last()) {
              return CompletableFuture.failedFuture(
                  new FsException(
                      FsError.INTERNAL, "an empty page in the middle of directory " + directory));
            }
            return readPartitions(operation, directory, endOfPartition, maxBytes, withAttributes);
          }
          long next = page.last() ? endOfPartition : page.entries().getLast().name().hash();
          return CompletableFuture.completedFuture(new Page<>(page.entries(), next, last));
        });
  }

  private static <T> Page<T> formed(Page<DirectoryEntry> page, ItemForm<T> form) {
    List<T> items = new ArrayList<>(page.items.size());
    for (DirectoryEntry entry : page.items) {
      items.add(form.item(entry.name(), entry.inode(), entry.fileType(), entry.attributes()));
    }
    return new Page<>(items, page.nextCookie, page.last);
  }

  /** Asks for the attributes that lie with other nodes. */
  private <T> CompletableFuture<Page<T>> complete(
      Operation operation, Page<DirectoryEntry> page, ItemForm<T> form) {
    var attributes = new @Nullable FileAttributes[page.items.size()];
    List<Integer> missing = new ArrayList<>();
    for (int i = 0; i < attributes.length; i++) {
      attributes[i] = page.items.get(i).attributes();
      if (attributes[i] == null) {
        missing.add(i);
      }
    }
    if (missing.isEmpty()) {
      return CompletableFuture.completedFuture(formed(page, form));
    }
    return Parallel.run(
            missing.size(),
            ATTRIBUTES_AT_ONCE_MAX,
            i -> {
              int index = missing.get(i);
              return Completion.compose(
                  fetchAttributes(operation, page.items.get(index).inode()),
                  (told, failure) -> {
                    if (failure != null && Failures.errorOf(failure) != FsError.NOT_FOUND) {
                      return CompletableFuture.failedFuture(failure);
                    }
                    attributes[index] = told; // null: it went away meanwhile
                    return CompletableFuture.completedFuture(told);
                  });
            })
        .thenApply(_ -> {
          List<T> items = new ArrayList<>(attributes.length);
          for (int i = 0; i < attributes.length; i++) {
            DirectoryEntry entry = page.items.get(i);
            items.add(form.item(entry.name(), entry.inode(), entry.fileType(), attributes[i]));
          }
          return new Page<>(items, page.nextCookie, page.last);
        });
  }
}
