package io.adhocfs.daemon.throttle;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.throttle.SimulatedThrottles.Program;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.throttle.Charge;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.Resource;
import io.adhocfs.protocol.throttle.RuleFigures;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.throttle.TokenWant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Limits hold for all daemons together, and are shared as they should be; in simulated time. */
class ThrottleTest {
  private static final Percentage FIVE = Percentage.withPercentage(5);
  private static final long MIB = 1 << 20;
  private static final Charge BLOCK = Charge.ofData(MIB, MIB + 200);
  private static final Charge NAME = Charge.ofMetadata(300);

  private static Party job(String id) {
    return new Party(TrafficClass.FOREGROUND, id, "", 1000);
  }

  private static ThrottleRule limit(Resource resource, Scope scope, long limit) {
    return new ThrottleRule(resource.label(), scope, limit, 1);
  }

  private static ThrottleRule weight(Resource resource, String job, int weight) {
    return new ThrottleRule(resource.label(), new Scope(Scope.Kind.JOB, job), 0, weight);
  }

  private static long done(List<Program> programs) {
    return programs.stream().mapToLong(program -> program.done).sum();
  }

  @ParameterizedTest(name = "{0} daemons, {1} programs, {2} MB/s")
  @CsvSource({
    "1,1,50",
    "1,16,50",
    "4,1,50",
    "4,16,50",
    "8,1,50",
    "8,16,50",
    "1,1,200",
    "1,16,200",
    "4,4,200",
    "8,1,200",
    "8,16,200",
    "64,16,200"
  })
  void bandwidthIsTheLimit(int nodes, int programs, long megabytes) {
    var simulated = new SimulatedThrottles(nodes);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, megabytes * 1_000_000));
    List<Program> all = new ArrayList<>();
    for (int i = 0; i < programs; i++) {
      all.add(simulated.new Program(job("1"), BLOCK, 1_500_000));
    }
    simulated.run(3);
    for (int window = 0; window < 3; window++) {
      long before = done(all);
      simulated.run(10);
      assertThat((double) (done(all) - before) * MIB / 10e6).isCloseTo((double) megabytes, FIVE);
    }
  }

  @ParameterizedTest(name = "{0} daemons, {1} programs, {2} operations/s")
  @CsvSource({"1,1,500", "4,1,500", "8,16,500", "1,1,5000", "4,4,5000", "8,16,5000", "64,16,5000"})
  void operationsAreTheLimit(int nodes, int programs, long operations) {
    var simulated = new SimulatedThrottles(nodes);
    simulated.useRules(
        limit(Resource.METADATA_OPS, new Scope(Scope.Kind.USER, "1000"), operations));
    List<Program> all = new ArrayList<>();
    for (int i = 0; i < programs; i++) {
      all.add(simulated.new Program(job("1"), NAME, 50_000));
    }
    simulated.run(3);
    long before = done(all);
    simulated.run(10);
    assertThat((double) (done(all) - before) / 10).isCloseTo((double) operations, FIVE);
  }

  @Test
  void aLimitOfFewOperationsIsNoStop() {
    var simulated = new SimulatedThrottles(4);
    simulated.useRules(limit(Resource.METADATA_OPS, Scope.INSTANCE, 2));
    var program = simulated.new Program(job("1"), NAME, 50_000);
    simulated.run(3);
    long before = program.done;
    simulated.run(50);
    assertThat(program.done - before).isBetween(95L, 101L);
  }

  @Test
  void whatIsNotLimitedRunsAsFastAsItCan() {
    var simulated = new SimulatedThrottles(4);
    simulated.useRules(
        limit(Resource.DATA_BANDWIDTH, new Scope(Scope.Kind.JOB, "slow"), 10_000_000));
    var slow = simulated.new Program(job("slow"), BLOCK, 1_000_000);
    var free = simulated.new Program(job("free"), BLOCK, 1_000_000);
    simulated.run(10);
    assertThat(free.done).isBetween(9_900L, 10_001L);
    assertThat((double) slow.done * MIB / 10e6).isCloseTo(10, FIVE);
  }

  @Test
  void aLimitOfADatasetIsForThoseWithinItTooAndForAllWhoUseIt() {
    var simulated = new SimulatedThrottles(4);
    var out = new Dataset(1, InodeId.ROOT, "/out", 0, true);
    var within = new Dataset(2, InodeId.ROOT, "/out/a", 0, true);
    var besides = new Dataset(3, InodeId.ROOT, "/outer", 0, true);
    simulated.datasets = List.of(besides, within, out);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, out.scope(), 40_000_000));
    var one = simulated.new Program(job("1"), BLOCK, 1_000_000);
    one.dataset = out.id();
    var two = simulated.new Program(job("2"), BLOCK, 1_000_000);
    two.dataset = within.id();
    var other = simulated.new Program(job("1"), BLOCK, 1_000_000);
    other.dataset = besides.id();
    var none = simulated.new Program(job("1"), BLOCK, 1_000_000);
    simulated.run(3);
    long before = one.done + two.done;
    simulated.run(10);
    assertThat((one.done + two.done - before) * MIB / 10e6).isCloseTo(40, FIVE);
    assertThat((double) one.done / two.done).isCloseTo(1, FIVE);
    assertThat(other.done).isGreaterThan(12_800);
    assertThat(none.done).isGreaterThan(12_800);
    assertThat(simulated.throttle(0).asksForDatasets()).isTrue();

    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 40_000_000));
    assertThat(simulated.throttle(0).asksForDatasets()).isFalse();
  }

  @Test
  void belowTheLimitNobodyWaits() {
    var simulated = new SimulatedThrottles(4);
    simulated.useRules(limit(Resource.METADATA_OPS, Scope.INSTANCE, 5000));
    var program = simulated.new Program(job("1"), NAME, 1_000_000);
    simulated.run(10);
    assertThat(program.done).isGreaterThan(9_000);
    assertThat(simulated.questions).isLessThan(2_000);
  }

  @Test
  void weightsShareALimitAndWhatIsNotUsedIsLent() {
    var simulated = new SimulatedThrottles(4);
    simulated.useRules(
        limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 80_000_000),
        weight(Resource.DATA_BANDWIDTH, "three", 3));
    List<Program> three = new ArrayList<>();
    List<Program> one = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      three.add(simulated.new Program(job("three"), BLOCK, 1_000_000));
      one.add(simulated.new Program(job("one"), BLOCK, 1_000_000));
    }
    simulated.run(3);
    long threeBefore = done(three);
    long oneBefore = done(one);
    simulated.run(10);
    long threeDone = done(three) - threeBefore;
    long oneDone = done(one) - oneBefore;
    assertThat((double) threeDone / oneDone).isCloseTo(3, FIVE);
    assertThat((threeDone + oneDone) * MIB / 10e6).isCloseTo(80, FIVE);

    three.forEach(program -> program.runs = false);
    simulated.run(1);
    oneBefore = done(one);
    simulated.run(10);
    assertThat((double) (done(one) - oneBefore) * MIB / 10e6).isCloseTo(80, FIVE);

    three.forEach(program -> program.runs = true);
    simulated.run(1);
    threeBefore = done(three);
    simulated.run(10);
    assertThat((double) (done(three) - threeBefore) * MIB / 10e6).isCloseTo(60, FIVE);
  }

  @ParameterizedTest(name = "{0} daemons")
  @ValueSource(ints = {1, 2, 4})
  void weightsShareALimitOfFewOperations(int nodes) {
    var simulated = new SimulatedThrottles(nodes);
    simulated.useRules(
        limit(Resource.METADATA_OPS, Scope.INSTANCE, 200),
        weight(Resource.METADATA_OPS, "three", 3));
    List<Program> three = new ArrayList<>();
    List<Program> one = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      three.add(simulated.new Program(job("three"), NAME, 50_000));
      one.add(simulated.new Program(job("one"), NAME, 50_000));
    }
    simulated.run(3);
    long threeBefore = done(three);
    long oneBefore = done(one);
    simulated.run(50);
    double threeDone = done(three) - threeBefore;
    double oneDone = done(one) - oneBefore;
    assertThat(threeDone / oneDone).isCloseTo(3, FIVE);
    assertThat((threeDone + oneDone) / 50).isCloseTo(200, FIVE);
  }

  @Test
  void ofSeveralLimitsTheTightestHolds() {
    var simulated = new SimulatedThrottles(4);
    simulated.useRules(
        limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 100_000_000),
        limit(Resource.RPC_TOKENS, new Scope(Scope.Kind.JOB, "1"), 20));
    List<Program> tight = new ArrayList<>();
    List<Program> other = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      tight.add(simulated.new Program(job("1"), BLOCK, 1_000_000));
      other.add(simulated.new Program(job("2"), BLOCK, 1_000_000));
    }
    simulated.run(3);
    long tightBefore = done(tight);
    long otherBefore = done(other);
    simulated.run(10);
    assertThat((double) (done(tight) - tightBefore)).isCloseTo(200, FIVE);
    assertThat((done(other) - otherBefore + 200.0) * MIB / 10e6).isCloseTo(100, FIVE);
  }

  @Test
  void aLimitThatChangesHoldsWithinASecondAndOneThatGoesFreesAll() {
    var simulated = new SimulatedThrottles(4);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 1_000_000));
    List<Program> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      all.add(simulated.new Program(job("1"), BLOCK, 1_000_000));
    }
    simulated.run(10);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 100_000_000));
    simulated.run(1);
    long before = done(all);
    simulated.run(10);
    assertThat((double) (done(all) - before) * MIB / 10e6).isCloseTo(100, FIVE);
    simulated.useRules();
    before = done(all);
    simulated.run(1);
    assertThat(done(all) - before).isGreaterThan(7_500);
  }

  @Test
  void aLimitThatIsLoweredMuchHoldsWithinASecond() {
    var simulated = new SimulatedThrottles(4);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 2_000_000_000));
    List<Program> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      all.add(simulated.new Program(job("1"), BLOCK, 1_000_000));
    }
    simulated.run(5);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 20_000_000));
    simulated.run(1);
    long before = done(all);
    simulated.run(10);
    assertThat((double) (done(all) - before) * MIB / 10e6).isCloseTo(20, FIVE);
  }

  @Test
  void requestsThatAreLargeBesideTheLimitGetOnToo() {
    var simulated = new SimulatedThrottles(2);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 50_000));
    List<Program> all =
        List.of(
            simulated.new Program(job("1"), BLOCK, 1_000_000),
            simulated.new Program(job("2"), BLOCK, 1_000_000));
    simulated.run(100);
    long before = done(all);
    simulated.run(1000);
    assertThat((double) (done(all) - before) * MIB / 1000).isCloseTo(50_000, FIVE);
    assertThat(all).allSatisfy(program -> assertThat(program.done).isGreaterThan(15));
  }

  @Test
  void whileWhoGivesTheTokensIsDeadAnotherDoes() {
    var simulated = new SimulatedThrottles(4);
    ThrottleRule rule = limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 50_000_000);
    simulated.useRules(rule);
    List<Program> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      all.add(simulated.new Program(job("1"), BLOCK, 1_000_000));
    }
    simulated.run(3);
    int giver = simulated.giver(0, rule);
    simulated.kill(giver);
    simulated.run(1);
    assertThat(simulated.giver(0, rule)).isNotEqualTo(giver).isEqualTo(simulated.giver(1, rule));
    long before = done(all);
    simulated.run(10);
    assertThat((double) (done(all) - before) * MIB / 10e6).isCloseTo(50, FIVE);
    simulated.start(giver);
    simulated.run(2);
    assertThat(simulated.giver(0, rule)).isEqualTo(giver);
    before = done(all);
    simulated.run(10);
    assertThat((double) (done(all) - before) * MIB / 10e6).isCloseTo(50, FIVE);
  }

  @Test
  void whoIsManyIsCountedTogether() {
    var simulated = new SimulatedThrottles(1);
    simulated.useRules(limit(Resource.METADATA_OPS, Scope.INSTANCE, 1_000_000));
    Throttle throttle = simulated.throttle(0);
    for (int i = 0; i < 5000; i++) {
      throttle.charge(job("j" + i), 0, NAME);
      if (i % 10 == 0) {
        simulated.run(0.1);
      }
    }
    assertThat(throttle.figures()).hasSizeLessThanOrEqualTo(1001);
    assertThat(throttle.figures().stream().mapToLong(RuleFigures::letThrough).sum())
        .isEqualTo(5000);
  }

  @Test
  void littleGoesUnpaidAndMuchIsRefused() {
    var simulated = new SimulatedThrottles(1);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 20_000_000));
    Throttle throttle = simulated.throttle(0);
    int counted = 0;
    while (throttle.chargeUnlessMuchIsOwed(job("1"), 0, BLOCK) == Throttle.Unpaid.COUNTED) {
      counted++;
    }
    assertThat(counted).isBetween(2, 4);
    assertThat(throttle.chargeUnlessMuchIsOwed(job("1"), 0, NAME)).isEqualTo(Throttle.Unpaid.FREE);
    simulated.run(1);
    assertThat(throttle.chargeUnlessMuchIsOwed(job("1"), 0, BLOCK))
        .isEqualTo(Throttle.Unpaid.COUNTED);
  }

  @Test
  void whoAsksForAnUnknownLimitIsNotAnsweredAtOnceSoThatHeDoesNotSpin() {
    var source = new TokenSource(new Random(1));
    List<long[]> answers = new ArrayList<>();
    ThrottleRule rule = limit(Resource.DATA_OPS, Scope.INSTANCE, 5);
    source.ask(List.of(new TokenWant(rule.key(), "job:1", 1, 5, 0)), 1, answers::add);
    assertThat(answers).isEmpty();
    source.divide(2);
    assertThat(answers).singleElement().satisfies(given -> assertThat(given).containsExactly(0));
  }

  @Test
  void whatCameWhileNobodyAskedIsNotGivenToWhoComesWhileOthersWait() {
    var source = new TokenSource(new Random(1));
    ThrottleRule often = limit(Resource.DATA_OPS, Scope.INSTANCE, 100);
    ThrottleRule rarely = limit(Resource.METADATA_OPS, Scope.INSTANCE, 100);
    source.useLimits(Map.of(often.key(), 100L, rarely.key(), 100L));
    List<long[]> answers = new ArrayList<>();
    source.ask(List.of(new TokenWant(rarely.key(), "job:1", 1, 0, 0)), 0, answers::add);
    long later = 3_600_000_000_000L;
    source.ask(List.of(new TokenWant(often.key(), "job:1", 1, 500, 0)), later, _ -> {});
    source.ask(List.of(new TokenWant(rarely.key(), "job:1", 1, 500, 0)), later, answers::add);
    source.divide(later + 10_000_000);
    assertThat(answers.getLast()[0]).isLessThanOrEqualTo(16);
  }

  @Test
  void whatIsChargedWithoutWaitingIsPaidBack() {
    var simulated = new SimulatedThrottles(2);
    simulated.useRules(limit(Resource.DATA_BANDWIDTH, Scope.INSTANCE, 10_000_000));
    var program = simulated.new Program(job("1"), BLOCK, 1_000_000);
    simulated.run(5);
    long before = program.done;
    simulated.run(10);
    assertThat((double) (program.done - before) * MIB / 10e6).isCloseTo(10, FIVE);
  }
}
