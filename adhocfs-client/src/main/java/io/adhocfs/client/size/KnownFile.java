package io.adhocfs.client.size;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Failures;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.DataGeneration;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.OwnVersions;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.NamespaceRequest.GetAttributes;
import io.adhocfs.protocol.wire.NamespaceRequest.ReportWrite;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One file that this client has open in a session, shared by all its handles there. When what the
 * session has open of it is lost, so is this: whatever it is asked to do at a node then fails, and
 * a new open makes another. Thread-safe.
 *
 * <p>Between two cuts a size only grows, whatever ranges are cleared ({@link DataGeneration}), so
 * of two answers of the owner the one of the later cut counts, then the larger: the order of their
 * arrival does not matter. Where sizes are told later (the switch {@code size-updates}), this
 * client's own counts until the owner has heard of it.
 *
 * <p>What this client has stored and not told when it hears of a cut is void: the cut has taken the
 * bytes away at all nodes, since the owner knew that this client has the file open. Bytes that are
 * stored after the cut are refused until they come with its generation. Cuts of this client's own
 * need not reach all nodes, so while one is under way no size waits to be told.
 */
public final class KnownFile {
  /** How long the owner may not know the time of a finished write. */
  private static final long TELL_WITHIN_NANOS = 1_000_000_000;

  private final InodeId inode;
  private final Session session;
  private final Router router;
  private final OperationSource operations;

  /** Whether this client is cutting the file. */
  private final BooleanSupplier isBeingCut;

  private volatile FileAttributes attributes;

  /** The newest data version that was told. */
  @GuardedBy("this")
  private long version;

  /** From which version on only writes of this client have raised it. */
  @GuardedBy("this")
  private long ownSince;

  /** The latest end of a write whose time the owner does not know; 0 = it knows all. */
  @GuardedBy("this")
  private long untoldMtimeNanos;

  /** Whether a timer will tell it. */
  @GuardedBy("this")
  private boolean tellIsDue;

  /** The report under way: never more than one. */
  @GuardedBy("this")
  private @Nullable Report sent;

  /** What gathers behind it. */
  @GuardedBy("this")
  private @Nullable Report gathering;

  /** What has been taken and not stored; null = nothing ever was. */
  private volatile @Nullable Unstored unstored;

  /** How many handles there are; guarded by {@link KnownFiles}. */
  int handles;

  /** Whether a cut of this client was given up and may come yet; guarded by {@link KnownFiles}. */
  boolean mayBeCutLate;

  /**
   * @param isBeingCut whether a cut by this client is under way; called under this object's lock
   */
  KnownFile(
      FileAttributes attributes,
      Session session,
      Router router,
      OperationSource operations,
      BooleanSupplier isBeingCut) {
    this.inode = attributes.id();
    this.session = session;
    this.attributes = attributes;
    this.version = attributes.dataVersion();
    this.ownSince = version;
    this.router = router;
    this.operations = operations;
    this.isBeingCut = isBeingCut;
  }

  public InodeId inode() {
    return inode;
  }

  /** The session that has it open. */
  public Session session() {
    return session;
  }

  /** Whether the session still has it open, as far as this client has heard. */
  public boolean isAlive() {
    return session.isAlive(inode);
  }

  /** Why the session does not have it open any more; null if it has. */
  public @Nullable FsException loss() {
    return session.lossOf(inode);
  }

  /** The newest that the owner has said. */
  public FileAttributes attributes() {
    return attributes;
  }

  /** Takes in what the owner has said. */
  public void learn(FileAttributes told) {
    Report voided;
    synchronized (this) {
      voided = take(told);
    }
    refuse(voided);
  }

  /** As {@link #learn}, of the answer to a write of this client, which raised the version by 1. */
  public void learnOwn(FileAttributes told) {
    Report voided;
    synchronized (this) {
      boolean isNext = told.dataVersion() == version + 1;
      long since = ownSince;
      voided = take(told);
      if (isNext) {
        ownSince = Math.min(since, version);
      }
    }
    refuse(voided);
  }

  /**
   * Answers a report that a cut has made void, which is to be refused without the lock; or null.
   */
  @GuardedBy("this")
  private @Nullable Report take(FileAttributes told) {
    if (!told.id().equals(inode)) {
      throw new IllegalArgumentException("inode " + told.id() + " is not " + inode);
    }
    if (told.dataVersion() > version) {
      version = told.dataVersion();
      ownSince = version;
    }
    FileAttributes known = attributes;
    if (DataGeneration.isSameCut(told.dataGeneration(), known.dataGeneration())) {
      attributes = merged(known, told);
    } else if (told.dataGeneration() > known.dataGeneration()) {
      attributes = told;
      Report voided = gathering;
      gathering = null;
      return voided;
    }
    return null;
  }

