package io.adhocfs.client.locking;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.routing.LoneSessions;
import io.adhocfs.client.routing.Session;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.BitSet;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/**
 * Whose locks are remembered, when sessions end. Node k keeps what its slot's rest by 3 is k of.
 */
class LockUsesTest {
  private static final long PROCESS = 4711;
  private static final NodeId NODE = new NodeId(1);
  private static final InodeId THERE = InodeId.of(new SlotId(1), 9);
  private static final InodeId ELSEWHERE = InodeId.of(new SlotId(2), 9);

  private final ClusterMap map = LoneSessions.map(1, Map.of());
  private final Session older = LoneSessions.session(1, Long.MAX_VALUE);
  private final Session newer = LoneSessions.session(2, Long.MAX_VALUE);
  private final Object olderHandle = new Object();
  private final Object newerHandle = new Object();
  private final LockUses uses = new LockUses();

  private LockUses.Use locks(Session session, InodeId inode, Object handle) {
    LockUses.Use use = uses.begin(LockKind.POSIX, PROCESS, session, inode, handle);
    uses.ended(LockKind.POSIX, PROCESS, use);
    return use;
  }

  @Test
  void locksOfOneOwnerOnAnInodeAreOfOneSession() {
    LockUses.Use first = locks(older, THERE, olderHandle);
    LockUses.Use second = locks(newer, THERE, newerHandle);
    assertThat(second).isEqualTo(first);
    assertThat(uses.forget(LockKind.POSIX, PROCESS, THERE)).containsExactly(first);
    assertThat(uses.find(LockKind.POSIX, PROCESS, THERE)).isNull();
  }

  @Test
  void lostLocksAreForgottenAndOthersStay() {
    locks(older, THERE, olderHandle);
    LockUses.Use stays = locks(older, ELSEWHERE, newerHandle);
    var slots = new BitSet();
    slots.set(THERE.slotValue());
    assertThat(uses.countIn(older, slots)).isEqualTo(1);
    LoneSessions.lose(older, NODE, map);
    assertThat(uses.find(LockKind.POSIX, PROCESS, THERE)).isNull();
    assertThat(uses.forget(LockKind.POSIX, PROCESS, THERE)).isEmpty();
    assertThat(uses.find(LockKind.POSIX, PROCESS, ELSEWHERE)).isEqualTo(stays);
    assertThat(uses.forgetHandle(newerHandle, ELSEWHERE)).containsExactly(stays);
  }

  @Test
  void theSameOwnerLocksAgainThroughAHandleOfAnotherSession() {
    LockUses.Use lost = locks(older, THERE, olderHandle);
    LoneSessions.lose(older, NODE, map);
    LockUses.Use again = locks(newer, THERE, newerHandle);
    assertThat(again.session()).isEqualTo(newer);
    assertThat(lost.session()).isEqualTo(older);
    // The old handle's close takes nothing of the new one's along.
    assertThat(uses.forgetHandle(olderHandle, THERE)).isEmpty();
    assertThat(Objects.requireNonNull(uses.find(LockKind.POSIX, PROCESS, THERE))).isEqualTo(again);
    assertThat(uses.forgetHandle(newerHandle, THERE)).containsExactly(again);
  }

  @Test
  void aRequestThatEndsAfterItsLocksWereLostTouchesNothingOfTheNewOnes() {
    LockUses.Use under = uses.begin(LockKind.POSIX, PROCESS, older, THERE, olderHandle);
    LoneSessions.lose(older, NODE, map);
    LockUses.Use again = uses.begin(LockKind.POSIX, PROCESS, newer, THERE, newerHandle);
    uses.ended(LockKind.POSIX, PROCESS, under);
    uses.ended(LockKind.POSIX, PROCESS, again);
    assertThat(uses.find(LockKind.POSIX, PROCESS, THERE)).isEqualTo(again);
  }
}
