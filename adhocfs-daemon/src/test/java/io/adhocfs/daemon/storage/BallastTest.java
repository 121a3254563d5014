package io.adhocfs.daemon.storage;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.slot.SlotBatch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Disks of 64 MiB and 2,000 inodes that somebody else fills. Needs root, to mount them. */
class BallastTest {
  private static final long MEBIBYTE = 1 << 20;

  @TempDir Path parent;
  private @Nullable SmallDisk mounted;
  private Path disk = Path.of("/");

  @BeforeEach
  void mount() throws Exception {
    mounted = SmallDisk.mountBelow(parent);
    mounted.limitInodes(2000);
    disk = mounted.path();
  }

  @AfterEach
  void unmount() throws Exception {
    if (mounted != null) {
      mounted.unmount();
    }
  }

  private BackingDisk.Room room() throws FsException {
    return new BackingDisk(disk).room();
  }

  private void fillBytes() throws IOException {
    Path filler = disk.resolve("filler");
    var zeros = new byte[1 << 12];
    try (OutputStream out = Files.newOutputStream(filler)) {
      while (true) {
        out.write(zeros);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("No space left");
    }
  }

  private List<Path> fillInodes() {
    List<Path> fillers = new ArrayList<>();
    try {
      while (true) {
        fillers.add(Files.createFile(disk.resolve("filler-" + fillers.size())));
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("No space left");
    }
    return fillers;
  }

  @Test
  void isTakenWhereThereIsRoomAndFoundAgain() throws Exception {
    var ballast = new Ballast(disk);
    ballast.look();
    assertThat(ballast.isScarce()).isFalse();
    assertThat(room().availableBytes()).isBetween(59 * MEBIBYTE, 60 * MEBIBYTE);
    assertThat(room().availableInodes()).isLessThan(2000 - 64);
    long inodes = room().availableInodes();
    var again = new Ballast(disk);
    again.look();
    assertThat(again.isScarce()).isFalse();
    assertThat(room().availableInodes()).isEqualTo(inodes);
  }

  @Test
  void isGivenUpOnADiskWithoutBytesAndTakenAgainWhenThereIsRoom() throws Exception {
    var ballast = new Ballast(disk);
    ballast.look();
    fillBytes();
    ballast.look();
    assertThat(ballast.isScarce()).isTrue();
    assertThat(room().availableBytes()).as("whoever fills the disk would take it").isZero();
    ballast.giveUpIfScarce();
    assertThat(room().availableBytes()).isGreaterThanOrEqualTo(4 * MEBIBYTE);
    ballast.look();
    assertThat(ballast.isScarce()).isTrue();
    Files.delete(disk.resolve("filler"));
    ballast.look();
    assertThat(ballast.isScarce()).isFalse();
    assertThat(room().availableBytes()).isBetween(59 * MEBIBYTE, 60 * MEBIBYTE);
  }

  @Test
  void isGivenUpOnADiskWithoutInodes() throws Exception {
    var ballast = new Ballast(disk);
    ballast.look();
    List<Path> fillers = fillInodes();
    ballast.look();
    assertThat(ballast.isScarce()).isTrue();
    ballast.giveUpIfScarce();
    assertThat(room().availableInodes()).isGreaterThanOrEqualTo(64);
    for (Path filler : fillers) {
      Files.delete(filler);
    }
    ballast.look();
    assertThat(ballast.isScarce()).isFalse();
  }

  @Test
  void isNotGivenUpWhileThereIsRoom() throws Exception {
    var ballast = new Ballast(disk);
    ballast.look();
    long before = room().availableBytes();
    ballast.giveUpIfScarce();
    assertThat(room().availableBytes()).isEqualTo(before);
  }

  @Test
  void withItADatabaseOpensAndRemovesOnADiskThatIsFull() throws Exception {
    Path metadata = disk.resolve("metadata");
    var ballast = new Ballast(disk);
    ballast.look();
    byte[] key = {1, 2, 3};
    var puts = new SlotBatch();
    puts.put(key, new byte[1000]);
    try (var database = new RocksSlotStore(metadata, 64 << 20)) {
      database.commit(puts);
    }
    fillBytes();
    var removes = new SlotBatch();
    removes.remove(key);
    try (var refused = new RocksSlotStore(metadata, 64 << 20)) {
      refused.commit(removes);
      throw new AssertionError("this test's disk is not full");
    } catch (FsException e) {
      assertThat(e.error()).isEqualTo(FsError.NO_SPACE);
    }
    new Ballast(disk).giveUpIfScarce();
    try (var database = new RocksSlotStore(metadata, 64 << 20)) {
      assertThat(database.get(key)).hasSize(1000);
      database.commit(removes);
      assertThat(database.get(key)).isNull();
    }
  }
}