  private void refuse(@Nullable Report voided) {
    if (voided != null) {
      voided.done.completeExceptionally(stale(voided.dataGeneration, attributes.dataGeneration()));
    }
  }

  /** Of two states between the same two cuts, what is known then. */
  private static FileAttributes merged(FileAttributes known, FileAttributes told) {
    boolean isNewer =
        told.sizeBytes() > known.sizeBytes()
            || (told.sizeBytes() == known.sizeBytes()
                && told.dataVersion() >= known.dataVersion()
                && (known.layout().inline() || !told.layout().inline()));
    FileAttributes base = isNewer ? told : known;
    FileAttributes other = isNewer ? known : told;
    return with(
        base,
        base.sizeBytes(),
        Math.max(base.dataGeneration(), other.dataGeneration()),
        base.mayHaveHoles() || other.mayHaveHoles(),
        // A file leaves inline form once and for good.
        other.layout().inline() ? base.layout() : other.layout());
  }

  /** The newest version, and those before it that only this client's writes lie between. */
  public synchronized OwnVersions ownVersions() {
    return new OwnVersions(ownSince, version);
  }

  /** What has been written up to now counts as somebody else's, whenever it is told. */
  public synchronized void disown() {
    ownSince = version + 1;
  }

  private static FileAttributes with(
      FileAttributes base,
      long sizeBytes,
      long dataGeneration,
      boolean mayHaveHoles,
      FileLayout layout) {
    return new FileAttributes(
        base.id(),
        base.type(),
        base.mode(),
        base.uid(),
        base.gid(),
        base.linkCount(),
        sizeBytes,
        base.atimeNanos(),
        base.mtimeNanos(),
        base.ctimeNanos(),
        base.deviceNumber(),
        base.parent(),
        base.partitionExponent(),
        dataGeneration,
        base.dataVersion(),
        mayHaveHoles,
        base.hasExtendedAttributes(),
        layout);
  }

  /** What this client has taken of the file and not stored yet; null = nothing ever. */
  public @Nullable Unstored unstored() {
    return unstored;
  }

  /** The same, made on the first call; always of one class. */
  public synchronized Unstored unstored(Function<KnownFile, ? extends Unstored> maker) {
    Unstored there = unstored;
    if (there == null) {
      there = maker.apply(this);
      unstored = there;
    }
    return there;
  }

  /** Whether there is something that {@link #afterHeld} would wait for. */
  public boolean holdsBytes() {
    return heldEndBytes() > 0;
  }

  private long heldEndBytes() {
    Unstored taken = unstored;
    return taken == null ? 0 : taken.endBytes();
  }

  /**
   * Goes on when what this client has taken up to now is stored, or lost: at once if that is
   * nothing. What is taken meanwhile is not waited for, or it might be for ever.
   */
  public <T extends @Nullable Object> CompletableFuture<T> afterHeld(
      Operation operation, Supplier<CompletableFuture<T>> next) {
    Unstored taken = unstored;
    return taken == null || taken.endBytes() == 0
        ? next.get()
        : operation.share(taken.drain()).thenCompose(_ -> next.get());
  }

  /** Asks the owner, as a part of something else, which may be the storing of bytes. */
  public CompletableFuture<FileAttributes> refresh(Operation operation) {
    return owesSize() ? currentOfStored(operation) : ask(operation);
  }

  private CompletableFuture<FileAttributes> ask(Operation operation) {
    return told(router.sendPart(operation, new GetAttributes(inode)));
  }

  /** Completes when the owner knows how far this client's finished writes reach. */
  public CompletableFuture<Void> settle(Operation operation) {
    return afterHeld(operation, () -> settleStored(operation));
  }

  /** The same of what has been stored: for the storing itself. */
  public CompletableFuture<Void> settleStored(Operation operation) {
    return owesSize() ? Completion.done(tellTimesOfStored(operation)) : Completion.done();
  }

  private synchronized boolean owesSize() {
    return (gathering != null && gathering.later) || (sent != null && sent.later);
  }

