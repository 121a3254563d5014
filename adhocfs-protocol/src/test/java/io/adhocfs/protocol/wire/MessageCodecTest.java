package io.adhocfs.protocol.wire;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.adhocfs.protocol.control.SlotSet;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every message: its bytes, there and back, and what becomes of damaged ones. */
final class MessageCodecTest {
  private static final long GOLDEN_SEED = 20261121;
  private static final long SEED = Long.getLong("adhocfs.seed", System.nanoTime());

  /** Bodies longer than this are listed by their digest. */
  private static final int LISTED_BYTES_MAX = 4 << 10;

  private static final String GOLDEN = "messages.golden";

  static Stream<Class<?>> records() {
    return Samples.messageRecords().stream();
  }

  private static byte[] encode(Message message) {
    ByteBuf out = Unpooled.buffer();
    message.encode(new WireWriter(out));
    return ByteBufUtil.getBytes(out);
  }

  private static Message decode(MessageType type, byte[] body) throws FsException {
    return type.decode(new WireReader(Unpooled.wrappedBuffer(body)));
  }

  private static Message golden(Class<?> record) {
    return new Samples(GOLDEN_SEED + record.getSimpleName().hashCode()).message(record);
  }

  private static String listed(byte[] body) throws Exception {
    return body.length <= LISTED_BYTES_MAX
        ? HexFormat.of().formatHex(body)
        : "sha256:" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
  }

  private static Map<String, String> goldenLines() throws IOException {
    try (InputStream in = MessageCodecTest.class.getResourceAsStream(GOLDEN)) {
      assertThat(in).as("resource " + GOLDEN).isNotNull();
      return new String(in.readAllBytes(), UTF_8)
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .collect(
              Collectors.toMap(
                  line -> line.substring(0, line.indexOf(' ')),
                  line -> line.substring(line.indexOf(' ') + 1)));
    }
  }

  @Test
  void everyRowOfTheTableHasItsRecord() {
    EnumSet<MessageType> seen = EnumSet.noneOf(MessageType.class);
    for (Class<?> record : Samples.messageRecords()) {
      MessageType type = golden(record).type();
      assertThat(seen.add(type)).as("%s is the type of one record", type).isTrue();
      assertThat(type.name().replace("_", "")).isEqualToIgnoringCase(record.getSimpleName());
      assertThat(type.lane() == MessageType.Lane.NONE)
          .isEqualTo(Reply.class.isAssignableFrom(record));
      assertThat(type.stamped())
          .isEqualTo(
              Arrays.stream(record.getRecordComponents())
                  .anyMatch(component -> component.getType() == OperationStamp.class));
    }
    assertThat(seen).containsExactlyInAnyOrder(MessageType.values());
  }

  /** A participant knows a prepare that comes again by what it asks for. */
  @Test
  void changesOfATransactionAreEqualWhenTheyComeAgain() throws Exception {
    for (int seed = 0; seed < 200; seed++) {
      var sent =
          (TransactionRequest.Prepare) new Samples(seed).message(TransactionRequest.Prepare.class);
      byte[] body = encode(sent);
      for (int copy = 0; copy < 2; copy++) {
        var come =
            (TransactionRequest.Prepare)
                MessageType.PREPARE.decode(new WireReader(Unpooled.wrappedBuffer(body)));
        assertThat(come.changes()).isEqualTo(sent.changes());
        assertThat(come.changes()).hasSameHashCodeAs(sent.changes());
      }
    }
  }

  /**
   * The bytes of released versions never change. To list a new message run with
   * -Dadhocfs.golden.write=FILE and add its line.
   */
  @Test
  void messagesHaveTheirGoldenBytes() throws Exception {
    Map<String, String> expected = goldenLines();
    Map<String, String> found = new TreeMap<>();
    for (Class<?> record : Samples.messageRecords()) {
      Message message = golden(record);
      found.put(message.type().name(), listed(encode(message)));
    }
    String file = System.getProperty("adhocfs.golden.write");
    if (file != null) {
      List<String> lines =
          found.entrySet().stream().map(line -> line.getKey() + " " + line.getValue()).toList();
      Files.write(Path.of(file), lines);
    }
    assertThat(found).containsExactlyInAnyOrderEntriesOf(expected);
    for (var line : expected.entrySet()) {
      if (!line.getValue().startsWith("sha256:")) {
        byte[] body = HexFormat.of().parseHex(line.getValue());
        assertThat(encode(decode(MessageType.valueOf(line.getKey()), body))).isEqualTo(body);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("records")
  void comesBackAsItWas(Class<?> record) throws FsException {
    var samples = new Samples(SEED);
    int bytes = 0;
    // Fewer of the few messages that carry a whole map.
    for (int i = 0; i < 40 && bytes < (256 << 10); i++) {
      Message message = samples.message(record);
      byte[] body = encode(message);
      bytes += body.length;
      Message back = decode(message.type(), body);
      assertThat(encode(back)).as("seed %d, sample %d", SEED, i).isEqualTo(body);
      assertThat(back)
          .as("seed %d, sample %d", SEED, i)
          .usingRecursiveComparison()
          // As a whole: one object for each of their slots takes minutes.
          .withEqualsForType(SlotSet::equals, SlotSet.class)
          .withEqualsForType(Arrays::equals, short[].class)
          .isEqualTo(message);
    }
  }

  @ParameterizedTest
  @MethodSource("records")
  void refusesBodiesCutAnywhere(Class<?> record) {
    Message message = new Samples(SEED).message(record);
    byte[] body = encode(message);
    int step = body.length > LISTED_BYTES_MAX ? 4999 : 1;
    for (int length = 0; length < body.length; length += step) {
      byte[] cut = Arrays.copyOf(body, length);
      assertThatThrownBy(() -> decode(message.type(), cut))
          .as("seed %d, cut to %d of %d", SEED, length, body.length)
          .isInstanceOf(FsException.class);
    }
    byte[] longer = Arrays.copyOf(body, body.length + 1);
    assertThatThrownBy(() -> decode(message.type(), longer)).isInstanceOf(FsException.class);
  }

  @ParameterizedTest
  @MethodSource("records")
  void survivesEveryFlippedBit(Class<?> record) {
    Message message = new Samples(SEED).message(record);
    byte[] body = encode(message);
    int bytes = body.length > LISTED_BYTES_MAX ? 60 : Math.min(body.length, 600);
    for (int bit = 0; bit < 8 * bytes; bit++) {
      byte[] flipped = body.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      try {
        // Another value, which is as good as any: it travels on unchanged.
        byte[] other = encode(decode(message.type(), flipped));
        assertThat(encode(decode(message.type(), other)))
            .as("seed %d, bit %d", SEED, bit)
            .isEqualTo(other);
      } catch (FsException e) {
        assertThat(e.error())
            .as("seed %d, bit %d: %s", SEED, bit, e.getMessage())
            .isIn(FsError.BAD_MESSAGE, FsError.INVALID, FsError.NOT_FOUND, FsError.NAME_TOO_LONG);
      }
    }
  }

  @Test
  void everyErrorComesBackAsItself() {
    for (FsError error : FsError.values()) {
      assertThat(FsError.ofCode(error.code())).isEqualTo(error);
    }
    assertThat(FsError.ofCode(127)).isEqualTo(FsError.INTERNAL);
    assertThat(FsError.ofCode(-1)).isEqualTo(FsError.INTERNAL);
    assertThat(FsError.ofCode(1000)).isEqualTo(FsError.INTERNAL);
  }
}
