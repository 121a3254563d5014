package io.adhocfs.daemon.directory;

import io.adhocfs.daemon.cluster.AgreedSwitches;
import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.cluster.Peers;
import io.adhocfs.daemon.metadata.Dentry;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.transaction.ChangeRules;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.Plan;
import io.adhocfs.daemon.transaction.Planner;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.wire.Change;
import io.adhocfs.protocol.wire.EntryKey;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the operations that touch several keys have to change, and the POSIX rules that forbid some.
 * Each is planned at the owner of the name that decides its slot. Metadata thread only.
 */
public final class NamespacePlans {
  /** What an inode's owner keeps of it suffices. */
  private static final List<Integer> HOME = List.of(0);

  private final MetadataThread thread;
  private final MetadataStore store;
  private final ClusterState cluster;
  private final Peers peers;
  private final ChangeRules rules;
  private final AncestorWalk walk;
  private final Duration peekWait;
  private final AgreedSwitches switches;

  /**
   * @param lockWait how long to wait for a directory that an undecided operation holds
   */
  public NamespacePlans(
      MetadataThread thread,
      MetadataStore store,
      ClusterState cluster,
      Peers peers,
      KeyLocks locks,
      ChangeRules rules,
      Duration lockWait,
      AgreedSwitches switches) {
    this.thread = thread;
    this.store = store;
    this.cluster = cluster;
    this.peers = peers;
    this.rules = rules;
    this.walk = new AncestorWalk(thread, store, cluster, peers, locks, lockWait);
    this.peekWait = lockWait.multipliedBy(2);
    this.switches = switches;
  }

  /** Plans without asking anybody. */
  @FunctionalInterface
  private interface LocalPlan {
    Plan plan() throws FsException;
  }

  private record LocalPlanner(EntryKey entry, LocalPlan body) implements Planner {
    @Override
    public List<EntryKey> looksAt() {
      return List.of(entry);
    }

    @Override
    public void plan(Sink sink) throws FsException {
      sink.planned(body.plan());
    }
  }

  public Planner makeDirectory(NamespaceRequest.MakeDirectory request) {
    return new LocalPlanner(
        request.entry(),
        () -> {
          EntryKey entry = request.entry();
          FileAttributes parent = rules.directoryOf(entry);
          if (store.dentry(entry) != null) {
            throw exists(entry);
          }
          var made =
              new Change.NewDirectory(
                  slotOf(request, parent),
                  entry.directory(),
                  request.newInode().madeIn(parent),
                  parent.layout().dataset(),
                  request.nowNanos());
          var put =
              new Change.PutEntry(
                  entry, InodeId.NONE, FileType.DIRECTORY, InodeId.NONE, request.nowNanos());
          return Plan.of(
              List.of(put, made), id -> new Reply.Created(id, false, rules.newDirectory(made, id)));
        });
  }

  /** Where a new directory lies: by its name, or where its maker is. */
  private SlotId slotOf(NamespaceRequest.MakeDirectory request, FileAttributes parent)
      throws FsException {
    SlotId here =
        AgreedSwitches.offered(switches.of(parent).localDirectories(), request.directorySlot());
    return here == null
        ? Placement.newDirectorySlot(request.entry().directory(), request.entry().name())
        : here;
  }

  public Planner unlink(NamespaceRequest.Unlink request) {
    return new LocalPlanner(
        request.entry(),
        () -> {
          Dentry dentry = present(request.entry());
          if (dentry.type() == FileType.DIRECTORY) {
            throw new FsException(
                FsError.IS_DIRECTORY, "'" + request.entry().name() + "' is a directory");
          }
          return Plan.of(
              List.of(
                  new Change.RemoveEntry(request.entry(), dentry.inode(), request.nowNanos()),
                  new Change.AdjustLinks(dentry.inode(), -1, request.nowNanos())),
              made -> new Reply.Done());
        });
  }

  public Planner removeDirectory(NamespaceRequest.RemoveDirectory request) {
    return new Planner() {
      private int tries;

      @Override
      public List<EntryKey> looksAt() {
        return List.of(request.entry());
      }

      @Override
      public void plan(Sink sink) throws FsException {
        Dentry dentry = present(request.entry());
        if (dentry.type() != FileType.DIRECTORY) {
          throw new FsException(
              FsError.NOT_DIRECTORY, "'" + request.entry().name() + "' is no directory");
        }
        tries++;
        exponent(
            dentry.inode(),
            tries,
            sink,
            exponent -> {
              List<Change> changes = new ArrayList<>();
              changes.add(
                  new Change.RemoveEntry(request.entry(), dentry.inode(), request.nowNanos()));
              removal(dentry.inode(), exponent, changes);
              sink.planned(Plan.of(changes, made -> new Reply.Done()));
            });
      }
    };
  }

  private static void removal(InodeId directory, int exponent, List<Change> changes) {
    changes.add(new Change.RemoveEmptyDirectory(directory, exponent));
    for (int partition = 1; partition < 1 << exponent; partition++) {
      changes.add(new Change.CloseShare(directory, partition, exponent));
    }
  }