  /** What a listing says of this file, with what the owner did not know of its size. */
  public FileAttributes withOwnSize(FileAttributes listed) {
    FileAttributes known = attributes;
    long endBytes = heldEndBytes();
    if (!DataGeneration.isSameCut(listed.dataGeneration(), known.dataGeneration())
        || (endBytes == 0 && !owesSize())) {
      return listed;
    }
    return endBytes > known.sizeBytes() ? grown(known, known.sizeBytes(), endBytes) : known;
  }

  private CompletableFuture<FileAttributes> told(CompletableFuture<Response> answer) {
    return answer.thenApply(response -> {
      FileAttributes told = Answers.attributes(response);
      learn(told);
      return told;
    });
  }

  /** What the file is now, with the times of this client's finished writes. */
  public CompletableFuture<FileAttributes> current(Operation operation) {
    return afterHeld(operation, () -> currentOfStored(operation));
  }

  private CompletableFuture<FileAttributes> currentOfStored(Operation operation) {
    return tellTimesOfStored(operation)
        .thenCompose(told ->
            told != null
                ? CompletableFuture.completedFuture(told)
                : told(router.send(operation, new GetAttributes(inode))));
  }

  /**
   * Bytes have been stored in chunks. Completes when the owner's size covers their end; what lies
   * within it is told within a second, or by {@link #tellTimes}. Several that grow the file share
   * one report.
   *
   * @param tellsLater whether the size, too, may be told within a second
   * @param solidFromBytes from where on everything up to the end has been stored
   * @param dataGeneration under which they were stored; STALE_GENERATION = the file has been cut,
   *     or ranges of it cleared, since, and they are to be stored again
   */
  public CompletableFuture<FileAttributes> stored(
      Operation operation,
      long solidFromBytes,
      long endBytes,
      long dataGeneration,
      long mtimeNanos,
      boolean tellsLater) {
    Report mine;
    Report toSend = null;
    synchronized (this) {
      FileAttributes known = attributes;
      if (dataGeneration != known.dataGeneration()) {
        return CompletableFuture.failedFuture(stale(dataGeneration, known.dataGeneration()));
      }
      untoldMtimeNanos = Math.max(untoldMtimeNanos, mtimeNanos);
      if (endBytes <= known.sizeBytes()) {
        tellSoon();
        return CompletableFuture.completedFuture(known);
      }
      if (tellsLater && !isBeingCut.getAsBoolean()) {
        gather(solidFromBytes, endBytes).later = true;
        FileAttributes grown = grown(known, solidFromBytes, endBytes);
        attributes = grown;
        tellSoon();
        return CompletableFuture.completedFuture(grown);
      }
      if (sent != null && sent.dataGeneration == dataGeneration && sent.sizeBytes >= endBytes) {
        mine = sent;
      } else {
        mine = gather(solidFromBytes, endBytes);
        toSend = startNext();
      }
    }
    if (toSend != null) {
      transmit(toSend);
    }
    return operation.share(mine.done);
  }

  /**
   * Tells the owner the times of finished writes that it does not know, and completes when it knows
   * them: with what it answered, or null where there was nothing to tell.
   */
  public CompletableFuture<@Nullable FileAttributes> tellTimes(Operation operation) {
    return afterHeld(operation, () -> tellTimesOfStored(operation));
  }

  private CompletableFuture<@Nullable FileAttributes> tellTimesOfStored(Operation operation) {
    Report awaited;
    Report toSend = null;
    boolean mine;
    synchronized (this) {
      if (untoldMtimeNanos != 0) {
        awaited = gather(0, 0);
        toSend = startNext();
        mine = true;
      } else if (sent != null) {
        // It may carry the time of a write that has finished.
        awaited = sent;
        mine = false;
      } else {
        return CompletableFuture.completedFuture(null);
      }
    }
    if (toSend != null) {
      transmit(toSend);
    }
    var result = new CompletableFuture<@Nullable FileAttributes>();
    Completion.then(
        operation.share(awaited.done),
        (told, failure) -> {
          if (failure == null) {
            result.complete(mine ? told : null);
            return;
          }
          FsException answer = Failures.of(failure);
          boolean cut = answer.error() == FsError.STALE_GENERATION;
          if (operation.isCancelled() || operation.remainingNanos() == 0 || (mine && !cut)) {
            result.completeExceptionally(answer);
            return;
          }
          // The times are back among those to tell: after a cut, under the new generation.
          Completion.relay(
              cut
                  ? ask(operation).thenCompose(_ -> tellTimesOfStored(operation))
                  : tellTimesOfStored(operation),
              result);
        });
    return result;
  }

