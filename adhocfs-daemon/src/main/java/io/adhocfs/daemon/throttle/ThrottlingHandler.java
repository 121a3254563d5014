package io.adhocfs.daemon.throttle;

import io.adhocfs.daemon.statistics.Accounts;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.throttle.Charge;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.transport.ForwardingExchange;
import io.adhocfs.protocol.transport.RequestHandler;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import java.util.Arrays;
import java.util.concurrent.Executor;
import java.util.function.ToIntFunction;

/**
 * Stands before what answers requests, and holds clients' requests back as the limits say. What
 * concerns metadata waits here, small as it is. Reading and writing takes its tokens by a request
 * of its own before; what comes without is let through and paid for later, while little is owed,
 * and its sender told.
 */
public final class ThrottlingHandler implements RequestHandler {
  private static final Reply DONE = new Reply.Done();

  private final RequestHandler next;
  private final Throttling throttling;
  private final Executor metadataThread;
  private final Accounts accounts;
  private final ToIntFunction<Request> datasetOf;

  /**
   * @param datasetOf tells the dataset of a request about metadata, on the thread that brings it
   */
  public ThrottlingHandler(
      RequestHandler next,
      Throttling throttling,
      Accounts accounts,
      Executor metadataThread,
      ToIntFunction<Request> datasetOf) {
    this.datasetOf = datasetOf;
    this.next = next;
    this.throttling = throttling;
    this.accounts = accounts;
    this.metadataThread = metadataThread;
  }

  @Override
  public Epoch currentEpoch() {
    return next.currentEpoch();
  }

  @Override
  public void sessionConnected(SessionId session, PeerRole role) {
    next.sessionConnected(session, role);
  }

  @Override
  public void handle(Exchange exchange, Request request, ByteBuf payload) {
    switch (request) {
      case ControlRequest.Accounting asked -> {
        payload.release();
        account(exchange, asked);
      }
      case DataRequest.AcquireData acquire -> {
        payload.release();
        acquire(exchange, acquire);
      }
      default -> {
        Charge charge =
            exchange.role() == PeerRole.CLIENT
                    && exchange.trafficClass() != TrafficClass.CONTROL
                    && throttling.throttle().isOn()
                ? Charges.of(request, payload.readableBytes())
                : null;
        if (charge == null) {
          next.handle(exchange, request, payload);
        } else {
          throttled(exchange, request, payload, charge);
        }
      }
    }
  }

  private void account(Exchange exchange, ControlRequest.Accounting request) {
    switch (request) {
      case ControlRequest.Introduce introduce -> {
        accounts.introduce(exchange.session(), introduce);
        exchange.reply(DONE);
      }
      case ControlRequest.AskTokens ask -> {
        if (exchange.role() == PeerRole.DAEMON) {
          throttling.ask(
              ask.wants(),
              given -> exchange.reply(new Reply.Tokens(Arrays.stream(given).boxed().toList())));
        } else {
          exchange.fail(FsError.NOT_PERMITTED, "tokens are for daemons");
        }
      }
      case ControlRequest.GetThrottled _ ->
          exchange.reply(new Reply.Throttled(throttling.throttle().figures(), accounts.jobs()));
      case ControlRequest.GetStatistics get -> exchange.reply(accounts.page(get.after()));
    }
  }

  private void acquire(Exchange exchange, DataRequest.AcquireData acquire) {
    Throttle throttle = throttling.throttle();
    if (!throttle.isOn()) {
      exchange.reply(DONE);
      return;
    }
    exchange.addAnswerFlags(Frame.ACQUIRE_FIRST);
    throttle.admit(
        party(exchange),
        acquire.dataset(),
        Charges.ofData(acquire.bytes()),
        Runnable::run,
        () -> exchange.reply(DONE),
        () -> sendBack(exchange));
  }

  private void throttled(Exchange exchange, Request request, ByteBuf payload, Charge charge) {
    Throttle throttle = throttling.throttle();
    Party party = party(exchange);
    int dataset = throttle.asksForDatasets() ? datasetOf.applyAsInt(request) : 0;
    if (request instanceof DataRequest.OfSpans) {
      moveData(exchange, request, payload, party, dataset, charge);
      return;
    }
    Exchange answering =
        request.cost() == MessageType.Cost.BYTES_ANSWERED
            ? new Counting(exchange, party, dataset)
            : exchange;
    throttle.admit(
        party,
        dataset,
        charge,
        request instanceof DataRequest ? Runnable::run : metadataThread,
        () -> next.handle(answering, request, payload),
        () -> {
          payload.release();
          sendBack(exchange);
        });
  }

  private void moveData(
      Exchange exchange,
      Request request,
      ByteBuf payload,
      Party party,
      int dataset,
      Charge charge) {
    Throttle throttle = throttling.throttle();
    Throttle.Unpaid state;
    if ((exchange.flags() & Frame.PAID) != 0) {
      state =
          throttle.isLimited(party, dataset, charge)
              ? Throttle.Unpaid.COUNTED
              : Throttle.Unpaid.FREE;
    } else {
      state = throttle.chargeUnlessMuchIsOwed(party, dataset, charge);
    }
    switch (state) {
      case FREE -> next.handle(exchange, request, payload);
      case COUNTED -> {
        exchange.addAnswerFlags(Frame.ACQUIRE_FIRST);
        next.handle(exchange, request, payload);
      }
      case REFUSED -> {
        payload.release();
        exchange.addAnswerFlags(Frame.ACQUIRE_FIRST);
        exchange.fail(FsError.THROTTLED, "take tokens first");
      }
    }
  }

  private static void sendBack(Exchange exchange) {
    exchange.fail(FsError.THROTTLED, "it has waited for tokens for long: send it again");
  }

  private Party party(Exchange exchange) {
    return accounts.of(exchange).party();
  }

  /** Charges the bytes of an answer when they are known. */
  private final class Counting extends ForwardingExchange {
    private final Party party;
    private final int dataset;

    Counting(Exchange outer, Party party, int dataset) {
      super(outer);
      this.party = party;
      this.dataset = dataset;
    }

    @Override
    public void reply(Reply reply, ByteBuf payload) {
      var _ =
          throttling
              .throttle()
              .charge(party, dataset, Charges.ofBytesAlone(payload.readableBytes()));
      super.reply(reply, payload);
    }
  }
}
