package io.adhocfs.daemon.service;

import io.adhocfs.daemon.cluster.ClusterState;
import io.adhocfs.daemon.data.DataRequestHandler;
import io.adhocfs.daemon.locking.LockService;
import io.adhocfs.daemon.metadata.MetadataThread;
import io.adhocfs.daemon.metrics.OperationMetrics;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.Sessions;
import io.adhocfs.daemon.statistics.Account;
import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.daemon.statistics.Tally;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.statistics.OperationKind;
import io.adhocfs.protocol.transport.ForwardingExchange;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.FileRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.LockRequest;
import io.adhocfs.protocol.wire.MigrationRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.RecallRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.TransactionRequest;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way in of every request, from a connection or from this node itself: renews the session,
 * refuses what is not for this node, and hands over to the service that answers.
 */
public final class RequestRouter implements RequestHandler {
  private static final Logger LOG = LoggerFactory.getLogger(RequestRouter.class);

  /** The services that answer on the metadata thread, one for each family of messages. */
  record Families(
      NamespaceService namespace,
      FileService files,
      ExtendedAttributes extendedAttributes,
      LockService locks,
      TransactionService transactions,
      ControlService control) {}

  private final ClusterState cluster;
  private final Sessions sessions;
  private final Families families;
  private final DataRequestHandler data;

  /** Until this node can take slots in, it refuses them. */
  private volatile MigrationRequestHandler migration =
      (exchange, request, payload) -> {
        payload.release();
        exchange.fail(FsError.OVERLOADED, "this node is still starting");
      };

  private final OperationMetrics metrics;
  private final Accounts accounts;
  private final CatchUp catchUp;
  private final MetadataThread metadataThread;

  RequestRouter(
      ClusterState cluster,
      Sessions sessions,
      Families families,
      DataRequestHandler data,
      OperationMetrics metrics,
      Accounts accounts,
      CatchUp catchUp,
      MetadataThread metadataThread) {
    this.cluster = cluster;
    this.sessions = sessions;
    this.families = families;
    this.data = data;
    this.metrics = metrics;
    this.accounts = accounts;
    this.catchUp = catchUp;
    this.metadataThread = metadataThread;
  }

  /** Sets who takes slots in. */
  public void takesSlotsIn(MigrationRequestHandler handler) {
    migration = handler;
  }

  @Override
  public Epoch currentEpoch() {
    return cluster.epoch();
  }

  @Override
  public void sessionConnected(SessionId session, PeerRole role) {
    try {
      sessions.heardFrom(session, role);
    } catch (FsException e) {
      LOG.info("{}", e.getMessage());
    }
  }

  @Override
  public void handle(Exchange outer, Request request, ByteBuf payload) {
    var exchange = new Measured(outer, request, payload.readableBytes(), metadataThread.nanoTime());
    if (request instanceof MigrationRequest migrationRequest) {
      // On a network thread.
      migration.handle(exchange, migrationRequest, payload);
      return;
    }
    if (!outer.epoch().isAfter(cluster.epoch()) || isSurelyServed(request)) {
      handleNow(exchange, request, payload);
      return;
    }
    // Whoever asks knows a newer map, by which this node may own what it does not know of yet. What
    // comes of it when nobody tells is decided by the map that is known.
    Executor there = request instanceof DataRequest ? Runnable::run : metadataThread;
    var _ =
        catchUp
            .to(outer.epoch())
            .whenCompleteAsync((_, _) -> handleNow(exchange, request, payload), there);
  }

  /**
   * Whether a newer map than the known one would not change the answer: a slot leaves its owner
   * only by that node's own doing, so what is this node's by an older map is still.
   */
  private boolean isSurelyServed(Request request) {
    return switch (request) {
      case ControlRequest _, DataRequest.OfNoSlot _ -> true;
      case DataRequest.OfSpans asked -> ownsAll(asked.layout(), asked.spans());
      case DataRequest.OfChunksHere _ -> false;
      case NamespaceRequest _,
          FileRequest _,
          LockRequest _,
          RecallRequest _,
          ExtendedAttributeRequest _,
          TransactionRequest _,
          MigrationRequest _ ->
          request.slotValue() != Request.NO_SLOT && cluster.owns(request.slotValue());
    };
  }

  private boolean ownsAll(FileLayout layout, List<ChunkSpan> spans) {
    for (ChunkSpan span : spans) {
      if (!cluster.owns(Placement.chunkSlotValue(layout, span.chunkIndex()))) {
        return false;
      }
    }
    return true;
  }

