package io.adhocfs.daemon.session;

import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.List;

/**
 * The right to run an operation once, and the way back to everybody who waits for its answer: the
 * first request and the retries that came while it ran. Answered exactly once. Metadata thread
 * only.
 */
public final class Ticket {
  private final Sessions sessions;
  final Session session;
  final long sequence;
  final int slot;
  private final List<Exchange> waiting = new ArrayList<>(1);
  private boolean stored;

  /** Its slot has gone: the answer has been given, and what still runs must have no effect. */
  private boolean settled;

  Ticket(Sessions sessions, Session session, long sequence, int slot, Exchange exchange) {
    this.sessions = sessions;
    this.session = session;
    this.sequence = sequence;
    this.slot = slot;
    waiting.add(exchange);
  }

  void attach(Exchange exchange) {
    waiting.add(exchange);
  }

  public Session session() {
    return session;
  }

  /**
   * Adds the reply to the batch that carries the operation's effect, and removes replies that the
   * client has acknowledged.
   *
   * @throws FsException WRONG_OWNER once its slot has gone, for good: should the slot be back, then
   *     its sender has been answered elsewhere meanwhile
   */
  public void store(Batch batch, Reply reply) throws FsException {
    if (settled) {
      throw new FsException(FsError.WRONG_OWNER, "slot " + slot + " has been at another node");
    }
    sessions.store(this, batch, reply);
    batch.afterCommit(() -> stored = true);
  }

  /** Answers; the reply has been stored before, unless the operation has had no effect. */
  public void reply(Reply reply) {
    if (settled) {
      return;
    }
    sessions.finished(this, stored, reply);
    waiting.forEach(exchange -> exchange.reply(reply));
  }

  /** Answers that it failed, without effect. */
  public void fail(FsException error) {
    fail(error.error(), String.valueOf(error.getMessage()));
  }

  /** Answers that it failed, without effect. */
  public void fail(FsError error, String message) {
    if (settled) {
      return;
    }
    sessions.finished(this, stored, new Reply.Failed(error, message));
    waiting.forEach(exchange -> exchange.fail(error, message));
  }

  /** Whether its slot has gone: the answer has been given, and nothing may come of it here. */
  public boolean isSettled() {
    return settled;
  }

  void settle() {
    settled = true;
  }
}
