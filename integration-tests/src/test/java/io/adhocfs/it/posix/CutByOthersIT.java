package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.it.instance.TestInstance;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two mounts have a file open. One cuts, clears or grows it, then the other one writes past the
 * end, with every switch that changes when an owner hears of a size.
 */
@Timeout(300)
class CutByOthersIT {
  private static final int FIRST_BYTES = 1_000_000;
  private static final int FAR = 2_000_000;
  private static final byte[] END = bytes('y', 82);

  private static TestInstance instance;
  private static Path first;
  private static Path second;
  private static int directories;

  /** Sees what the owners and the chunks say, whatever mounts may have cached. */
  private static AdhocFileSystem asking;

  /** What one mount does to a file that another one writes to. */
  private interface Deed {
    void on(int file, Path path) throws Exception;
  }

  @BeforeAll
  static void bringUp() throws Exception {
    instance = TestInstance.up(4);
    first = instance.mount();
    second = instance.mount();
    asking = AdhocFileSystem.open(instance.described());
  }

  @AfterAll
  static void takeDown() throws Exception {
    asking.close();
    instance.verify();
    instance.close();
  }

  private static byte[] bytes(char value, int length) {
    var bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  /** By name. */
  private static Map<String, Deed> deeds() {
    Map<String, Deed> deeds = new LinkedHashMap<>();
    deeds.put("nothing", (_, _) -> {});
    deeds.put("cut", (file, _) -> SystemCalls.truncate(file, 500_000));
    deeds.put("cut to nothing", (file, _) -> SystemCalls.truncate(file, 0));
    deeds.put(
        "opened with O_TRUNC",
        (_, path) ->
            SystemCalls.close(SystemCalls.open(path, SystemCalls.O_WRONLY | SystemCalls.O_TRUNC)));
    deeds.put("grown", (file, _) -> SystemCalls.truncate(file, 1_500_000));
    deeds.put("punched", (file, _) -> punch(file, 1000, 7));
    deeds.put("punched by chunks", (file, _) -> punch(file, 0, 524_288));
    deeds.put("punched past the end", (file, _) -> punch(file, 900_000, 5_000_000));
    deeds.put("zeroed", (file, _) -> SystemCalls.allocate(file, SystemCalls.ZERO_RANGE, 1000, 7));
    deeds.put("allocated", (file, _) -> SystemCalls.allocate(file, 0, 0, 1_200_000));
    deeds.put("written", (file, _) -> SystemCalls.write(file, 5, bytes('z', 10)));
    return deeds;
  }

  private static void punch(int file, long offset, long length) throws Exception {
    SystemCalls.allocate(file, SystemCalls.PUNCH_HOLE | SystemCalls.KEEP_SIZE, offset, length);
  }

  private static String directory(String setting) throws Exception {
    String name = "/d" + directories++;
    Files.createDirectory(first.resolve(name.substring(1)));
    if (!setting.equals("profile=posix")) {
      instance.adhocfs("config", "set", "--path", name, "--wait", setting).expectSuccess();
    }
    return name;
  }

  private static byte[] stored(String path) throws Exception {
    try (OpenFile file = asking.open(AdhocPath.ofText(path), OpenOptions.READ)) {
      ByteBuffer all = ByteBuffer.allocate((int) file.size());
      assertThat(file.read(0, all)).isEqualTo(all.capacity());
      return all.array();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "profile=posix",
        "size-updates=at-close",
        "profile=checkpoint",
        "profile=scratch",
        "access=write-only"
      })
  void whatIsWrittenAfterwardsIsThereAndWhatWasCutAwayIsNot(String setting) throws Exception {
    String directory = directory(setting);
    for (boolean toldBefore : new boolean[] {true, false}) {
      for (Map.Entry<String, Deed> deed : deeds().entrySet()) {
        String path = directory + "/" + deed.getKey().replace(' ', '-') + "." + toldBefore;
        check(path, deed.getValue(), toldBefore);
      }
    }
    rewriteByTwo(directory + "/rewritten");
  }

  private static void check(String path, Deed deed, boolean toldBefore) throws Exception {
    Path mine = first.resolve(path.substring(1));
    Path theirs = second.resolve(path.substring(1));
    int a = SystemCalls.open(mine, SystemCalls.O_RDWR | SystemCalls.O_CREAT);
    int b = SystemCalls.open(theirs, SystemCalls.O_RDWR);
    SystemCalls.write(a, 0, bytes('x', FIRST_BYTES));
    SystemCalls.sync(a);
    if (!toldBefore) {
      // What the other one does may come before or after this.
      SystemCalls.write(a, FIRST_BYTES, bytes('w', 3_000_000));
    }
    deed.on(b, theirs);
    SystemCalls.write(a, toldBefore ? FAR : 5 * FAR, END);
    SystemCalls.sync(a);
    SystemCalls.close(a);
    byte[] after = stored(path);
    assertThat(after).as(path).hasSize((toldBefore ? FAR : 5 * FAR) + END.length);
    assertThat(Arrays.copyOfRange(after, after.length - END.length, after.length))
        .as(path)
        .isEqualTo(END);
    if (toldBefore) {
      assertThat(Arrays.copyOfRange(after, FIRST_BYTES, FAR)).as(path).containsOnly(0);
    }
    // Whatever lay past this second cut must not show in the hole.
    SystemCalls.truncate(b, 100);
    SystemCalls.truncate(b, 3L * FAR);
    SystemCalls.close(b);
    byte[] grown = stored(path);
    assertThat(grown).as(path).hasSize(3 * FAR);
    assertThat(Arrays.copyOfRange(grown, 100, grown.length)).as(path).containsOnly(0);
  }

  /**
   * A checkpoint is rewritten in place: all open it, one sets its size to 0, each writes a part.
   */
  private static void rewriteByTwo(String path) throws Exception {
    Path mine = first.resolve(path.substring(1));
    Path theirs = second.resolve(path.substring(1));
    Files.write(mine, bytes('o', 3_000_000));
    int a = SystemCalls.open(mine, SystemCalls.O_RDWR);
    int b = SystemCalls.open(theirs, SystemCalls.O_RDWR);
    SystemCalls.truncate(a, 0);
    SystemCalls.write(a, 0, bytes('A', 1 << 20));
    SystemCalls.write(b, 3 << 20, bytes('B', 1 << 20));
    SystemCalls.close(a);
    SystemCalls.close(b);
    byte[] after = stored(path);
    assertThat(after).as(path).hasSize(4 << 20);
    assertThat(Arrays.copyOf(after, 1 << 20)).as(path).containsOnly('A');
    assertThat(Arrays.copyOfRange(after, 1 << 20, 3 << 20)).as(path).containsOnly(0);
    assertThat(Arrays.copyOfRange(after, 3 << 20, 4 << 20)).as(path).containsOnly('B');
  }
}
