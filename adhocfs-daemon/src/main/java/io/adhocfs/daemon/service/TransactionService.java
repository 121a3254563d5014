package io.adhocfs.daemon.service;

import io.adhocfs.daemon.transaction.Coordinator;
import io.adhocfs.daemon.transaction.Participant;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.TransactionRequest;

/** What daemons ask each other about operations over several slots. Metadata thread only. */
final class TransactionService {
  private final Coordinator coordinator;
  private final Participant participant;

  TransactionService(Coordinator coordinator, Participant participant) {
    this.coordinator = coordinator;
    this.participant = participant;
  }

  void handle(Exchange exchange, TransactionRequest request) {
    switch (request) {
      case TransactionRequest.Prepare prepare -> participant.prepare(exchange, prepare);
      case TransactionRequest.Decide decide -> participant.decide(exchange, decide);
      case TransactionRequest.BeginStaging begin -> participant.stagings().begin(exchange, begin);
      case TransactionRequest.StageEntries stage -> participant.stagings().stage(exchange, stage);
      case TransactionRequest.QueryOutcome query ->
          exchange.reply(new Reply.Outcome(coordinator.outcome(query.transaction())));
    }
  }
}
