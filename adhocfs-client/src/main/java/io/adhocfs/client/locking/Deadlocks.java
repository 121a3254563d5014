package io.adhocfs.client.locking;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Completion;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.OperationSource;
import io.adhocfs.client.routing.Router;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockOwner;
import io.adhocfs.protocol.wire.LockRequest.AnnounceWait;
import io.adhocfs.protocol.wire.LockRequest.QueryWaits;
import io.adhocfs.protocol.wire.LockWait;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Finds owners that wait for each other at different nodes. A daemon sees the cycles that lie
 * within it; for the others, every waiter announces at its home whom it waits for, and follows from
 * home to home those that block it. When that leads back to itself, it asks the nodes where the
 * members of the cycle wait whether each still does: as none left its place in between, all of them
 * waited at one moment, and no member can go on by itself. The member whose wait is the youngest
 * gives up. Thread-safe.
 */
final class Deadlocks {
  /** So many owners are asked about; a longer chain is taken for none. */
  private static final int OWNERS_MAX = 128;

  private final Router router;
  private final OperationSource operations;

  Deadlocks(Router router, OperationSource operations) {
    this.router = router;
    this.operations = operations;
  }

  /** One wait of an owner. */
  private record Member(LockOwner owner, LockWait waiting) {
    boolean isYoungerThan(Member other) {
      int byTime = Long.compare(waiting.sinceNanos(), other.waiting.sinceNanos());
      if (byTime != 0) {
        return byTime > 0;
      }
      int bySession = Long.compare(owner.session().value(), other.owner.session().value());
      return bySession != 0 ? bySession > 0 : owner.number() > other.owner.number();
    }
  }

  /** Announces a wait, and tells whether it has to end because of a cycle. */
  CompletableFuture<Boolean> isVictim(Operation operation, LockOwner owner, LockWait mine) {
    return router
        .send(operation, new AnnounceWait(owner, mine))
        .thenApply(Answers::reply)
        .thenCompose(_ -> new Search(operation, new Member(owner, mine)).run());
  }

  /** That an announced wait is over. */
  void over(Session session, LockOwner owner, long number, InodeId inode) {
    Completion.then(
        router
            .send(
                operations.begin(session, () -> "end of a wait for inode " + inode),
                new AnnounceWait(owner, new LockWait(number, 0, inode, List.of())))
            .thenApply(Answers::reply),
        (_, _) -> {});
  }

  private CompletableFuture<List<LockWait>> waits(
      Operation operation, LockOwner owner, InodeId inode) {
    return router
        .send(operation, new QueryWaits(owner, inode))
        .thenApply(Answers::reply)
        .thenApply(reply -> {
          if (reply instanceof Reply.LockWaits answer) {
            return answer.waits();
          }
          throw Answers.unexpected(reply);
        });
  }

  /** One walk along those who wait. */
  private final class Search {
    private final Operation operation;
    private final Member start;
    private final ArrayDeque<LockOwner> next = new ArrayDeque<>();
    private final Set<LockOwner> seen = new HashSet<>();

    /** Through whose wait an owner was found. */
    private final Map<LockOwner, Member> foundBy = new HashMap<>();

    Search(Operation operation, Member start) {
      this.operation = operation;
      this.start = start;
      follow(start);
    }

    private void follow(Member member) {
      for (LockOwner blocker : member.waiting.blockers()) {
        if (seen.size() < OWNERS_MAX && seen.add(blocker)) {
          foundBy.put(blocker, member);
          next.add(blocker);
        }
      }
    }

    CompletableFuture<Boolean> run() {
      LockOwner owner = next.poll();
      if (owner == null) {
        return CompletableFuture.completedFuture(false);
      }
      return waits(operation, owner, InodeId.NONE)
          .thenCompose(waits -> {
            for (LockWait waiting : waits) {
              var member = new Member(owner, waiting);
              if (waiting.blockers().contains(start.owner)) {
                List<Member> cycle = cycle(member);
                if (cycle.stream()
                    .allMatch(other -> other.equals(start) || start.isYoungerThan(other))) {
                  return confirmed(cycle, 0);
                }
              }
              follow(member);
            }
            return run();
          });
    }

    /** From the start to the member that waits for it. */
    private List<Member> cycle(Member last) {
      List<Member> members = new ArrayList<>();
      @Nullable Member member = last;
      while (member != null && !member.equals(start)) {
        members.addFirst(member);
        member = foundBy.get(member.owner);
      }
      members.addFirst(start);
      return members;
    }

    private CompletableFuture<Boolean> confirmed(List<Member> cycle, int from) {
      if (from == cycle.size()) {
        return CompletableFuture.completedFuture(true);
      }
      Member member = cycle.get(from);
      LockOwner blocker = cycle.get((from + 1) % cycle.size()).owner;
      return waits(operation, member.owner, member.waiting.inode())
          .thenCompose(waits -> {
            for (LockWait now : waits) {
              if (now.number() == member.waiting.number() && now.blockers().contains(blocker)) {
                return confirmed(cycle, from + 1);
              }
            }
            return CompletableFuture.completedFuture(false);
          });
    }
  }
}
