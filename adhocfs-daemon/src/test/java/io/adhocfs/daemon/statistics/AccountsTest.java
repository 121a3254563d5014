package io.adhocfs.daemon.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.statistics.OperationKind;
import io.adhocfs.protocol.statistics.PartyFigures;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.wire.ControlRequest.Introduce;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** What is counted is neither lost nor counted twice, whenever it is said whose it is. */
class AccountsTest {
  private static final SessionId SESSION = new SessionId(7);

  private long nowNanos = 1;
  private final Accounts accounts = new Accounts(() -> nowNanos, 20);

  private Account of(SessionId session, int number) {
    Account account = accounts.of(session, number, TrafficClass.FOREGROUND);
    account.seen(nowNanos);
    return account;
  }

  private void stat(SessionId session, int number) {
    of(session, number).add(OperationKind.STAT, false, 0, false, false);
  }

  private List<PartyFigures> all() {
    List<PartyFigures> all = new ArrayList<>();
    Reply.Statistics page = accounts.page(0);
    all.addAll(page.parties());
    while (page.next() != 0) {
      page = accounts.page(page.next());
      all.addAll(page.parties());
    }
    return all;
  }

  private long stats(String job) {
    return all().stream()
        .filter(figures -> figures.party().job().equals(job))
        .flatMap(figures -> figures.kinds().stream())
        .filter(kind -> kind.kind().equals("stat"))
        .mapToLong(KindFigures::operations)
        .sum();
  }

  @Test
  void whatComesBeforeItIsSaidWhoseItIsIsHis() {
    Account before = of(SESSION, 3);
    assertThat(before.isIntroduced()).isFalse();
    assertThat(before.party().job()).isEmpty();
    stat(SESSION, 3);
    stat(SESSION, 3);
    assertThat(stats("")).isEqualTo(2);
    accounts.introduce(SESSION, new Introduce(3, "42", "1", 1000));
    // A request that was on its way meanwhile.
    before.add(OperationKind.STAT, false, 0, false, false);
    stat(SESSION, 3);
    assertThat(of(SESSION, 3).isIntroduced()).isTrue();
    assertThat(of(SESSION, 3).party())
        .isEqualTo(new Party(TrafficClass.FOREGROUND, "42", "1", 1000));
    assertThat(stats("42")).isEqualTo(4);
    assertThat(stats("")).isZero();
  }

  @Test
  void sessionsOfOneJobAddUpAndUsersStepsAndTrafficAreToldApart() {
    for (int session = 1; session <= 3; session++) {
      accounts.introduce(new SessionId(session), new Introduce(1, "42", "", 1000));
      accounts.introduce(new SessionId(session), new Introduce(2, "42", "1", 1000));
      accounts.introduce(new SessionId(session), new Introduce(3, "42", "", 1001));
      stat(new SessionId(session), 1);
      stat(new SessionId(session), 2);
      stat(new SessionId(session), 3);
      accounts
          .of(new SessionId(session), 1, TrafficClass.STAGING)
          .add(OperationKind.STAT, false, 0, false, false);
    }
    assertThat(stats("42")).isEqualTo(12);
    assertThat(all()).hasSize(4).allMatch(figures -> figures.kinds().getFirst().operations() == 3);
  }

