package io.adhocfs.daemon.statistics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.statistics.PartyFigures;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.ControlRequest.Introduce;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * On whose behalf sessions have said that their requests come, and the account of each. What comes
 * before that is said goes to an account of its own, which is passed on. Thread-safe; to find an
 * account that is known takes no lock and allocates nothing.
 */
public final class Accounts {
  /** More users of steps of jobs than are at work at a time in one instance. */
  private static final int ACCOUNTS_MAX = 2000;

  /** So many sessions are known at a time, and so many numbers of them. */
  private static final int PLACES_MAX = 1 << 18;

  private static final int PAGE_ACCOUNTS = 400;
  private static final int TRAFFIC_CLASSES = TrafficClass.values().length;

  /** A session's accounts by its numbers, and what it has said of them. */
  private static final class Numbered {
    volatile AtomicReferenceArray<@Nullable Account> accounts = new AtomicReferenceArray<>(0);

    /** Guarded by the lock of all. */
    final Map<Integer, Introduce> said = new HashMap<>();

    static int place(int number, TrafficClass traffic) {
      return number * TRAFFIC_CLASSES + traffic.code();
    }

    @Nullable Account get(int place) {
      AtomicReferenceArray<@Nullable Account> now = accounts;
      return place < now.length() ? now.get(place) : null;
    }

    /** Returns by how much it has grown. Under the lock of all. */
    int set(int place, Account account) {
      AtomicReferenceArray<@Nullable Account> now = accounts;
      int before = now.length();
      if (place >= before) {
        var grown = new AtomicReferenceArray<@Nullable Account>(Math.max(place + 1, 2 * before));
        for (int i = 0; i < before; i++) {
          grown.set(i, now.get(i));
        }
        now = grown;
      }
      now.set(place, account);
      accounts = now;
      return now.length() - before;
    }
  }

  private final LongSupplier nanoClock;
  private final int accountsMax;
  private final Map<SessionId, Numbered> sessions = new ConcurrentHashMap<>();

  @GuardedBy("this")
  private final Map<Party, Account> accounts = new HashMap<>();

  /** Those of whom nothing has been said yet, by number. */
  @GuardedBy("this")
  private final Map<Long, Account> unnamed = new LinkedHashMap<>();

  @GuardedBy("this")
  private long lastNumber;

  @GuardedBy("this")
  private int places;

  public Accounts(LongSupplier nanoClock) {
    this(nanoClock, ACCOUNTS_MAX);
  }

  Accounts(LongSupplier nanoClock, int accountsMax) {
    this.nanoClock = nanoClock;
    this.accountsMax = accountsMax;
  }

  private static Party nobody(TrafficClass traffic) {
    return new Party(traffic, "", "", Party.UNKNOWN_USER);
  }

  /** To whose account a request of a client goes; its sender hears of it if that is not known. */
  public Account of(Exchange exchange) {
    Account account =
        of(exchange.session(), exchange.flags() & Frame.PARTY_MAX, exchange.trafficClass());
    if (!account.isIntroduced()) {
      exchange.addAnswerFlags(Frame.UNKNOWN_PARTY);
    }
    return account;
  }

  /**
   * To whose account a request goes.
   *
   * @param number as its flags say; 0 = nothing is said
   */
  Account of(SessionId session, int number, TrafficClass traffic) {
    Numbered numbered = sessions.get(session);
    if (numbered != null) {
      Account account = numbered.get(Numbered.place(number, traffic));
      if (account != null && !account.hasPassed()) {
        return account;
      }
    }
    return find(session, number, traffic);
  }

  private synchronized Account find(SessionId session, int number, TrafficClass traffic) {
    Numbered numbered = numbered(session);
    int place = Numbered.place(number, traffic);
    Account account = numbered.get(place);
    if (account != null && !account.hasPassed()) {
      return account;
    }
    Introduce said = numbered.said.get(number);
    if (said != null) {
      account = of(new Party(traffic, said.job(), said.step(), said.user()));
    } else if (number == 0) {
      account = of(nobody(traffic));
    } else {
      account = new Account(++lastNumber, nobody(traffic), true, nanoClock.getAsLong());
      unnamed.put(account.number, account);
      if (unnamed.size() > accountsMax) {
        Account oldest = unnamed.values().iterator().next();
        unnamed.remove(oldest.number);
        oldest.passTo(of(oldest.party()));
      }
    }
    places += numbered.set(place, account);
    return account;
  }

