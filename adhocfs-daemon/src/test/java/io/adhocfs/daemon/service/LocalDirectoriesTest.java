package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Where directories lie with the switch {@code distribution=local}. */
class LocalDirectoriesTest extends ServiceFixture {
  LocalDirectoriesTest() throws FsException {
    super(3, Map.of("distribution", "local"));
  }

  private static InodeId made(Reply reply) {
    return ((Reply.Created) reply).inode();
  }

  @Test
  void aDirectoryAndWhatIsMadeInItLieInTheSlotThatItsMakerOffers() throws FsException {
    InodeId parent = ROOT;
    for (int slot : new int[] {1, 2, 3, 65_535, 0}) {
      parent = made(client.call(client.makeDirectoryRequest(parent, "d", slot)));
      assertThat(parent.slotValue()).isEqualTo(slot);
      assertThat(client.create(parent, "f").slotValue()).isEqualTo(slot);
    }
    client.unlink(parent, "f");
    assertThat(client.attributes(parent).linkCount()).isEqualTo(2);
    inspection.requireSoundInTheEnd();
  }

  @Test
  void aMakerWithoutANodeLeavesItToTheName() throws FsException {
    assertThat(
            made(client.call(
                    client.makeDirectoryRequest(ROOT, "d", NamespaceRequest.MakeDirectory.NO_SLOT)))
                .slot())
        .isEqualTo(Placement.newDirectorySlot(ROOT, EntryName.ofText("d")));
  }

  @Test
  void slotsThatDoNotExistAreRefused() throws FsException {
    for (int slot : new int[] {-2, SlotId.COUNT, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> client.call(client.makeDirectoryRequest(ROOT, "d", slot)))
          .isInstanceOfSatisfying(
              FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.INVALID));
    }
    assertThat(client.has(ROOT, "d")).isFalse();
  }

  @Test
  void aRepeatedRequestIsAnsweredAsTheFirstAlsoAfterARestart() throws FsException {
    for (int slot = 0; slot < 3; slot++) {
      Reply first = client.call(client.makeDirectoryRequest(ROOT, "d" + slot, slot));
      Request make = client.lastNumbered();
      assertThat(client.call(make)).isEqualTo(first);
      instance.restartAll();
      assertThat(client.call(make)).isEqualTo(first);
    }
    assertThat(client.attributes(ROOT).linkCount()).isEqualTo(5);
    inspection.requireSoundInTheEnd();
  }
}
