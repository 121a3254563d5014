package io.adhocfs.daemon.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import org.junit.jupiter.api.Test;

class MemorySlotStoreTest extends SlotStoreContract {
  private static final byte[] KEY = Keys.key(7, RecordKind.INODE, 1);

  @Override
  SlotStore open() {
    return new MemorySlotStore();
  }

  @Override
  SlotStore reopen(SlotStore before) {
    before.close();
    return before;
  }

  private static SlotBatch put(int value) {
    var batch = new SlotBatch();
    batch.put(KEY, new byte[] {(byte) value});
    return batch;
  }

  @Test
  void aPowerFailureTakesTheLastCommitsThatWereNotSynced() throws Exception {
    var memory = new MemorySlotStore();
    memory.commit(put(1));
    memory.sync();
    for (int value = 2; value <= 4; value++) {
      memory.commit(put(value));
    }
    assertThat(memory.unsyncedCommits()).isEqualTo(3);
    memory.losePower(2);
    assertThat(memory.get(KEY)).containsExactly(3);
    memory.commit(put(5));
    memory.losePower(0);
    assertThat(memory.get(KEY)).containsExactly(3);
  }

  @Test
  void failsAndFlipsOnCommand() throws Exception {
    var memory = new MemorySlotStore();
    memory.commit(put(1));
    memory.fail(FsError.NO_SPACE);
    assertThatThrownBy(() -> memory.commit(put(2))).isInstanceOf(FsException.class);
    assertThatThrownBy(memory::sync).isInstanceOf(FsException.class);
    memory.fail(null);
    assertThat(memory.get(KEY)).containsExactly(1);
    memory.flip(KEY, 1);
    assertThat(memory.get(KEY)).containsExactly(3);
  }
}