  /** Of a spread directory. */
  public Planner setAttributes(NamespaceRequest.SetAttributes request) {
    return new Planner() {
      @Override
      public List<EntryKey> looksAt() {
        return List.of();
      }

      @Override
      public void plan(Sink sink) throws FsException {
        FileAttributes directory = store.inode(request.inode());
        if (directory == null) {
          throw new FsException(FsError.NOT_FOUND, "inode " + request.inode() + " is not there");
        }
        int exponent = directory.partitionExponent();
        List<Change> changes = new ArrayList<>();
        for (int partition = 0; partition < 1 << exponent; partition++) {
          changes.add(
              new Change.SetShareAttributes(
                  request.inode(), partition, exponent, request.change()));
        }
        sink.planned(Plan.of(changes, made -> new Reply.Done()));
      }
    };
  }

  /** A directory's exponent. */
  @FunctionalInterface
  private interface FoundExponent {
    void found(int exponent) throws FsException;
  }

  /**
   * How a directory that is to go is spread. At the first try, one whose home is elsewhere counts
   * as not spread, as nearly all are: its home says when that is wrong.
   */
  private void exponent(InodeId directory, int tries, Planner.Sink sink, FoundExponent found)
      throws FsException {
    if (cluster.owns(directory.slotValue())) {
      FileAttributes attributes = store.inode(directory);
      found.found(attributes == null ? 0 : attributes.partitionExponent());
    } else if (tries == 1) {
      found.found(0);
    } else {
      ask(
          directory.slotValue(),
          new NamespaceRequest.GetShares(directory, HOME),
          sink,
          reply -> {
            if (reply instanceof Reply.Attributes answer) {
              found.found(answer.attributes().partitionExponent());
              return true;
            }
            return false;
          });
    }
  }

  /** An asked entry or inode. */
  @FunctionalInterface
  private interface Found {
    void found(InodeId inode, FileType type) throws FsException;
  }

  public Planner link(NamespaceRequest.Link request) {
    return new Planner() {
      @Override
      public List<EntryKey> looksAt() {
        return List.of(request.entry());
      }

      @Override
      public InodeId looksAtInode() {
        return request.inode();
      }

      @Override
      public void plan(Sink sink) throws FsException {
        rules.directoryOf(request.entry());
        if (store.dentry(request.entry()) != null) {
          throw exists(request.entry());
        }
        inode(
            request.inode(),
            sink,
            (inode, type) -> {
              if (type == FileType.DIRECTORY) {
                throw new FsException(
                    FsError.NOT_PERMITTED, "a directory can't have two names: " + inode);
              }
              sink.planned(
                  Plan.of(
                      List.of(
                          new Change.PutEntry(
                              request.entry(), inode, type, InodeId.NONE, request.nowNanos()),
                          new Change.AdjustLinks(inode, 1, request.nowNanos())),
                      made -> new Reply.Done()));
            });
      }
    };
  }

  private void inode(InodeId inode, Planner.Sink sink, Found found) throws FsException {
    if (cluster.owns(inode.slotValue())) {
      FileAttributes attributes = store.inode(inode);
      if (attributes == null) {
        throw new FsException(FsError.NOT_FOUND, "inode " + inode + " is not there");
      }
      found.found(inode, attributes.type());
      return;
    }
    ask(
        inode.slotValue(),
        new NamespaceRequest.GetShares(inode, HOME),
        sink,
        reply -> {
          if (reply instanceof Reply.Attributes attributes) {
            found.found(inode, attributes.attributes().type());
            return true;
          }
          return false;
        });
  }

  private void entry(EntryKey entry, Planner.Sink sink, Found found) throws FsException {
    if (cluster.owns(entry.slot().value())) {
      Dentry dentry = present(entry);
      found.found(dentry.inode(), dentry.type());
      return;
    }
    ask(
        entry.slot().value(),
        new NamespaceRequest.Lookup(entry),
        sink,
        reply -> {
          if (reply instanceof Reply.Entry answer) {
            found.found(answer.inode(), answer.fileType());
            return true;
          }
          return false;
        });
  }

  /** Goes on with a reply; false where it is another one than was asked for. */
  @FunctionalInterface
  private interface Answer {
    boolean take(Reply reply) throws FsException;
  }

  private void ask(int slot, NamespaceRequest request, Planner.Sink sink, Answer answer) {
    thread.whenDone(
        peers.call(cluster.map().owner(new SlotId(slot)), request, Deadline.after(peekWait)),
        (response, error) -> {
          if (response == null) {
            sink.failed(error == null ? new FsException(FsError.INTERNAL, "no answer") : error);
            return;
          }
          response.payload().release();
          try {
            if (!answer.take(response.reply())) {
              sink.failed(
                  new FsException(
                      FsError.INTERNAL, request.type() + " got " + response.reply().type()));
            }
          } catch (FsException e) {
            sink.failed(e);
          }
        });
  }

