package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.ControlRequest.FollowControl;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** Those who follow this daemon by long polls. On the control thread. */
final class Followers {
  private static final int POLLS_MAX = 8192;
  private static final Reply NOTHING = new Reply.ControlNews(List.of());

  /** Somebody who waits for news. */
  private static final class Poll {
    private final Exchange exchange;
    private final FollowControl request;
    private @Nullable Future<?> timeout;

    Poll(Exchange exchange, FollowControl request) {
      this.exchange = exchange;
      this.request = request;
    }
  }

  private final ControlThread thread;
  private final KnownState known;
  private final OwnVoter voter;
  private final List<Poll> polls = new ArrayList<>();
  private boolean closed;

  Followers(ControlThread thread, KnownState known, OwnVoter voter) {
    this.thread = thread;
    this.known = known;
    this.voter = voter;
  }

  /** Answers at once when there are news, else when there are. */
  void answer(Exchange exchange, FollowControl request) {
    if (known.standIn()) {
      exchange.fail(FsError.OVERLOADED, "this daemon is only learning the state itself");
      return;
    }
    Reply news = known.news(request);
    if (news != null) {
      exchange.reply(news);
    } else if (!isAtTheSource()) {
      // Two that wait for each other's news would wait for ever.
      exchange.fail(FsError.OVERLOADED, "this node does not vote, and knows nothing newer");
    } else if (closed || request.waitMillis() == 0 || polls.size() >= POLLS_MAX) {
      exchange.reply(NOTHING);
    } else {
      var poll = new Poll(exchange, request);
      polls.add(poll);
      poll.timeout =
          thread.after(
              request.waitMillis(),
              () -> {
                if (polls.remove(poll)) {
                  exchange.reply(NOTHING);
                }
              });
    }
  }

  /** Whether news come here first: to the voters, even before the first command. */
  private boolean isAtTheSource() {
    ControlState state = known.state();
    return voter.tells() || (state.version() == 0 && state.voters().contains(voter.self()));
  }

  /** Tells those who wait that there is something newer. */
  void tell() {
    for (Iterator<Poll> each = polls.iterator(); each.hasNext(); ) {
      Poll poll = each.next();
      Reply news = known.news(poll.request);
      if (news != null) {
        each.remove();
        answerNow(poll, news);
      }
    }
  }

  private static void answerNow(Poll poll, Reply news) {
    if (poll.timeout != null) {
      poll.timeout.cancel(false);
    }
    poll.exchange.reply(news);
  }

  /** Lets nobody wait any longer. */
  void close() {
    closed = true;
    polls.forEach(poll -> answerNow(poll, NOTHING));
    polls.clear();
  }
}
