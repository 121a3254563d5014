package io.adhocfs.fuse.switches;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.AttributeSetMode;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.settings.Profile;
import io.adhocfs.protocol.settings.Setting;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class MountSwitchesTest {
  private static void refused(FsError error, String why, ThrowingCallable call) {
    assertThatThrownBy(call)
        .hasMessageContaining(why)
        .asInstanceOf(type(FsException.class))
        .extracting(FsException::error)
        .isEqualTo(error);
  }

  @Test
  void aKeyIsASwitchOrAProfile() throws Exception {
    assertThat(MountSwitches.values("chunk.size", "1MiB"))
        .isEqualTo(Map.of(Setting.CHUNK_SIZE, "1MiB"));
    assertThat(MountSwitches.values("profile", "checkpoint"))
        .isEqualTo(Profile.CHECKPOINT.settings());
  }

  @Test
  void whatIsNoSwitchOrHasNoSuchValueIsRefused() {
    for (String key : new String[] {"", "fsyc", "Fsync", "locks", "client.lease"}) {
      refused(FsError.NOT_SUPPORTED, "chunk.size", () -> MountSwitches.values(key, "1"));
    }
    refused(FsError.INVALID, "power of two", () -> MountSwitches.values("chunk.size", "3MiB"));
    refused(FsError.INVALID, "size", () -> MountSwitches.values("chunk.size", ""));
    refused(FsError.INVALID, "process", () -> MountSwitches.values("fsync", "disk\0"));
    refused(FsError.INVALID, "scratch", () -> MountSwitches.values("profile", "fast"));
    refused(
        FsError.INVALID,
        "chunk.size",
        () -> MountSwitches.values("chunk.size", "0".repeat(100) + "1MiB"));
  }

  @Test
  void theUserOfTheMountAndRootMayChangeThem() throws Exception {
    MountSwitches.requireMayChange(0, 1000, "fsync");
    MountSwitches.requireMayChange(1000, 1000, "fsync");
    refused(
        FsError.NOT_PERMITTED,
        "user 1001",
        () -> MountSwitches.requireMayChange(1001, 1000, "fsync"));
    refused(
        FsError.NOT_PERMITTED, "user 1000", () -> MountSwitches.requireMayChange(1000, 0, "fsync"));
  }

  @Test
  void theModeCounts() throws Exception {
    MountSwitches.requireMode(AttributeSetMode.SET, "fsync", true);
    MountSwitches.requireMode(AttributeSetMode.SET, "fsync", false);
    MountSwitches.requireMode(AttributeSetMode.CREATE, "fsync", false);
    MountSwitches.requireMode(AttributeSetMode.REPLACE, "fsync", true);
    refused(
        FsError.EXISTS,
        "fsync",
        () -> MountSwitches.requireMode(AttributeSetMode.CREATE, "fsync", true));
    refused(
        FsError.NO_ATTRIBUTE,
        "fsync",
        () -> MountSwitches.requireMode(AttributeSetMode.REPLACE, "fsync", false));
  }

  @Test
  void aPathIsOneThatDatasetsCanHave() throws Exception {
    assertThat(MountSwitches.text(AdhocPath.ofText("/out/größer"))).isEqualTo("/out/größer");
    byte[] latin = "/gr\u00f6\u00dfer".getBytes(StandardCharsets.ISO_8859_1);
    refused(FsError.INVALID, "not text", () -> MountSwitches.text(AdhocPath.of(latin)));
    String deep = "/d".repeat(Dataset.PATH_CHARS_MAX / 2 + 1);
    refused(
        FsError.INVALID,
        Integer.toString(Dataset.PATH_CHARS_MAX),
        () -> MountSwitches.text(AdhocPath.ofText(deep)));
  }
}
