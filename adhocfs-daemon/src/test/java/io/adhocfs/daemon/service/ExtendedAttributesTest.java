package io.adhocfs.daemon.service;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Extended attributes and set-id bits at the owner of an inode, on three nodes. */
class ExtendedAttributesTest {
  private static final InodeId ROOT = InodeId.ROOT;

  private SimulatedCluster cluster;
  private SimulatedClient client;
  private ClusterInspection inspection;

  @BeforeEach
  void start(@TempDir Path directory) throws FsException {
    cluster = new SimulatedCluster(3, directory, 1, new Settings(Map.of("chunk.size", "4KiB")));
    client = new SimulatedClient(cluster, 77);
    inspection = new ClusterInspection(cluster);
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private interface Call {
    void run() throws FsException;
  }

  private static FsError errorOf(Call call) {
    try {
      call.run();
    } catch (FsException e) {
      return e.error();
    }
    throw new AssertionError("no error");
  }

  private ExtendedAttributeRequest.SetExtendedAttribute setting(
      InodeId inode, String name, String value, int mode) {
    return new ExtendedAttributeRequest.SetExtendedAttribute(
        client.stamp(), inode, name.getBytes(UTF_8), value.getBytes(UTF_8), mode, client.nowNanos);
  }

  private FileAttributes set(InodeId inode, String name, String value) throws FsException {
    return ((Reply.Attributes)
            client.call(
                setting(
                    inode, name, value, ExtendedAttributeRequest.SetExtendedAttribute.MODE_SET)))
        .attributes();
  }

  private ExtendedAttributeRequest.RemoveExtendedAttribute removal(InodeId inode, String name) {
    return new ExtendedAttributeRequest.RemoveExtendedAttribute(
        client.stamp(), inode, name.getBytes(UTF_8), client.nowNanos);
  }

  private String get(InodeId inode, String name) throws FsException {
    var bytes =
        (Reply.Bytes)
            client.call(
                new ExtendedAttributeRequest.GetExtendedAttribute(inode, name.getBytes(UTF_8)));
    return new String(bytes.bytes(), UTF_8);
  }

  private String list(InodeId inode) throws FsException {
    var bytes =
        (Reply.Bytes) client.call(new ExtendedAttributeRequest.ListExtendedAttributes(inode));
    return new String(bytes.bytes(), UTF_8).replace('\0', ' ');
  }

  @Test
  void valuesAreKeptUnderTheirNamesAndTheInodeTellsWhetherThereAreAny() throws FsException {
    InodeId file = client.create(ROOT, "a");
    assertThat(client.attributes(file).hasExtendedAttributes()).isFalse();
    client.nowNanos = 9_000;
    FileAttributes after = set(file, "user.b", "two");
    assertThat(after.hasExtendedAttributes()).isTrue();
    assertThat(after.ctimeNanos()).isEqualTo(9_000);
    assertThat(after.mtimeNanos()).isLessThan(9_000);
    set(file, "user.a", "one");
    cluster.restartAll();
    assertThat(get(file, "user.a")).isEqualTo("one");
    assertThat(list(file)).isEqualTo("user.a user.b ");
    client.call(removal(file, "user.a"));
    assertThat(client.attributes(file).hasExtendedAttributes()).isTrue();
    client.call(removal(file, "user.b"));
    assertThat(client.attributes(file).hasExtendedAttributes()).isFalse();
    assertThat(list(file)).isEmpty();
    inspection.requireSound();
  }

  @Test
  void creationAndRemovalSentAgainAreAnsweredAsTheFirstTime() throws FsException {
    InodeId file = client.create(ROOT, "a");
    var creation =
        setting(file, "user.a", "one", ExtendedAttributeRequest.SetExtendedAttribute.MODE_CREATE);
    Reply first = client.call(creation);
    assertThat(client.call(creation)).isEqualTo(first);
    cluster.restartAll();
    assertThat(client.call(creation)).isEqualTo(first);
    assertThat(
            errorOf(() ->
                client.call(
                    setting(
                        file,
                        "user.a",
                        "x",
                        ExtendedAttributeRequest.SetExtendedAttribute.MODE_CREATE))))
        .isEqualTo(FsError.EXISTS);
    var removal = removal(file, "user.a");
    Reply removed = client.call(removal);
    assertThat(client.call(removal)).isEqualTo(removed);
    assertThat(errorOf(() -> client.call(removal(file, "user.a")))).isEqualTo(FsError.NO_ATTRIBUTE);
    assertThat(
            errorOf(() ->
                client.call(
                    setting(
                        file,
                        "user.a",
                        "x",
                        ExtendedAttributeRequest.SetExtendedAttribute.MODE_REPLACE))))
        .isEqualTo(FsError.NO_ATTRIBUTE);
    inspection.requireSound();
  }

  @Test
  void attributesLiveAsLongAsTheInode() throws FsException {
    InodeId file = client.create(ROOT, "a");
    InodeId directory = client.makeDirectory(ROOT, "d");
    set(file, "user.a", "one");
    set(file, "trusted.b", "two");
    set(directory, "user.a", "three");
    client.call(new NamespaceRequest.Open(file, 5));
    client.unlink(ROOT, "a");
    assertThat(get(file, "user.a")).isEqualTo("one");
    client.at(cluster.owner(0), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file, 5))));
    client.call(client.removeDirectoryRequest(ROOT, "d"));
    inspection.requireSound();
    assertThat(inspection.records(RecordKind.XATTR)).isZero();
  }

  @Test
  void boundsAreKept() throws FsException {
    InodeId file = client.create(ROOT, "a");
    assertThat(errorOf(() -> set(file, "user." + "n".repeat(251), "x")))
        .isEqualTo(FsError.ATTRIBUTE_TOO_BIG);
    assertThat(errorOf(() -> set(file, "user.a", "v".repeat((64 << 10) + 1))))
        .isEqualTo(FsError.ATTRIBUTE_TOO_BIG);
    for (String name : List.of("", "user", "other.a", "system.posix_acl_access")) {
      assertThat(errorOf(() -> set(file, name, "x"))).as(name).isEqualTo(FsError.NOT_SUPPORTED);
    }
    for (String name : List.of("user.", "trusted.", "user.a\0b")) {
      assertThat(errorOf(() -> set(file, name, "x"))).as(name).isEqualTo(FsError.INVALID);
    }
    for (int i = 0; i < 15; i++) {
      set(file, "user." + i, "v".repeat(64 << 10));
    }
    assertThat(errorOf(() -> set(file, "user.more", "v".repeat(64 << 10))))
        .isEqualTo(FsError.NO_SPACE);
    set(file, "user.0", "v".repeat(64 << 10));
    inspection.requireSound();
  }

  private FileAttributes change(InodeId inode, int mask, int mode, int uid) throws FsException {
    return ((Reply.Attributes)
            client.call(
                new NamespaceRequest.SetAttributes(
                    client.stamp(), inode, mask, mode, uid, 0, 0, 0, client.nowNanos, 0)))
        .attributes();
  }

  @Test
  void aNewOwnerAndAForeignWriteTakeSetIdBitsAway() throws FsException {
    InodeId file = client.create(ROOT, "a");
    int mode = NamespaceRequest.SetAttributes.MASK_MODE;
    int uid = NamespaceRequest.SetAttributes.MASK_UID;
    int clear = NamespaceRequest.SetAttributes.MASK_CLEAR_SET_ID;
    change(file, mode, 06755, 0);
    assertThat(change(file, uid, 0, 9).mode()).isEqualTo(0755);
    assertThat(change(file, uid | mode, 06755, 8).mode()).isEqualTo(06755);
    assertThat(change(file, clear, 0, 0).mode()).isEqualTo(0755);
    change(file, mode, 06745, 0);
    assertThat(change(file, clear, 0, 0).mode()).isEqualTo(02745);
    InodeId directory = client.makeDirectory(ROOT, "d");
    change(directory, mode, 06755, 0);
    assertThat(change(directory, uid, 0, 9).mode()).isEqualTo(06755);
  }
}
