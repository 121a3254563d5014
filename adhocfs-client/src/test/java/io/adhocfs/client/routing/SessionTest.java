package io.adhocfs.client.routing;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.BitSet;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What a session knows of where it has ended. Node k has the slots that k is the rest of by 3. */
class SessionTest {
  private static final NodeId A = new NodeId(0);
  private static final NodeId B = new NodeId(1);
  private static final NodeId C = new NodeId(2);

  private final Session session = LoneSessions.session(5, 1_000);
  private final ClusterMap map = LoneSessions.map(1, Map.of());

  private static InodeId inode(int slot) {
    return InodeId.of(new SlotId(slot), 9);
  }

  @Test
  void losesWhatANodeHadAndNothingElse() {
    BitSet lost = Objects.requireNonNull(session.lose(B, map));
    assertThat(lost.cardinality()).isEqualTo(SlotId.COUNT / 3);
    assertThat(session.isAlive(inode(4))).isFalse();
    FsException loss = Objects.requireNonNull(session.lossOf(inode(4)));
    assertThat(loss.error()).isEqualTo(FsError.SESSION_EXPIRED);
    assertThat(loss).hasMessageContaining("n1").hasMessageContaining("open the file again");
    assertThat(session.isAlive(inode(3))).isTrue();
    assertThat(session.lossAt(A)).isNull();
    assertThat(session.lossAt(B)).isNotNull();
    assertThat(session.isWhole()).isFalse();
    assertThat(session.lose(B, map)).isNull();
  }

  @Test
  void losesSlotsThatTheNodeHadGivenAwaySinceItWasLastHeard() {
    session.noteAsked(B);
    ClusterMap after = LoneSessions.map(2, Map.of(4, C));
    assertThat(session.follow(map, after)).isEmpty();
    assertThat(session.asked()).contains(C);
    session.lose(B, after);
    assertThat(session.isAlive(inode(4))).isFalse();
    assertThat(session.isAlive(inode(5))).isTrue();
  }

  @Test
  void aRenewalThatWasSentAfterTheChangeSavesThem() {
    session.noteAsked(B);
    Session.Renewal before = session.renewing(100);
    ClusterMap after = LoneSessions.map(2, Map.of(4, C));
    session.follow(map, after);
    session.confirmedAt(B, before);
    Session.Renewal later = session.renewing(200);
    session.confirmedAt(B, later);
    session.lose(B, after);
    assertThat(session.isAlive(inode(4))).isTrue();
    assertThat(session.isAlive(inode(7))).isFalse();
  }

  @Test
  void aRenewalThatWasSentBeforeTheChangeSavesNothing() {
    session.noteAsked(B);
    Session.Renewal before = session.renewing(100);
    ClusterMap after = LoneSessions.map(2, Map.of(4, C));
    session.follow(map, after);
    session.confirmedAt(B, before);
    session.lose(B, after);
    assertThat(session.isAlive(inode(4))).isFalse();
  }

  @Test
  void losesSlotsThatComeToWhereItHasEnded() {
    session.noteAsked(A);
    session.lose(B, map);
    Map<NodeId, BitSet> lost = session.follow(map, LoneSessions.map(2, Map.of(3, B)));
    assertThat(lost).containsOnlyKeys(B);
    assertThat(session.isAlive(inode(3))).isFalse();
    assertThat(session.isAlive(inode(6))).isTrue();
  }

  @Test
  void countsOnlyRenewalsSentSinceTheEndElsewhereWasHeardOfAndNotLongAgo() {
    Session.Renewal before = session.renewing(100);
    session.lose(B, map);
    session.confirmedAt(A, before);
    assertThat(session.isConfirmedAt(A, B, 0)).isFalse();
    session.confirmedAt(A, session.renewing(200));
    assertThat(session.isConfirmedAt(A, B, 200)).isTrue();
    assertThat(session.isConfirmedAt(A, B, 201)).isFalse();
    assertThat(session.isConfirmedAt(C, B, 0)).isFalse();
  }

  @Test
  void losesEverythingWhenItsLeaseHasRunOutByItsOwnClock() {
    session.lose(B, map);
    assertThat(session.overslept(1_000)).isNull();
    assertThat(session.extendLease(1_000, 2_000)).isTrue();
    BitSet lost = Objects.requireNonNull(session.overslept(2_001));
    assertThat(lost.cardinality()).isEqualTo(SlotId.COUNT - SlotId.COUNT / 3);
    assertThat(session.extendLease(2_001, 3_000)).isFalse();
    assertThat(session.lossOf(inode(3))).hasMessageContaining("stopped for longer than its lease");
    assertThat(session.lossAt(A)).isNotNull();
  }

  @Test
  void isClosedOnlyWhenItIsNotTheNewestAndNobodyNeedsIt() {
    assertThat(session.tryRetain()).isTrue();
    assertThat(session.tryClose()).isFalse();
    session.supersede();
    assertThat(session.tryClose()).isFalse();
    assertThat(session.release()).isTrue();
    assertThat(session.tryClose()).isTrue();
    assertThat(session.isClosed()).isTrue();
    assertThat(session.tryRetain()).isFalse();
  }
}
