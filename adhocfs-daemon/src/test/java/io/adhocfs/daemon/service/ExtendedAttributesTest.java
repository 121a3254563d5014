package io.adhocfs.daemon.service;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.slot.RecordKind;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.NamespaceRequest;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.PinRelease;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Extended attributes and set-id bits at the owner of an inode, on three nodes. */
class ExtendedAttributesTest extends ServiceFixture {
  ExtendedAttributesTest() throws FsException {
    super(3, Map.of("chunk.size", "4KiB"));
  }

  private Function<OperationStamp, Request> setting(
      InodeId inode, String name, String value, int mode) {
    return stamp ->
        new ExtendedAttributeRequest.SetExtendedAttribute(
            stamp, inode, name.getBytes(UTF_8), value.getBytes(UTF_8), mode, client.nowNanos);
  }

  private FileAttributes set(InodeId inode, String name, String value) throws FsException {
    return ((Reply.Attributes)
            client.call(
                setting(
                    inode, name, value, ExtendedAttributeRequest.SetExtendedAttribute.MODE_SET)))
        .attributes();
  }

  private Function<OperationStamp, Request> removal(InodeId inode, String name) {
    return stamp ->
        new ExtendedAttributeRequest.RemoveExtendedAttribute(
            stamp, inode, name.getBytes(UTF_8), client.nowNanos);
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
    client.nowNanos += 9_000;
    FileAttributes after = set(file, "user.b", "two");
    assertThat(after.hasExtendedAttributes()).isTrue();
    assertThat(after.ctimeNanos()).isEqualTo(client.nowNanos);
    assertThat(after.mtimeNanos()).isLessThan(client.nowNanos);
    set(file, "user.a", "one");
    instance.restartAll();
    assertThat(get(file, "user.a")).isEqualTo("one");
    assertThat(list(file)).isEqualTo("user.a user.b ");
    client.call(removal(file, "user.a"));
    assertThat(client.attributes(file).hasExtendedAttributes()).isTrue();
    client.call(removal(file, "user.b"));
    assertThat(client.attributes(file).hasExtendedAttributes()).isFalse();
    assertThat(list(file)).isEmpty();
    inspection.requireSoundInTheEnd();
  }

  @Test
  void creationAndRemovalSentAgainAreAnsweredAsTheFirstTime() throws FsException {
    InodeId file = client.create(ROOT, "a");
    Reply first =
        client.call(
            setting(
                file, "user.a", "one", ExtendedAttributeRequest.SetExtendedAttribute.MODE_CREATE));
    Request creation = client.lastNumbered();
    assertThat(client.call(creation)).isEqualTo(first);
    instance.restartAll();
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
    Reply removed = client.call(removal(file, "user.a"));
    assertThat(client.call(client.lastNumbered())).isEqualTo(removed);
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
    inspection.requireSoundInTheEnd();
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
    client.at(
        instance.owner(0), new NamespaceRequest.ReleasePins(List.of(new PinRelease(file, 5))));
    client.removeDirectory(ROOT, "d");
    inspection.requireSoundInTheEnd();
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
    inspection.requireSoundInTheEnd();
  }

  @Test
  void aNewOwnerAndAForeignWriteTakeSetIdBitsAway() throws FsException {
    InodeId file = client.create(ROOT, "a");
    AttributeChange cleared = AttributeChange.NONE.withSetIdCleared();
    client.setAttributes(file, AttributeChange.NONE.withMode(06755));
    assertThat(client.setAttributes(file, AttributeChange.NONE.withUid(9)).mode()).isEqualTo(0755);
    assertThat(client.setAttributes(file, AttributeChange.NONE.withUid(8).withMode(06755)).mode())
        .isEqualTo(06755);
    assertThat(client.setAttributes(file, cleared).mode()).isEqualTo(0755);
    client.setAttributes(file, AttributeChange.NONE.withMode(06745));
    assertThat(client.setAttributes(file, cleared).mode()).isEqualTo(02745);
    InodeId directory = client.makeDirectory(ROOT, "d");
    client.setAttributes(directory, AttributeChange.NONE.withMode(06755));
    assertThat(client.setAttributes(directory, AttributeChange.NONE.withUid(9)).mode())
        .isEqualTo(06755);
  }
}
