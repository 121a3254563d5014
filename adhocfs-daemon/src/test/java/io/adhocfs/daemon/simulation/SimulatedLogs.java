package io.adhocfs.daemon.simulation;

import io.adhocfs.daemon.control.VoterLog;
import io.adhocfs.daemon.control.VoterLogs;
import io.adhocfs.daemon.simulation.SimulatedTime.Life;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The replicated logs of an instance, in the place of the library's: what a log has agreed on is
 * one list that all its voters share, so they cannot disagree. When an entry joins it, who leads,
 * and when a voter hears of an entry depends on calls between the voters over the network, and on
 * what each has on its disk: an entry needs most of the voters, and so does one that wants to lead,
 * none of whom has more than it has.
 */
final class SimulatedLogs {
  private static final long BEAT_NANOS = 250_000_000;
  private static final long SILENT_NANOS_MIN = 500_000_000;
  private static final long SILENT_NANOS = 500_000_000;
  private static final long FIRST_ELECTION_NANOS_MIN = 100_000_000;
  private static final long FIRST_ELECTION_NANOS = 100_000_000;
  private static final long CALL_MILLIS_MAX = 2_000;
  private static final long DISK_NANOS = 1_000_000;

  private final SimulatedTime time;
  private final SplittableRandom random;
  private final Map<Integer, Log> logs = new TreeMap<>();

  SimulatedLogs(SimulatedTime time, SplittableRandom random) {
    this.time = time;
    this.random = random;
  }

  /** What one voter has of a log on its disk. All of it is synced. */
  private static final class Kept {
    /** So many of the entries. */
    int entries;

    byte @Nullable [] snapshot;

    /** So many entries are in the snapshot. */
    int snapshotEntries;
  }

  /** An entry that most of the voters may or may not have. */
  private record Proposed(byte[] entry, CompletableFuture<VoterLog.Appended> answer) {}

  /** The log of one configuration. */
  private static final class Log {
    final List<NodeId> voters;
    final List<byte[]> agreed = new ArrayList<>();
    final Map<NodeId, Kept> kept = new TreeMap<>();

    /** What the one that leads waits for. */
    final List<Proposed> proposed = new ArrayList<>();

    /** How often somebody has come to lead. */
    int term;

    Log(List<NodeId> voters) {
      this.voters = List.copyOf(voters);
    }

    boolean isMost(int count) {
      return count > voters.size() / 2;
    }
  }

  /**
   * The logs as a process of one node has them.
   *
   * @param mayDie throws the process's death, should it be its time, and if it has died
   */
  VoterLogs of(NodeId node, Life life, Runnable mayDie) {
    return new OfNode(node, life, mayDie);
  }

  private final class OfNode implements VoterLogs {
    private final NodeId node;
    private final Life life;
    private final Runnable mayDie;

    OfNode(NodeId node, Life life, Runnable mayDie) {
      this.node = node;
      this.life = life;
      this.mayDie = mayDie;
    }

    @Override
    public boolean anyKept() {
      return logs.values().stream().anyMatch(log -> log.kept.containsKey(node));
    }

    @Override
    public VoterLog start(
        int configuration, List<NodeId> voters, VoterLog.Entries entries, VoterLog.Peers peers)
        throws FsException {
      mayDie.run();
      Log log = logs.computeIfAbsent(configuration, _ -> new Log(voters));
      if (!log.voters.equals(voters)) {
        throw new AssertionError(
            "voters of configuration " + configuration + ": " + log.voters + " and " + voters);
      }
      time.trace(() -> node + " votes in " + configuration + " of " + voters);
      return new Voter(this, log, entries, peers);
    }

    @Override
    public void deleteBefore(int configuration) {
      for (Map.Entry<Integer, Log> each : logs.entrySet()) {
        if (each.getKey() < configuration && each.getValue().kept.containsKey(node)) {
          mayDie.run();
          each.getValue().kept.remove(node);
        }
      }
    }

    @Override
    public void rehearse(byte[] entry) {
      mayDie.run();
    }
  }

  /** One voter, which runs. */
  private final class Voter implements VoterLog {
    private final OfNode process;
    private final Log log;
    private final Entries entries;
    private final Peers peers;
    private final Kept kept;

    /** So many entries have been applied. */
    private int applied;

    /** As of which it leads; 0 = it does not, as far as it knows. */
    private int leadsInTerm;

