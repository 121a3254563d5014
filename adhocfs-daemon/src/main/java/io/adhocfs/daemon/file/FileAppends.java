package io.adhocfs.daemon.file;

import io.adhocfs.daemon.metadata.AppendEnd;
import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.slot.Keys;
import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.daemon.slot.SlotPart;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Room behind the ends of files that appends have taken and not all filled. The size follows in
 * order: it does not pass room that is being filled, until whoever took it has been silent for
 * {@value #PATIENCE_SECONDS} s; then that is a hole, which a late writer may still fill. Room is
 * never given twice within one data generation: the end of what was given is a record that lasts as
 * long as the size is lower. A cut takes all of it back.
 *
 * <p>Metadata thread only.
 */
public final class FileAppends implements SlotPart {
  private static final Logger LOG = LoggerFactory.getLogger(FileAppends.class);

  public static final int PATIENCE_SECONDS = 10;
  private static final long PATIENCE_NANOS = PATIENCE_SECONDS * 1_000_000_000L;

  /** A piece of room. */
  private record Piece(long end, boolean filled, long sinceNanos) {}

  /** Somebody who has filled his piece and waits until the size covers it. */
  private record Waiting(long end, Exchange exchange) {}

  /** One file with room that is being filled; the owner of its lock. */
  private static final class Appended {
    final TreeMap<Long, Piece> pieces = new TreeMap<>();
    final List<Waiting> waiting = new ArrayList<>(2);

    /** The next look for silent ones: cancelled at the end, or many short appends leave many. */
    @Nullable Future<?> look;
  }

  private final MetadataThread thread;
  private final MetadataStore store;
  private final KeyLocks locks;
  private final FileCuts cuts;
  private final Map<InodeId, Appended> files = new HashMap<>();
  private final List<InodeId> recovered = new ArrayList<>();

  public FileAppends(MetadataThread thread, MetadataStore store, KeyLocks locks, FileCuts cuts) {
    this.thread = thread;
    this.store = store;
    this.locks = locks;
    this.cuts = cuts;
  }

  @Override
  public Set<RecordKind> kinds() {
    return Set.of(RecordKind.APPEND_END);
  }

  @Override
  public void found(int slot, byte[] key, byte[] value) {
    recovered.add(new InodeId(Keys.number(key, 0)));
  }

  /** Takes up what was found: nobody knows what of it has been filled. */
  @Override
  public void takeUp(BitSet slots) throws FsException {
    for (InodeId inode : recovered) {
      AppendEnd end = store.appendEnd(inode);
      FileAttributes file = store.inode(inode);
      if (end == null || file == null || end.endByte() <= file.sizeBytes()) {
        Batch batch = store.batch();
        batch.removeAppendEnd(inode);
        batch.commit();
      } else {
        take(inode, file.sizeBytes(), end.endByte());
      }
    }
    recovered.clear();
  }

  /** Where the next append may begin. */
  public long freeFrom(FileAttributes file) {
    AppendEnd end = store.appendEnd(file.id());
    return end == null ? file.sizeBytes() : Math.max(end.endByte(), file.sizeBytes());
  }

  /** Puts into a batch that room up to here has been given; {@link #take} follows its commit. */
  public void give(Batch batch, FileAttributes file, long endByte) throws FsException {
    AppendEnd before = store.appendEnd(file.id());
    batch.putAppendEnd(
        file.id(),
        new AppendEnd(endByte, before == null ? file.dataGeneration() : before.sinceGeneration()));
  }

  public void take(InodeId inode, long fromByte, long endByte) {
    Appended file = files.get(inode);
    if (file == null) {
      file = new Appended();
      files.put(inode, file);
      locks.acquire(file, List.of(new LockKey.Wanted(new LockKey.OfAppends(inode), true)), false);
      lookAfter(inode, file, PATIENCE_NANOS);
    }
    file.pieces.put(fromByte, new Piece(endByte, false, thread.nanoTime()));
  }

  private void lookAfter(InodeId inode, Appended file, long delayNanos) {
    file.look =
        thread.schedule(
            () -> {
              if (files.get(inode) == file) {
                lookForSilent(inode, file);
              }
            },
            delayNanos);
  }

  /** Gives up waiting for what has been silent. */
  private void lookForSilent(InodeId inode, Appended file) {
    long now = thread.nanoTime();
    long nextNanos = PATIENCE_NANOS;
    boolean any = false;
    for (Iterator<Piece> pieces = file.pieces.values().iterator(); pieces.hasNext(); ) {
      Piece piece = pieces.next();
      if (!piece.filled()) {
        long leftNanos = piece.sinceNanos() + PATIENCE_NANOS - now;
        if (leftNanos <= 0) {
          // The room itself stays given: by the record, or by the size that now passes it.
          pieces.remove();
          any = true;
        } else {
          nextNanos = Math.min(nextNanos, leftNanos);
        }
      }
    }
    if (any) {
      LOG.info("appends to inode {} are no longer waited for", inode);
    }
    if (any || !file.waiting.isEmpty()) {
      try {
        FileAttributes attributes = store.inode(inode);
        if (attributes != null) {
          publish(inode, file, attributes, attributes.mtimeNanos());
        } else {
          forget(inode, new FsException(FsError.NOT_FOUND, "inode " + inode + " is gone"));
        }
      } catch (FsException e) {
        LOG.warn("the size of inode {} stays for now: {}", inode, e.getMessage());
      }
    }
    if (files.get(inode) == file) {
      lookAfter(inode, file, nextNanos);
    }
  }

  /**
   * Room has been filled: the exchange is answered when the size covers it.
   *
   * @param attributes of the file now
   */
  public void filled(
      Exchange exchange,
      FileAttributes attributes,
      long dataGeneration,
      long fromByte,
      long endByte,
      long mtimeNanos)
      throws FsException {
    InodeId inode = attributes.id();
    AppendEnd given = store.appendEnd(inode);
    if (given == null || dataGeneration < given.sinceGeneration() || endByte > given.endByte()) {
      if (endByte > attributes.sizeBytes() && dataGeneration == attributes.dataGeneration()) {
        throw new FsException(
            FsError.INVALID, "inode " + inode + ": no room was given up to " + endByte);
      }
      // Cut away since, or part of the size already.
      if (dataGeneration == attributes.dataGeneration()) {
        publishTimes(attributes, mtimeNanos);
      }
      exchange.reply(new Reply.Attributes(cuts.visible(existing(inode))));
      return;
    }
    Appended file = files.get(inode);
    if (file == null) {
      take(inode, fromByte, endByte);
      file = files.get(inode);
    }
    if (file == null) {
      throw new IllegalStateException("inode " + inode + " has lost its appends");
    }
    mark(file, fromByte, endByte, true);
    publish(inode, file, attributes, mtimeNanos);
    FileAttributes now = existing(inode);
    if (endByte <= now.sizeBytes()) {
      exchange.reply(new Reply.Attributes(cuts.visible(now)));
    } else {
      file.waiting.add(new Waiting(endByte, exchange));
    }
  }

  private FileAttributes existing(InodeId inode) throws FsException {
    FileAttributes attributes = store.inode(inode);
    if (attributes == null) {
      throw new FsException(FsError.NOT_FOUND, "inode " + inode + " is not there");
    }
    return attributes;
  }

  private void publishTimes(FileAttributes attributes, long mtimeNanos) throws FsException {
    Batch batch = store.batch();
    batch.putInode(AttributeEdit.of(attributes).contentChanged(mtimeNanos).done());
    batch.commit();
  }

  /**
   * Room will not be filled.
   *
   * @param reusable whether nothing can arrive there any more; the last room is free again then
   */
  public void abandoned(
      FileAttributes attributes, long dataGeneration, long fromByte, long endByte, boolean reusable)
      throws FsException {
    InodeId inode = attributes.id();
    AppendEnd given = store.appendEnd(inode);
    Appended file = files.get(inode);
    if (given == null || file == null || dataGeneration < given.sinceGeneration()) {
      return;
    }
    Piece piece = file.pieces.get(fromByte);
    if (piece == null || piece.filled() || piece.end() != endByte) {
      return;
    }
    if (reusable && given.endByte() == endByte) {
      Batch batch = store.batch();
      if (fromByte <= attributes.sizeBytes()) {
        batch.removeAppendEnd(inode);
      } else {
        batch.putAppendEnd(inode, new AppendEnd(fromByte, given.sinceGeneration()));
      }
      batch.commit();
    }
    file.pieces.remove(fromByte);
    publish(inode, file, attributes, attributes.mtimeNanos());
  }

  /** Marks a range as filled, cutting pieces that it lies in: after a restart one is for many. */
  private void mark(Appended file, long fromByte, long endByte, boolean filled) {
    Map.Entry<Long, Piece> around = file.pieces.floorEntry(fromByte);
    if (around != null && !around.getValue().filled() && around.getValue().end() >= endByte) {
      Piece piece = around.getValue();
      file.pieces.remove(around.getKey());
      if (around.getKey() < fromByte) {
        file.pieces.put(around.getKey(), new Piece(fromByte, false, piece.sinceNanos()));
      }
      if (endByte < piece.end()) {
        file.pieces.put(endByte, new Piece(piece.end(), false, piece.sinceNanos()));
      }
    }
    file.pieces.put(fromByte, new Piece(endByte, filled, thread.nanoTime()));
  }

  /** Lets the size follow what has been filled, and answers whom it covers now. */
  private void publish(InodeId inode, Appended file, FileAttributes attributes, long mtimeNanos)
      throws FsException {
    long size = attributes.sizeBytes();
    boolean hole = false;
    int covered = 0;
    for (Map.Entry<Long, Piece> entry : file.pieces.entrySet()) {
      Piece piece = entry.getValue();
      if (!piece.filled() && piece.end() > attributes.sizeBytes()) {
        break;
      }
      covered++;
      if (piece.end() > size) {
        hole |= entry.getKey() > size;
        size = piece.end();
      }
    }
    if (covered > 0) {
      AppendEnd given = store.appendEnd(inode);
      AttributeEdit edit = AttributeEdit.of(attributes).sizeBytes(size).contentChanged(mtimeNanos);
      if (hole) {
        edit.mayHaveHoles();
      }
      Batch batch = store.batch();
      batch.putInode(edit.done());
      if (given != null && given.endByte() <= size) {
        batch.removeAppendEnd(inode);
      }
      batch.commit();
      for (int i = 0; i < covered; i++) {
        file.pieces.pollFirstEntry();
      }
    }
    if (!file.waiting.isEmpty()) {
      FileAttributes now = cuts.visible(existing(inode));
      for (Iterator<Waiting> all = file.waiting.iterator(); all.hasNext(); ) {
        Waiting one = all.next();
        if (one.end() <= now.sizeBytes()) {
          all.remove();
          one.exchange().reply(new Reply.Attributes(now));
        }
      }
    }
    if (file.pieces.isEmpty()) {
      end(inode, file);
    }
  }

  private void end(InodeId inode, Appended file) {
    files.remove(inode, file);
    if (file.look != null) {
      file.look.cancel(false);
    }
    locks.release(file);
  }

  /** After a cut has been written: what was given is void, and over as if before the cut. */
  public void cut(FileAttributes after) {
    Appended file = files.get(after.id());
    if (file != null) {
      for (Waiting one : file.waiting) {
        one.exchange().reply(new Reply.Attributes(cuts.visible(after)));
      }
      file.waiting.clear();
      end(after.id(), file);
    }
  }

  /** Forgets files of slots that have gone; those who wait for their sizes ask the new owner. */
  @Override
  public void forget(BitSet slots) {
    for (InodeId inode : List.copyOf(files.keySet())) {
      if (slots.get(inode.slotValue())) {
        forget(
            inode,
            new FsException(FsError.WRONG_OWNER, "inode " + inode + " has gone to another node"));
      }
    }
  }

  @Override
  public List<String> kept(BitSet slots) {
    return SlotPart.inWords(
        slots, files.keySet().stream(), InodeId::slotValue, inode -> "appends to " + inode);
  }

  private void forget(InodeId inode, FsException reason) {
    Appended file = files.get(inode);
    if (file != null) {
      for (Waiting one : file.waiting) {
        one.exchange().fail(reason.error(), String.valueOf(reason.getMessage()));
      }
      file.waiting.clear();
      end(inode, file);
    }
  }

  /** The key to wait for until no room is being filled, or null. */
  public @Nullable LockKey underWay(InodeId inode) {
    return files.containsKey(inode) ? new LockKey.OfAppends(inode) : null;
  }
}