  @Test
  void nothingIsLostWhileManyCountAndItIsSaidWhoseItIs() throws Exception {
    int threads = 4;
    long each = 50_000;
    var ready = new CountDownLatch(threads);
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> counting = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        counting.add(
            executor.submit(() -> {
              Account early = of(SESSION, 1);
              ready.countDown();
              for (int i = 0; i < each; i++) {
                Account account = i % 2 == 0 ? early : of(SESSION, 1);
                account.add(OperationKind.WRITE, false, 10, true, false);
              }
            }));
      }
      ready.await();
      accounts.introduce(SESSION, new Introduce(1, "42", "", 1));
      for (Future<?> done : counting) {
        assertThat(done.get()).isNull();
      }
    }
    assertThat(all())
        .singleElement()
        .satisfies(figures -> {
          assertThat(figures.party().job()).isEqualTo("42");
          assertThat(figures.kinds())
              .containsExactly(
                  new KindFigures(
                      "write", threads * each, 0, 10 * each * threads, threads * each, 0));
        });
  }

  @Test
  void whoIsOneTooManyIsPutTogetherWithOthersAndNothingIsLost() {
    for (int job = 0; job < 500; job++) {
      nowNanos += 1_000_000_000;
      accounts.introduce(SESSION, new Introduce(1 + job, "job" + job, "", 1));
      stat(SESSION, 1 + job);
      assertThat(all().size()).isLessThanOrEqualTo(21);
    }
    assertThat(stats("job499")).isEqualTo(1);
    assertThat(stats("job0")).isZero();
    long kept = all().stream().flatMap(figures -> figures.kinds().stream()).count();
    assertThat(stats(PartyFigures.OTHERS_JOB) + kept - 1).isEqualTo(500);
    // One of them that comes again is itself again.
    stat(SESSION, 1);
    assertThat(stats("job0")).isEqualTo(1);
  }

  @Test
  void stepsThatAreTooManyRemainTheirJobs() {
    for (int step = 0; step < 500; step++) {
      nowNanos += 1_000_000_000;
      accounts.introduce(SESSION, new Introduce(1 + step, "42", "" + step, 1));
      stat(SESSION, 1 + step);
    }
    assertThat(stats("42")).isEqualTo(500);
    assertThat(all().size()).isLessThanOrEqualTo(21);
  }

  @Test
  void whoNeverSaysWhoTheyAreAreBoundedToo() {
    for (int session = 1; session <= 1000; session++) {
      stat(new SessionId(session), 1 + session % Frame.PARTY_MAX);
    }
    assertThat(stats("")).isEqualTo(1000);
    assertThat(all().size()).isLessThanOrEqualTo(22);
  }

  @Test
  void pagesHaveEachAccountOnce() {
    var many = new Accounts(() -> nowNanos, 2000);
    for (int job = 0; job < 1500; job++) {
      many.introduce(SESSION, new Introduce(1 + job, "job" + job, "", 1));
      many.of(SESSION, 1 + job, TrafficClass.FOREGROUND)
          .add(OperationKind.OPEN, true, 0, false, false);
    }
    List<String> jobs = new ArrayList<>();
    long after = 0;
    int pages = 0;
    do {
      Reply.Statistics page = many.page(after);
      page.parties().forEach(figures -> jobs.add(figures.party().job()));
      after = page.next();
      pages++;
    } while (after != 0);
    assertThat(pages).isGreaterThan(2);
    assertThat(jobs).hasSize(1500).doesNotHaveDuplicates();
  }

  @Test
  void itIsKnownWhenTheFirstAndTheLastRequestCameAndWhatHeldThemBack() {
    accounts.introduce(SESSION, new Introduce(1, "42", "", 1));
    nowNanos = 5_000_000_000L;
    stat(SESSION, 1);
    nowNanos = 8_000_000_000L;
    stat(SESSION, 1);
    var rule = new ThrottleRule.Key("data-ops", Scope.INSTANCE);
    Party party = of(SESSION, 1).party();
    accounts.heldBack(party, rule, 300);
    accounts.heldBack(party, rule, 200);
    nowNanos = 10_000_000_000L;
    PartyFigures figures = all().getFirst();
    assertThat(figures.sinceFirstNanos()).isEqualTo(5_000_000_000L);
    assertThat(figures.sinceLastNanos()).isEqualTo(2_000_000_000L);
    assertThat(figures.waits())
        .singleElement()
        .satisfies(waits -> {
          assertThat(waits.rule()).isEqualTo(rule);
          assertThat(waits.requests()).isEqualTo(2);
          assertThat(waits.nanos()).isEqualTo(500);
        });
  }
}
