package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The contract of renames, on three nodes. */
class RenameRequestsTest extends ServiceFixture {
  RenameRequestsTest() throws FsException {
    super(3, Map.of("chunk.size", "4KiB", "inline.max", "100"));
  }

  @Test
  void renameMovesFilesBetweenDirectoriesOfAllNodes() throws FsException {
    List<InodeId> directories = new ArrayList<>(List.of(ROOT));
    for (int i = 0; i < 6; i++) {
      directories.add(client.makeDirectory(ROOT, "d" + i));
    }
    InodeId file = client.create(ROOT, "f");
    InodeId from = ROOT;
    for (InodeId to : directories) {
      for (InodeId replaced : List.of(InodeId.NONE, client.create(to, "g"))) {
        client.nowNanos += 1_000;
        if (replaced.exists() || !from.equals(to)) {
          client.rename(from, "f", to, replaced.exists() ? "g" : "f", 0);
          assertThat(client.has(from, "f") && !from.equals(to)).isFalse();
          assertThat(client.lookup(to, replaced.exists() ? "g" : "f")).isEqualTo(file);
          assertThat(client.attributes(file).ctimeNanos()).isEqualTo(client.nowNanos);
          assertThat(client.attributes(from).mtimeNanos()).isEqualTo(client.nowNanos);
          assertThat(client.attributes(to).mtimeNanos()).isEqualTo(client.nowNanos);
          if (replaced.exists()) {
            assertThat(errorOf(() -> client.attributes(replaced))).isEqualTo(FsError.NOT_FOUND);
            client.rename(to, "g", to, "f", 0);
          }
        }
        from = to;
      }
    }
    inspection.requireSoundInTheEnd();
  }

  @Test
  void renameObeysTheRulesOfPosix() throws FsException {
    InodeId d = directoryElsewhere("d");
    InodeId e = directoryElsewhere("e");
    String dName = nameOf(d);
    String eName = nameOf(e);
    client.create(d, "f");
    client.create(e, "g");
    client.makeDirectory(d, "sub");
    client.makeDirectory(e, "empty");
    assertThat(errorOf(() -> client.rename(d, "f", e, "empty", 0))).isEqualTo(FsError.IS_DIRECTORY);
    assertThat(errorOf(() -> client.rename(d, "sub", e, "g", 0))).isEqualTo(FsError.NOT_DIRECTORY);
    assertThat(errorOf(() -> client.rename(d, "sub", ROOT, eName, 0))).isEqualTo(FsError.NOT_EMPTY);
    assertThat(errorOf(() -> client.rename(d, "none", e, "x", 0))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.rename(d, "f", e, "g", 1))).isEqualTo(FsError.EXISTS);
    assertThat(errorOf(() -> client.rename(d, "f", e, "x", 2))).isEqualTo(FsError.NOT_FOUND);
    assertThat(errorOf(() -> client.rename(d, "f", e, "g", 3))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> client.call(client.renameRequest(d, "f", e, "g", 4))))
        .isEqualTo(FsError.INVALID);
    // Into itself, and below itself.
    assertThat(errorOf(() -> client.rename(ROOT, dName, d, "x", 0))).isEqualTo(FsError.INVALID);
    InodeId sub = client.lookup(d, "sub");
    assertThat(errorOf(() -> client.rename(ROOT, dName, sub, "x", 0))).isEqualTo(FsError.INVALID);
    // Over an ancestor.
    assertThat(errorOf(() -> client.rename(d, "sub", ROOT, dName, 0))).isEqualTo(FsError.NOT_EMPTY);
    assertThat(errorOf(() -> client.rename(d, "sub", ROOT, dName, 2))).isEqualTo(FsError.INVALID);
    // Over an empty directory.
    client.rename(d, "sub", e, "empty", 0);
    assertThat(client.lookup(e, "empty")).isEqualTo(sub);
    assertThat(client.attributes(sub).parent()).isEqualTo(e);
    assertThat(client.attributes(d).linkCount()).isEqualTo(2);
    assertThat(client.attributes(e).linkCount()).isEqualTo(3);
    // Two names of one inode: nothing happens.
    client.link(client.lookup(d, "f"), e, "f2");
    client.rename(d, "f", e, "f2", 0);
    assertThat(client.has(d, "f")).isTrue();
    assertThat(client.has(e, "f2")).isTrue();
    client.rename(d, "f", d, "f", 0);
    assertThat(errorOf(() -> client.rename(d, "f", d, "f", 1))).isEqualTo(FsError.EXISTS);
    inspection.requireSoundInTheEnd();
  }

  @Test
  void exchangeSwapsInodesOfAnyTwoTypes() throws FsException {
    InodeId d = directoryElsewhere("d");
    InodeId e = directoryElsewhere("e");
    InodeId file = client.create(d, "f");
    InodeId sub = client.makeDirectory(e, "sub");
    client.rename(d, "f", e, "sub", 2);
    assertThat(client.lookup(d, "f")).isEqualTo(sub);
    assertThat(client.lookup(e, "sub")).isEqualTo(file);
    assertThat(client.attributes(sub).parent()).isEqualTo(d);
    assertThat(client.attributes(d).linkCount()).isEqualTo(3);
    assertThat(client.attributes(e).linkCount()).isEqualTo(2);
    inspection.requireSoundInTheEnd();
  }
}