    /** Whether, leading, it has applied all that was agreed on before. */
    private boolean ready;

    /** What was proposed to another one before this one came to lead, and is not lost. */
    private List<Proposed> inherited = List.of();

    private int leader = -1;

    /** When it heard from the one that leads or, leading, from most of the others. */
    private long heardNanos;

    private long patienceNanos;
    private boolean closed;

    Voter(OfNode process, Log log, Entries entries, Peers peers) throws FsException {
      this.process = process;
      this.log = log;
      this.entries = entries;
      this.peers = peers;
      kept = log.kept.computeIfAbsent(process.node, _ -> new Kept());
      byte[] snapshot = kept.snapshot;
      if (snapshot != null) {
        entries.restore(snapshot);
        applied = kept.snapshotEntries;
      }
      heardNanos = time.nanoTime();
      patienceNanos = FIRST_ELECTION_NANOS_MIN + random.nextLong(FIRST_ELECTION_NANOS);
      beatAfter(patienceNanos);
    }

    private void later(long nanos, Runnable action) {
      time.after(
          nanos,
          process.life,
          () -> {
            if (!closed) {
              action.run();
            }
          });
    }

    private void beatAfter(long nanos) {
      later(
          nanos,
          () -> {
            beat();
            beatAfter(BEAT_NANOS);
          });
    }

    /** Keeps leading, gives up leading, or wants to lead. */
    private void beat() {
      boolean silent = time.nanoTime() - heardNanos >= patienceNanos;
      if (leadsInTerm > 0 && silent && log.voters.size() > 1) {
        stepDown("most of the others are silent");
      } else if (leadsInTerm > 0) {
        tellOthers(this::followed);
      } else if (silent) {
        leader = -1;
        int term = log.term;
        byte[] body = ByteBuffer.allocate(Integer.BYTES).putInt(kept.entries).array();
        askAll(Call.REQUEST_VOTE, body, _ -> elected(term));
      }
    }

    /**
     * Calls all others.
     *
     * @param most told once, when most of the voters have said yes: of those who have
     */
    private void askAll(Call call, byte[] body, Consumer<List<NodeId>> most) {
      List<NodeId> yes = new ArrayList<>(List.of(process.node));
      if (log.isMost(yes.size())) {
        later(random.nextLong(DISK_NANOS), () -> most.accept(yes));
      }
      for (NodeId other : log.voters) {
        if (other.equals(process.node)) {
          continue;
        }
        var _ =
            peers
                .call(other.value(), call, body, CALL_MILLIS_MAX)
                .whenComplete((answer, _) -> {
                  if (answer != null && !log.isMost(yes.size())) {
                    yes.add(other);
                    if (log.isMost(yes.size())) {
                      later(0, () -> most.accept(yes));
                    }
                  }
                });
      }
    }

    private void tellOthers(Consumer<List<NodeId>> most) {
      ByteBuffer body = ByteBuffer.allocate(3 * Integer.BYTES);
      body.putInt(leadsInTerm).putInt(process.node.value()).putInt(log.agreed.size());
      askAll(Call.APPEND_ENTRIES, body.array(), most);
    }

    /** Most of the voters would have this one lead, and none of these has more than it has. */
    private void elected(int termBefore) {
      if (log.term != termBefore) {
        return;
      }
      process.mayDie.run();
      log.term++;
      leadsInTerm = log.term;
      leader = process.node.value();
      heard();
      // What was lost with the disks of most voters is lost.
      while (log.agreed.size() > kept.entries) {
        log.agreed.removeLast();
      }
      // What few have had may have reached this one, or be gone.
      inherited = log.proposed.stream().filter(_ -> random.nextBoolean()).toList();
      log.proposed.clear();
      ready = false;
      time.trace(() -> process.node + " leads in term " + leadsInTerm + " of " + log.voters);
      tellOthers(this::followed);
    }

    /** Most of the voters have heard of this one as the one that leads. */
    private void followed(List<NodeId> voters) {
      if (leadsInTerm == 0 || leadsInTerm < log.term) {
        return;
      }
      heard();
      if (!ready) {
        apply();
        inherited.forEach(one -> agree(one, voters));
        inherited = List.of();
        ready = true;
      }
    }

    private void heard() {
      heardNanos = time.nanoTime();
      patienceNanos = SILENT_NANOS_MIN + random.nextLong(SILENT_NANOS);
    }

