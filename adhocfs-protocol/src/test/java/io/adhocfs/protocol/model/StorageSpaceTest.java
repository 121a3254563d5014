package io.adhocfs.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class StorageSpaceTest {
  private static StorageSpace space(String disk, long diskAvailable, long total, long available) {
    return new StorageSpace(disk, 1 << 20, diskAvailable, 50, total, available);
  }

  @Test
  void aDiskCountsOnceForAllDaemonsOnIt() {
    StorageSpace whole = space("d", 500_000, 1 << 20, 500_000);
    assertThat(StorageSpace.sum(List.of(whole, whole, whole, whole)))
        .isEqualTo(new StorageSpace.Sum(1 << 20, 500_000, 50));
    assertThat(StorageSpace.sum(List.of(whole, space("e", 40_960, 1 << 20, 40_960))))
        .isEqualTo(new StorageSpace.Sum(2 << 20, 540_960, 60));
  }

  @Test
  void disksWithoutANameAreDifferentOnes() {
    StorageSpace own = space("", 500_000, 1 << 20, 500_000);
    assertThat(StorageSpace.sum(List.of(own, own)))
        .isEqualTo(new StorageSpace.Sum(2 << 20, 1_000_000, 100));
  }

  @Test
  void capacitiesBoundEachDaemonAndTheDiskBoundsAll() {
    StorageSpace bounded = space("d", 500_000, 300_000, 200_000);
    assertThat(StorageSpace.sum(List.of(bounded, bounded)).totalBytes()).isEqualTo(600_000);
    assertThat(StorageSpace.sum(List.of(bounded, bounded)).availableBytes()).isEqualTo(400_000);
    List<StorageSpace> four = List.of(bounded, bounded, bounded, bounded);
    assertThat(StorageSpace.sum(four).totalBytes()).isEqualTo(1 << 20);
    assertThat(StorageSpace.sum(four).availableBytes()).isEqualTo(500_000);
  }
}
