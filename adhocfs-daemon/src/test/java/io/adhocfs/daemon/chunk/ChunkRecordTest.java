package io.adhocfs.daemon.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Chunk records as bytes. */
class ChunkRecordTest {
  private static String hexadecimal(ChunkRecord record) {
    return HexFormat.of().formatHex(record.encode());
  }

  private static ChunkRecord thereAndBack(ChunkRecord record) throws FsException {
    return ChunkRecord.decode(record.encode());
  }

  @Test
  void haveTheirGoldenBytes() throws Exception {
    ChunkRecord open = ChunkRecord.open(19, 5);
    assertThat(hexadecimal(open)).isEqualTo("0200130000000000000005" + "ff00");
    ChunkRecord sealed = open.sealed(new int[] {1, 2, 3, 4, 5, 6, 7, -1});
    assertThat(hexadecimal(sealed))
        .isEqualTo(
            "0201130000000000000005"
                + "0000000100000002000000030000000400000005000000060000000"
                + "7ffffffff");
    assertThat(hexadecimal(sealed.withOpen(1, 6).withLost(3).withGeneration(6)))
        .isEqualTo("0202130000000000000006" + "7608" + "00000001ffffffff");
    assertThat(hexadecimal(ChunkRecord.open(12, 1).sealed(new int[] {9})))
        .isEqualTo("02010c000000000000000100000009");
  }

  @Test
  void comeBackAsTheyWere() throws Exception {
    ChunkRecord record =
        thereAndBack(
            ChunkRecord.open(19, 5)
                .sealed(new int[] {1, 2, 3, 4, 5, 6, 7, 8})
                .withOpen(2, 3)
                .withLost(6));
    assertThat(record.state()).isEqualTo(ChunkRecord.State.LOST);
    assertThat(record.generation()).isEqualTo(5);
    assertThat(record.sum(7)).isEqualTo(8);
    assertThat(record.isSealed(7)).isTrue();
    assertThat(record.allOpen(2, 3)).isTrue();
    assertThat(record.allOpen(2, 4)).isFalse();
    assertThat(record.isLost(6)).isTrue();
    assertThat(record.isSealed(6)).isFalse();
    ChunkRecord whole = record.withOpen(0, 7);
    assertThat(whole.state()).isEqualTo(ChunkRecord.State.OPEN);
    assertThat(thereAndBack(whole.sealed(new int[8])).state()).isEqualTo(ChunkRecord.State.SEALED);
    assertThat(thereAndBack(ChunkRecord.lost(26, 1)).blockCount()).isEqualTo(1024);
  }

  @Test
  void thatMakeNoSenseAreCorrupt() {
    byte[] right = ChunkRecord.open(19, 5).encode();
    for (int position : new int[] {0, 1, 2, right.length - 2, right.length - 1}) {
      byte[] wrong = right.clone();
      wrong[position] ^= 0x41;
      assertThatThrownBy(() -> ChunkRecord.decode(wrong))
          .as("byte %d", position)
          .isInstanceOfSatisfying(
              FsException.class, e -> assertThat(e.error()).isEqualTo(FsError.CORRUPT));
    }
  }
}