    /** Has an entry join the log: these voters, most of all, have it and what is before it. */
    private byte[] agree(Proposed proposed, List<NodeId> voters) {
      log.agreed.add(proposed.entry);
      for (NodeId voter : voters) {
        Kept there = log.kept.get(voter);
        if (there != null) {
          there.entries = log.agreed.size();
        }
      }
      byte[] answer = entries.apply(proposed.entry);
      applied++;
      considerSnapshot();
      return answer;
    }

    private void stepDown(String why) {
      time.trace(() -> process.node + " leads no more: " + why);
      leadsInTerm = 0;
      leader = -1;
    }

    /** Applies all that is agreed on and kept here. */
    private void apply() {
      while (applied < Math.min(kept.entries, log.agreed.size())) {
        entries.apply(log.agreed.get(applied++));
        considerSnapshot();
      }
    }

    private void considerSnapshot() {
      if (random.nextInt(16) == 0) {
        kept.snapshot = entries.snapshot();
        kept.snapshotEntries = applied;
      }
    }

    @Override
    public boolean isAlive() {
      return !closed;
    }

    @Override
    public boolean leads() {
      return leadsInTerm > 0 && ready && !closed;
    }

    @Override
    public int leaderValue() {
      return leader;
    }

    @Override
    public CompletableFuture<Appended> append(byte[] entry) {
      if (!leads()) {
        return CompletableFuture.completedFuture(
            new Appended.Elsewhere(leader, process.node + " does not lead"));
      }
      var proposed = new Proposed(entry, new CompletableFuture<>());
      int term = leadsInTerm;
      if (term == log.term) {
        log.proposed.add(proposed);
      }
      tellOthers(voters -> {
        process.mayDie.run();
        if (log.term == term && leadsInTerm == term && log.proposed.remove(proposed)) {
          byte[] answer = agree(proposed, voters);
          process.mayDie.run();
          tellOthers(this::followed);
          proposed.answer.complete(new Appended.Applied(answer));
        } else if (random.nextBoolean()) {
          // Nothing is said otherwise, as by a library that is closing.
          proposed.answer.complete(new Appended.Elsewhere(-1, "another leads"));
        }
      });
      return proposed.answer;
    }

    @Override
    public CompletableFuture<byte[]> serve(Call call, byte[] body) {
      if (closed) {
        return CompletableFuture.failedFuture(
            new FsException(FsError.CLOSED, "it has ended").asCompletion());
      }
      process.mayDie.run();
      boolean yes =
          switch (call) {
            case REQUEST_VOTE -> votesFor(ByteBuffer.wrap(body).getInt());
            case APPEND_ENTRIES -> follows(ByteBuffer.wrap(body));
            case INSTALL_SNAPSHOT, START_LEADER_ELECTION, GET_READY ->
                throw new AssertionError("nobody sends " + call);
          };
      return yes
          ? CompletableFuture.completedFuture(new byte[0])
          : CompletableFuture.failedFuture(
              new FsException(FsError.INVALID, process.node + " does not follow").asCompletion());
    }

    private boolean votesFor(int entriesThere) {
      boolean follows = leader >= 0 && time.nanoTime() - heardNanos < SILENT_NANOS_MIN;
      return leadsInTerm == 0 && !follows && entriesThere >= kept.entries;
    }

    private boolean follows(ByteBuffer said) {
      int term = said.getInt();
      int sender = said.getInt();
      int count = said.getInt();
      if (term < log.term) {
        return false;
      }
      if (leadsInTerm > 0 && leadsInTerm < term) {
        stepDown("another does");
      }
      leader = sender;
      heard();
      kept.entries = Math.max(kept.entries, Math.min(count, log.agreed.size()));
      catchUp();
      return true;
    }

    /** Some of what is missing may come as a whole, from another's snapshot. */
    private void catchUp() {
      for (Kept other : log.kept.values()) {
        byte[] snapshot = other.snapshot;
        if (snapshot != null
            && other.snapshotEntries > applied
            && other.snapshotEntries <= kept.entries
            && random.nextInt(8) == 0) {
          try {
            entries.restore(snapshot);
          } catch (FsException e) {
            throw new AssertionError("a snapshot can't be read", e);
          }
          applied = other.snapshotEntries;
          kept.snapshot = snapshot;
          kept.snapshotEntries = applied;
        }
      }
      apply();
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