  @GuardedBy("this")
  private Numbered numbered(SessionId session) {
    if (places > PLACES_MAX) {
      // They will be asked once more who they are.
      sessions.clear();
      places = 0;
    }
    Numbered numbered = sessions.get(session);
    if (numbered == null) {
      numbered = new Numbered();
      places++;
      sessions.put(session, numbered);
    }
    return numbered;
  }

  /** A session says whose the requests with a number are. */
  public synchronized void introduce(SessionId session, Introduce said) {
    Numbered numbered = numbered(session);
    if (numbered.said.put(said.number(), said) == null) {
      places++;
    }
    for (TrafficClass traffic : TrafficClass.values()) {
      int place = Numbered.place(said.number(), traffic);
      Account before = numbered.get(place);
      if (before == null) {
        continue;
      }
      Account account = of(new Party(traffic, said.job(), said.step(), said.user()));
      if (unnamed.remove(before.number) != null) {
        before.passTo(account);
      }
      places += numbered.set(place, account);
    }
  }

  /** The account of a party. */
  @GuardedBy("this")
  private Account of(Party party) {
    Account known = accounts.get(party);
    if (known != null) {
      return known;
    }
    if (accounts.size() >= accountsMax) {
      foldOldest();
    }
    var account = new Account(++lastNumber, party, false, nanoClock.getAsLong());
    accounts.put(party, account);
    return account;
  }

  /**
   * Makes room: steps that have been idle for longest become a part of their job without a step;
   * where that does not help, who has been idle for longest becomes one of the others.
   */
  @GuardedBy("this")
  private void foldOldest() {
    for (Account account : idlest(true)) {
      Party party = account.party();
      fold(account, new Party(party.traffic(), party.job(), "", party.user()));
    }
    if (accounts.size() >= accountsMax) {
      for (Account account : idlest(false)) {
        fold(account, PartyFigures.OTHERS);
      }
    }
  }

  @GuardedBy("this")
  private List<Account> idlest(boolean ofSteps) {
    long now = nanoClock.getAsLong();
    List<Account> idlest = new ArrayList<>();
    for (Account account : accounts.values()) {
      Party party = account.party();
      if (!party.equals(PartyFigures.OTHERS) && (!ofSteps || !party.step().isEmpty())) {
        idlest.add(account);
      }
    }
    idlest.sort(Comparator.comparingLong(account -> account.lastNanos() - now));
    return idlest.subList(0, Math.min(idlest.size(), Math.max(1, accountsMax / 4)));
  }

  @GuardedBy("this")
  private void fold(Account account, Party into) {
    accounts.remove(account.party());
    Account heir = accounts.get(into);
    if (heir == null) {
      heir = new Account(++lastNumber, into, false, nanoClock.getAsLong());
      accounts.put(into, heir);
    }
    account.passTo(heir);
  }

  /** The jobs that there are accounts of, in order; no more than fit into a message. */
  public synchronized List<String> jobs() {
    SortedSet<String> jobs = new TreeSet<>();
    for (Party party : accounts.keySet()) {
      if (!party.job().isEmpty() && !party.equals(PartyFigures.OTHERS)) {
        jobs.add(party.job());
      }
    }
    return List.copyOf(jobs);
  }

  /** A limit has held back a request of a party. */
  public synchronized void heldBack(Party party, ThrottleRule.Key rule, long nanos) {
    of(party).addWait(rule, nanos);
  }

  /**
   * What has been counted, some accounts at a time; in between others may be added.
   *
   * @param after where the last page ended; 0 = from the start
   */
  public synchronized Reply.Statistics page(long after) {
    List<Account> later = new ArrayList<>();
    for (Account account : accounts.values()) {
      if (account.number > after) {
        later.add(account);
      }
    }
    for (Account account : unnamed.values()) {
      if (account.number > after) {
        later.add(account);
      }
    }
    later.sort(Comparator.comparingLong(account -> account.number));
    boolean last = later.size() <= PAGE_ACCOUNTS;
    List<Account> page = last ? later : later.subList(0, PAGE_ACCOUNTS);
    long now = nanoClock.getAsLong();
    List<PartyFigures> figures = new ArrayList<>(page.size());
    for (Account account : page) {
      PartyFigures counted = account.figures(now);
      if (!counted.kinds().isEmpty() || !counted.waits().isEmpty()) {
        figures.add(counted);
      }
    }
    return new Reply.Statistics(figures, last ? 0 : page.getLast().number);
  }
}