  @GuardedBy("this")
  private void tellSoon() {
    if (!tellIsDue) {
      tellIsDue = true;
      var _ = operations.timers().after(TELL_WITHIN_NANOS, this::tellNow);
    }
  }

  private void tellNow() {
    Report toSend = null;
    synchronized (this) {
      tellIsDue = false;
      if (untoldMtimeNanos != 0) {
        var _ = gather(0, 0);
        toSend = startNext();
      }
    }
    if (toSend != null) {
      transmit(toSend);
    }
  }

  /** The report that goes out next, covering this stretch too; always of the cut that is known. */
  @GuardedBy("this")
  private Report gather(long solidFromBytes, long endBytes) {
    Report report = gathering;
    if (report == null) {
      report = new Report(attributes.dataGeneration());
      gathering = report;
    }
    report.add(solidFromBytes, endBytes);
    return report;
  }

  /** What is to be transmitted now, or null. */
  @GuardedBy("this")
  private @Nullable Report startNext() {
    Report next = gathering;
    if (sent != null || next == null) {
      return null;
    }
    gathering = null;
    sent = next;
    next.mtimeNanos = untoldMtimeNanos;
    untoldMtimeNanos = 0;
    return next;
  }

  private void transmit(Report report) {
    // Many may wait for it, so it is an operation of its own.
    Operation operation =
        operations.begin(session, inode, () -> "report of writes to inode " + inode);
    Completion.then(
        router
            .send(
                operation,
                new ReportWrite(
                    inode,
                    report.dataGeneration,
                    report.solidFromBytes,
                    report.sizeBytes,
                    report.mtimeNanos))
            .thenApply(Answers::attributes),
        (told, failure) -> {
          if (failure == null) {
            learnOwn(told);
          }
          Report next;
          synchronized (this) {
            sent = null;
            if (failure != null) {
              untoldMtimeNanos = Math.max(untoldMtimeNanos, report.mtimeNanos);
              // Of what is lost nothing can be told any more: flush and close fail with that.
              if (Failures.of(failure).error() != FsError.STALE_GENERATION && isAlive()) {
                owe(report);
              }
            }
            next = startNext();
          }
          if (failure == null) {
            if (told.dataGeneration() == report.dataGeneration) {
              report.done.complete(told);
            } else {
              // The size counts. Who waits still has the bytes, which may just have been cleared.
              report.done.completeExceptionally(
                  stale(report.dataGeneration, told.dataGeneration()));
            }
          } else {
            report.done.completeExceptionally(Failures.of(failure));
          }
          if (next != null) {
            transmit(next);
          }
        });
  }

  /** What nobody waits for is told again. */
  @GuardedBy("this")
  private void owe(Report failed) {
    if (failed.later
        && DataGeneration.isSameCut(failed.dataGeneration, attributes.dataGeneration())) {
      gather(failed.solidFromBytes, failed.sizeBytes).later = true;
      tellSoon();
    }
  }

  private static FileAttributes grown(FileAttributes file, long solidFromBytes, long sizeBytes) {
    return with(
        file,
        sizeBytes,
        file.dataGeneration(),
        file.mayHaveHoles() || solidFromBytes > file.sizeBytes(),
        file.layout());
  }

  private FsException stale(long used, long now) {
    return new FsException(
        FsError.STALE_GENERATION,
        "inode " + inode + " was cut: data generation " + used + " has become " + now);
  }

  /** One message to the owner, and all who wait for its answer. */
  private static final class Report {
    final long dataGeneration;
    final CompletableFuture<FileAttributes> done = new CompletableFuture<>();

    /** These change only while it gathers, under the file's lock. */
    long solidFromBytes;

    /** Whether some of its stretches count as written already. */
    boolean later;

    long sizeBytes;
    long mtimeNanos;

    Report(long dataGeneration) {
      this.dataGeneration = dataGeneration;
    }

    /** Of stretches that do not touch, the last one counts: what lies before it may have a hole. */
    void add(long from, long end) {
      if (end == 0) {
        return;
      }
      if (sizeBytes != 0 && from <= sizeBytes && end >= solidFromBytes) {
        solidFromBytes = Math.min(solidFromBytes, from);
      } else if (end > sizeBytes) {
        solidFromBytes = from;
      }
      sizeBytes = Math.max(sizeBytes, end);
    }
  }
}