  public Planner rename(NamespaceRequest.Rename request) {
    return new Planner() {
      private int tries;

      @Override
      public List<EntryKey> looksAt() {
        return cluster.owns(request.from().slot().value())
            ? List.of(request.from(), request.to())
            : List.of(request.to());
      }

      @Override
      public void plan(Sink sink) throws FsException {
        boolean exchange = (request.flags() & NamespaceRequest.Rename.FLAG_EXCHANGE) != 0;
        boolean noReplace = (request.flags() & NamespaceRequest.Rename.FLAG_NO_REPLACE) != 0;
        if (request.flags() < 0 || request.flags() > 2) {
          throw new FsException(FsError.INVALID, "rename flags " + request.flags());
        }
        rules.directoryOf(request.to());
        entry(
            request.from(),
            sink,
            (inode, type) -> {
              // Looked up after the answer, so that no wait lies between this look and the changes.
              Dentry target = store.dentry(request.to());
              var moved = new Dentry(inode, type);
              if (target == null && exchange) {
                throw notFound(request.to());
              }
              if (target != null && noReplace) {
                throw exists(request.to());
              }
              if (target != null && target.inode().equals(inode)) {
                sink.planned(Plan.nothing(new Reply.Done()));
                return;
              }
              if (target != null && exchange) {
                sink.planned(exchange(request, moved, target));
              } else if (target != null
                  && target.type() == FileType.DIRECTORY
                  && moved.type() == FileType.DIRECTORY) {
                tries++;
                exponent(
                    target.inode(),
                    tries,
                    sink,
                    exponent -> sink.planned(move(request, moved, target, exponent)));
              } else {
                sink.planned(move(request, moved, target, 0));
              }
            });
      }
    };
  }

  private Plan move(
      NamespaceRequest.Rename request, Dentry moved, @Nullable Dentry target, int targetExponent)
      throws FsException {
    EntryKey from = request.from();
    EntryKey to = request.to();
    long now = request.nowNanos();
    boolean directory = moved.type() == FileType.DIRECTORY;
    List<Change> changes = new ArrayList<>(4);
    changes.add(new Change.RemoveEntry(from, moved.inode(), now));
    changes.add(
        new Change.PutEntry(
            to, moved.inode(), moved.type(), target == null ? InodeId.NONE : target.inode(), now));
    changes.add(newPlace(moved, from.directory(), to.directory(), now));
    if (target != null) {
      if (directory && target.type() != FileType.DIRECTORY) {
        throw new FsException(FsError.NOT_DIRECTORY, "'" + to.name() + "' is no directory");
      }
      if (!directory && target.type() == FileType.DIRECTORY) {
        throw new FsException(FsError.IS_DIRECTORY, "'" + to.name() + "' is a directory");
      }
      if (directory) {
        removal(target.inode(), targetExponent, changes);
      } else {
        changes.add(new Change.AdjustLinks(target.inode(), -1, now));
      }
    }
    Plan.Check check =
        directory && !from.directory().equals(to.directory())
            ? walk.notBelow(to.directory(), moved.inode())
            : null;
    return new Plan(changes, check, made -> new Reply.Done());
  }

  private Plan exchange(NamespaceRequest.Rename request, Dentry moved, Dentry target) {
    EntryKey from = request.from();
    EntryKey to = request.to();
    long now = request.nowNanos();
    List<Change> changes =
        List.of(
            new Change.PutEntry(from, target.inode(), target.type(), moved.inode(), now),
            new Change.PutEntry(to, moved.inode(), moved.type(), target.inode(), now),
            newPlace(moved, from.directory(), to.directory(), now),
            newPlace(target, to.directory(), from.directory(), now));
    Plan.Check check = null;
    if (!from.directory().equals(to.directory())) {
      boolean movedIsDirectory = moved.type() == FileType.DIRECTORY;
      boolean targetIsDirectory = target.type() == FileType.DIRECTORY;
      if (movedIsDirectory && targetIsDirectory) {
        check =
            outcome ->
                walk.notBelow(to.directory(), moved.inode())
                    .run(error -> {
                      if (error == null) {
                        walk.notBelow(from.directory(), target.inode()).run(outcome);
                      } else {
                        outcome.accept(error);
                      }
                    });
      } else if (movedIsDirectory) {
        check = walk.notBelow(to.directory(), moved.inode());
      } else if (targetIsDirectory) {
        check = walk.notBelow(from.directory(), target.inode());
      }
    }
    return new Plan(changes, check, made -> new Reply.Done());
  }

  private static Change newPlace(Dentry inode, InodeId before, InodeId after, long now) {
    return inode.type() == FileType.DIRECTORY
        ? new Change.SetParent(inode.inode(), before, after, now)
        : new Change.AdjustLinks(inode.inode(), 0, now);
  }

  private Dentry present(EntryKey entry) throws FsException {
    Dentry dentry = store.dentry(entry);
    if (dentry == null) {
      rules.directoryOf(entry);
      throw notFound(entry);
    }
    return dentry;
  }

  private static FsException notFound(EntryKey entry) {
    return new FsException(
        FsError.NOT_FOUND, "'" + entry.name() + "' is not in directory " + entry.directory());
  }

  private static FsException exists(EntryKey entry) {
    return new FsException(
        FsError.EXISTS, "'" + entry.name() + "' is in directory " + entry.directory());
  }
}