  private void handleNow(Measured exchange, Request request, ByteBuf payload) {
    if (request instanceof DataRequest dataRequest) {
      // On a network thread.
      try {
        sessions.heardFrom(exchange.session(), exchange.role());
      } catch (FsException e) {
        payload.release();
        exchange.fail(e.error(), String.valueOf(e.getMessage()));
        return;
      }
      data.handle(exchange, dataRequest, payload);
      return;
    }
    try {
      Session session = sessions.heardFrom(exchange.session(), exchange.role());
      int slot = request.slotValue();
      if (slot != Request.NO_SLOT && !cluster.serves(slot)) {
        if (cluster.owns(slot) && waits(exchange, request, payload)) {
          return;
        }
        exchange.fail(
            FsError.WRONG_OWNER,
            "slot "
                + slot
                + " belongs to n"
                + cluster.map().ownerValue(slot)
                + " at epoch "
                + cluster.epoch().value());
        return;
      }
      switch (request) {
        case NamespaceRequest asked ->
            families.namespace().handle(exchange, session, asked, payload);
        case FileRequest asked -> families.files().handle(exchange, session, asked, payload);
        case LockRequest asked -> families.locks().handle(exchange, session, asked);
        case RecallRequest asked -> sessions.recalls().handle(exchange, session, asked);
        case ExtendedAttributeRequest asked ->
            families.extendedAttributes().handle(exchange, session, asked);
        case TransactionRequest asked -> families.transactions().handle(exchange, asked);
        case ControlRequest asked -> families.control().handle(exchange, session, asked);
        case DataRequest asked -> throw new IllegalStateException("handled before");
        case MigrationRequest asked -> throw new IllegalStateException("handled before");
      }
    } catch (FsException e) {
      exchange.fail(e.error(), String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      LOG.error("{} of session {} failed", request.type(), exchange.session(), e);
      exchange.fail(FsError.INTERNAL, String.valueOf(e));
    } finally {
      payload.release();
    }
  }

  /** Has a request wait until it is known whose its slot is; answers whether it does. */
  private boolean waits(Measured exchange, Request request, ByteBuf payload) {
    if (metadataThread.nanoTime() - exchange.sinceNanos > ClusterState.HELD_WAIT_NANOS) {
      return false;
    }
    ByteBuf kept = payload.retain();
    boolean waits =
        cluster.awaitLetGo(
            kept.readableBytes(),
            () -> {
              try {
                metadataThread.execute(() -> handleNow(exchange, request, kept));
              } catch (RejectedExecutionException e) {
                kept.release();
                exchange.fail(FsError.CLOSED, "this daemon is stopping");
              }
            });
    if (!waits) {
      kept.release();
    }
    return waits;
  }

  /** Counts an exchange once it is answered. */
  private final class Measured extends ForwardingExchange {
    private final Request request;
    private final @Nullable OperationKind kind;

    /** To whom it is counted; null = to nobody. */
    private final @Nullable Account account;

    private final long bytesIn;
    private final long sinceNanos;
    private final AtomicBoolean answered = new AtomicBoolean();

    Measured(Exchange outer, Request request, long bytesIn, long sinceNanos) {
      super(outer);
      this.request = request;
      this.bytesIn = bytesIn;
      this.sinceNanos = sinceNanos;
      this.kind = request.type().kind();
      this.account = kind == null || role() != PeerRole.CLIENT ? null : accounts.of(outer);
      if (account != null) {
        account.seen(sinceNanos);
      }
    }

    private void measure(boolean failed, long bytesOut) {
      metrics.completed(
          request.type(), metadataThread.nanoTime() - sinceNanos, failed, bytesIn + bytesOut);
    }

    @Override
    public void reply(Reply reply, ByteBuf payload) {
      InodeId changed = request.changesDataOf();
      if (changed != null && sessions.recalls().isKeptElsewhere(changed, session())) {
        addAnswerFlags(Frame.KEPT_ELSEWHERE);
      }
      if (answered.compareAndSet(false, true)) {
        long bytesOut = payload.readableBytes();
        measure(reply instanceof Reply.Failed, bytesOut);
        if (kind != null && account != null) {
          Tally.answered(account, kind, request, flags(), bytesIn, reply, bytesOut);
        }
      }
      super.reply(reply, payload);
    }

    @Override
    public void fail(FsError error, String message) {
      if (answered.compareAndSet(false, true)) {
        measure(true, 0);
        if (kind != null && account != null) {
          Tally.failed(account, kind, request, flags(), error);
        }
      }
      super.fail(error, message);
    }
  }
}
