package io.adhocfs.it.failure;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.it.failure.RawConnection.Introduction;
import io.adhocfs.it.failure.RawConnection.Received;
import io.adhocfs.it.instance.Processes;
import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.wire.ControlRequest;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.Frame;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.OperationStamp;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.WireWriter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/**
 * Strangers, damaged clients and impossible names, at one running daemon: everything is refused
 * with a word of why, and the daemon goes on as if nothing had been.
 *
 * <p>Long, since all of it is thrown at one daemon, which must still be the same in the end.
 */
@org.junit.jupiter.api.TestInstance(Lifecycle.PER_CLASS)
class BadInputIT {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final int ROUNDS = FULL ? 400 : 40;
  private static final long MEMORY_GROWTH_BYTES_MAX = 192L << 20;
  private static final int DATA_LANE = 1;

  /** Longer than any refusal takes. */
  private static final Duration REFUSAL_PATIENCE = Duration.ofSeconds(30);

  /** For what is waited for in vain. */
  private static final Duration SHORT_PATIENCE = Duration.ofSeconds(1);

  /** Open files of the database come and go. */
  private static final int FILES_GROWTH_MAX = 10;

  private final TestInstance instance;
  private final Path mountPoint;
  private final Instance described;
  private final ClusterMap.Node node;
  private final AdhocFileSystem client;
  private final ProcessHandle daemon;
  private final FileAttributes witness;
  private final long residentBytesBefore;
  private final int filesOpenBefore;
  private final SplittableRandom random;
  private long requestId;

  BadInputIT() throws IOException, InterruptedException {
    long seed = Long.getLong("adhocfs.seed", ThreadLocalRandom.current().nextLong());
    System.out.println("random numbers come from -Dadhocfs.seed=" + seed);
    random = new SplittableRandom(seed);
    instance = TestInstance.up(1);
    try {
      mountPoint = instance.mount();
      described = instance.described();
      node = described.nodes().getFirst();
      daemon = ProcessHandle.of(instance.daemonProcess(0)).orElseThrow();
      client = AdhocFileSystem.open(described);
      try (var file = client.open(AdhocPath.ofText("/witness"), OpenOptions.CREATE_NEW)) {
        file.write(0, ByteBuffer.wrap("it was here before".getBytes(UTF_8)));
      }
      witness = client.stat(AdhocPath.ofText("/witness"));
      residentBytesBefore = residentBytes();
      filesOpenBefore = filesOpen();
    } catch (Throwable e) {
      instance.close();
      throw e;
    }
  }

  // ---- what must hold after everything

  @AfterEach
  void daemonServesAsBefore() throws IOException {
    assertThat(Processes.isRunning(daemon)).as("the daemon runs").isTrue();
    assertThat(client.stat(AdhocPath.ofText("/witness"))).isEqualTo(witness);
    try (RawConnection connection = serving(0)) {
      assertThat(ask(connection, new ControlRequest.GetStatus())).isInstanceOf(Reply.Status.class);
    }
  }

  @AfterAll
  void nothingIsLeftOfIt() throws Exception {
    try {
      client.close();
      instance.verify();
      assertThat(instance.daemonProcess(0)).as("the daemon's process").isEqualTo(daemon.pid());
      assertThat(residentBytes() - residentBytesBefore)
          .as("growth of the daemon's memory")
          .isLessThan(MEMORY_GROWTH_BYTES_MAX);
      MortalInstance.await(
          "the daemon to have closed all connections",
          () -> filesOpen() <= filesOpenBefore + FILES_GROWTH_MAX);
      assertThat(log().lines().filter(line -> line.contains(" ERROR ")))
          .as("mistakes of the daemon itself")
          .isEmpty();
    } finally {
      instance.close();
    }
  }

  private String log() throws IOException {
    return Files.readString(instance.dataDirectory(0).resolve("daemon.log"));
  }

  private long residentBytes() throws IOException {
    for (String line : Files.readAllLines(process("status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    throw new AssertionError("no VmRSS");
  }

  private int filesOpen() throws IOException {
    try (var files = Files.list(process("fd"))) {
      return (int) files.count();
    }
  }

  private Path process(String file) {
    return Path.of("/proc", Long.toString(daemon.pid()), file);
  }

  // ---- connections

  private List<SocketAddress> addresses() {
    return List.of(
        new InetSocketAddress(node.host(), node.port()),
        UnixDomainSocketAddress.of(node.socketPath()));
  }

  private SocketAddress anyAddress() {
    return addresses().get(random.nextInt(2));
  }

  private Introduction introduction() {
    return new Introduction(
        MessageType.PROTOCOL_VERSION,
        described.id(),
        described.secret(),
        RawConnection.ROLE_CLIENT,
        random.nextLong(1, Long.MAX_VALUE),
        0,
        1,
        node.id().value());
  }

  /** A connection that has done the handshake. */
  private RawConnection serving(int lane) throws IOException {
    var connection = new RawConnection(anyAddress());
    if (!connection.introduce(introduction().withLane(lane))) {
      connection.close();
      throw new AssertionError("the daemon does not take a right handshake");
    }
    return connection;
  }

  private Reply ask(RawConnection connection, Request request) throws IOException {
    return ask(connection, request.type().code(), RawConnection.body(request::encode));
  }

  /** The answer to a request of this type and body; expects the connection to go on. */
  private Reply ask(RawConnection connection, int typeCode, byte[] body) throws IOException {
    long id = ++requestId;
    connection.send(RawConnection.frame(Frame.Kind.REQUEST, typeCode, id, body));
    Received answer =
        connection
            .receive()
            .orElseThrow(() ->
                new AssertionError(
                    "closed instead of answering type %x, body %s"
                        .formatted(typeCode, HexFormat.of().formatHex(body))));
    assertThat(answer.header().kind()).isEqualTo(Frame.Kind.REPLY);
    assertThat(answer.header().requestId()).isEqualTo(id);
    MessageType type = MessageType.ofCode(answer.header().typeCode());
    if (type != null && type.decode(answer.reader()) instanceof Reply reply) {
      return reply;
    }
    throw new AssertionError("an answer of type " + answer.header().typeCode());
  }

  private byte[] randomBytes(int count) {
    var bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }

  private byte[] hello() {
    return RawConnection.frame(
        Frame.Kind.HANDSHAKE,
        RawConnection.STEP_HELLO,
        0,
        RawConnection.body(introduction()::encode));
  }

  // ---- what is no connection of ours

  @Test
  void garbageIsRefused() throws IOException {
    for (SocketAddress address : addresses()) {
      for (int i = 0; i < ROUNDS; i++) {
        byte[] noise = randomBytes(random.nextInt(Frame.HEADER_BYTES, 64 << 10));
        byte[] beginning =
            switch (i % 4) {
              case 0 -> "adFs".getBytes(US_ASCII);
              case 1 -> "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(US_ASCII);
              case 2 -> new byte[] {0x16, 0x03, 0x01, 0x02, 0x00, 0x01};
              default -> new byte[0];
            };
        System.arraycopy(beginning, 0, noise, 0, beginning.length);
        try (var connection = new RawConnection(address)) {
          connection.send(noise);
          connection.awaitEnd();
        }
      }
      try (var connection = new RawConnection(address)) {
        connection.send(randomBytes(Frame.HEADER_BYTES));
        assertThat(connection.receive().orElseThrow().refusal()).startsWith("1 not a frame");
        connection.awaitEnd();
      }
    }
    // Which refusals have a line depends on how many of this reason came within the minute.
    assertThat(log()).contains("refused (MALFORMED): ");
  }

  @Test
  void helloWithOneWrongBitIsRefused() throws IOException {
    for (int i = 0; i < ROUNDS; i++) {
      byte[] damaged = hello();
      damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      try (var connection = new RawConnection(anyAddress())) {
        connection.send(damaged);
        assertThat(connection.receive().orElseThrow().refusal()).startsWith("1 ");
        connection.awaitEnd();
      }
    }
  }

  @Test
  void lengthsOverTheLimitEndTheConnectionBeforeAnythingIsSetAside() throws IOException {
    int bodyLengthAt = 12;
    int payloadLengthAt = 16;
    byte[] request =
        RawConnection.frame(
            Frame.Kind.REQUEST, MessageType.GET_STATUS.code(), 1, new byte[0], new byte[0]);
    for (int at : new int[] {bodyLengthAt, payloadLengthAt}) {
      int most = at == bodyLengthAt ? Frame.BODY_BYTES_MAX : Frame.PAYLOAD_BYTES_MAX;
      for (int length : new int[] {most + 1, Integer.MAX_VALUE, -1, Integer.MIN_VALUE}) {
        try (var connection = new RawConnection(anyAddress())) {
          connection.send(RawConnection.withHeader(hello(), header -> header.putInt(at, length)));
          assertThat(connection.receive().orElseThrow().refusal()).startsWith("1 ");
          connection.awaitEnd();
        }
        try (RawConnection connection = serving(random.nextInt(2))) {
          connection.send(RawConnection.withHeader(request, header -> header.putInt(at, length)));
          assertThat(connection.receive().orElseThrow().refusal())
              .contains("bytes; at most " + most);
          connection.awaitEnd();
        }
      }
    }
    try (var connection = new RawConnection(anyAddress())) {
      connection.send(
          RawConnection.withHeader(hello(), header -> header.putInt(bodyLengthAt, 5000)));
      assertThat(connection.receive().orElseThrow().refusal()).startsWith("1 ");
    }
  }

  @Test
  void framesThatAreCutShortAreForgotten() throws IOException {
    byte[] hello = hello();
    for (int i = 0; i < ROUNDS; i++) {
      try (var connection = new RawConnection(anyAddress())) {
        connection.send(Arrays.copyOf(hello, random.nextInt(1, hello.length)));
      }
      var create =
          OddRequests.create(
              new OperationStamp(1, 1), OddRequests.entry(InodeId.ROOT, "cut-short"));
      byte[] request =
          RawConnection.frame(
              Frame.Kind.REQUEST, create.type().code(), 1, RawConnection.body(create::encode));
      try (RawConnection connection = serving(0)) {
        connection.send(Arrays.copyOf(request, random.nextInt(1, request.length)));
      }
      var write =
          new DataRequest.WriteChunks(
              witness.id(), witness.layout().chunked(), 0, List.of(new ChunkSpan(0, 0, 300_000)));
      byte[] data =
          RawConnection.frame(
              Frame.Kind.REQUEST,
              write.type().code(),
              1,
              RawConnection.body(write::encode),
              new byte[300_000]);
      try (RawConnection connection = serving(DATA_LANE)) {
        connection.send(Arrays.copyOf(data, random.nextInt(1, data.length)));
      }
    }
    FsException gone =
        catchThrowableOfType(FsException.class, () -> client.stat(AdhocPath.ofText("/cut-short")));
    assertThat(gone.error()).isEqualTo(FsError.NOT_FOUND);
  }

  @Test
  void whoeverSaysNothingIsSentAwayAndHindersNobody() throws IOException {
    List<RawConnection> silent = new ArrayList<>();
    try {
      for (int i = 0; i < 100; i++) {
        var connection = new RawConnection(anyAddress());
        silent.add(connection);
        switch (i % 3) {
          case 0 -> {}
          case 1 -> connection.send(Arrays.copyOf(hello(), 1 + i));
          default -> {
            connection.send(hello());
            assertThat(connection.receive().orElseThrow().isStep(RawConnection.STEP_CHALLENGE))
                .isTrue();
          }
        }
      }
      daemonServesAsBefore();
      for (RawConnection connection : silent) {
        assertThat(connection.receive().orElseThrow().refusal()).startsWith("8 no handshake");
        connection.awaitEnd();
      }
    } finally {
      for (RawConnection connection : silent) {
        connection.close();
      }
    }
    assertThat(log()).contains("refused (TOO_SLOW)");
  }

  // ---- what has done the handshake and makes no sense

  private OddRequests aboutWitness() {
    return new OddRequests(ClusterMap.initial(described.nodes()), "witness", witness, random);
  }

  private static void expectFailure(Reply reply, FsError... errors) {
    assertThat(reply).isInstanceOf(Reply.Failed.class);
    if (reply instanceof Reply.Failed failed) {
      assertThat(failed.error()).as(failed.message()).isIn((Object[]) errors);
      assertThat(failed.message()).isNotBlank();
    }
  }

  /** Expects an answer or a refusal; a mistake of the daemon itself is neither. */
  private static void expectNoMistake(Object request, Reply reply) {
    if (reply instanceof Reply.Failed failed) {
      assertThat(failed.error())
          .as("%s: %s", request, failed.message())
          .isNotIn(FsError.INTERNAL, FsError.CORRUPT, FsError.STORAGE_FAILED);
    }
  }

  @Test
  void unknownMessagesAreAnsweredAndTheConnectionGoesOn() throws IOException {
    try (RawConnection metadata = serving(0);
        RawConnection data = serving(DATA_LANE)) {
      for (RawConnection connection : List.of(metadata, data)) {
        for (int code : new int[] {0, 1, 0xFF, 0x17F, 0x2FF, 0xFFF, 0x1000, 0xFFFF}) {
          expectFailure(
              ask(connection, code, randomBytes(random.nextInt(100))), FsError.UNKNOWN_MESSAGE);
        }
      }
      for (MessageType type : MessageType.values()) {
        if (type.lane() != MessageType.Lane.METADATA) {
          expectFailure(ask(metadata, type.code(), new byte[0]), FsError.BAD_MESSAGE);
        }
        if (type.lane() != MessageType.Lane.DATA) {
          expectFailure(ask(data, type.code(), new byte[0]), FsError.BAD_MESSAGE);
        }
      }
      assertThat(ask(metadata, new ControlRequest.GetStatus())).isInstanceOf(Reply.Status.class);
      assertThat(ask(data, new DataRequest.SyncChunks(witness.id()))).isEqualTo(new Reply.Done());
    }
    for (Frame.Kind kind : List.of(Frame.Kind.REPLY, Frame.Kind.HANDSHAKE)) {
      try (RawConnection connection = serving(0)) {
        connection.send(RawConnection.frame(kind, MessageType.DONE.code(), 1, new byte[0]));
        assertThat(connection.receive().orElseThrow().refusal()).startsWith("1 ");
        connection.awaitEnd();
      }
    }
  }

  @Test
  void randomBodiesOfEveryMessageAreAnswered() throws IOException {
    try (RawConnection metadata = serving(0);
        RawConnection data = serving(DATA_LANE)) {
      for (MessageType type : MessageType.values()) {
        if (type.lane() == MessageType.Lane.NONE) {
          continue;
        }
        for (int i = 0; i < ROUNDS; i++) {
          // Two bytes at least: one byte may be a sound order to shut down.
          byte[] body = randomBytes(random.nextInt(2, i % 2 == 0 ? 64 : 400));
          expectNoMistake(
              type, ask(type.lane() == MessageType.Lane.DATA ? data : metadata, type.code(), body));
        }
      }
    }
  }

  @Test
  void damagedBodiesAreAnsweredAndTheConnectionGoesOn() throws IOException {
    for (Request request : aboutWitness().sound()) {
      byte[] body = RawConnection.body(request::encode);
      boolean onDataLane = request.type().lane() == MessageType.Lane.DATA;
      try (RawConnection connection = serving(onDataLane ? DATA_LANE : 0)) {
        for (int i = 0; i < Math.min(body.length, ROUNDS); i++) {
          int length = body.length <= ROUNDS ? i : random.nextInt(body.length);
          expectFailure(
              ask(connection, request.type().code(), Arrays.copyOf(body, length)),
              FsError.BAD_MESSAGE);
        }
        expectFailure(
            ask(connection, request.type().code(), Arrays.copyOf(body, body.length + 1)),
            FsError.BAD_MESSAGE);
        byte[] frame = RawConnection.frame(Frame.Kind.REQUEST, request.type().code(), 77, body);
        frame[random.nextInt(Frame.HEADER_BYTES, frame.length)] ^= 1;
        connection.send(frame);
        Received answer = connection.receive().orElseThrow();
        assertThat(answer.header().requestId()).isEqualTo(77);
        expectFailure((Reply) MessageType.FAILED.decode(answer.reader()), FsError.CORRUPT);
      }
    }
  }

  /** Requests that are sound but for a few bytes: some are refused, some do what they say. */
  @Test
  void alteredRequestsLeaveNothingInconsistent() throws IOException {
    for (int i = 0; i < ROUNDS; i++) {
      AdhocPath path = AdhocPath.ofText("/victim");
      try (var file = client.open(path, OpenOptions.CREATE_NEW)) {
        file.write(0, ByteBuffer.wrap(randomBytes(3000)));
      }
      var requests =
          new OddRequests(
              ClusterMap.initial(described.nodes()), "victim", client.stat(path), random);
      try (RawConnection metadata = serving(0);
          RawConnection data = serving(DATA_LANE)) {
        for (Request request : requests.sound()) {
          boolean onDataLane = request.type().lane() == MessageType.Lane.DATA;
          byte[] body = RawConnection.body(request::encode);
          for (int change = random.nextInt(1, 4); change > 0; change--) {
            body[random.nextInt(body.length)] = (byte) random.nextInt(256);
          }
          // Orders that a daemon obeys: what is destroyed by them was meant to be.
          if (request instanceof ControlRequest.Shutdown
              || request instanceof ControlRequest.InstallMap
              || request instanceof DataRequest.DiscardChunks) {
            continue;
          }
          expectNoMistake(request, ask(onDataLane ? data : metadata, request.type().code(), body));
        }
        expectNoMistake("the end", ask(metadata, new ControlRequest.CloseSession()));
      }
      for (EntryName name : rootEntries()) {
        if (!name.equals(EntryName.ofText("witness"))) {
          client.removeRecursively(AdhocPath.ROOT.resolve(name));
        }
      }
    }
    assertThat(rootNames()).containsExactly("witness");
  }

  @Test
  void absurdRequestsAreRefusedAndChangeNothing() throws IOException {
    try (RawConnection connection = serving(0)) {
      for (Request request : aboutWitness().absurdMetadataRequests()) {
        expectNoMistake(request, ask(connection, request));
      }
    }
    try (RawConnection connection = serving(DATA_LANE)) {
      for (Request request : aboutWitness().absurdDataRequests()) {
        expectNoMistake(request, ask(connection, request));
      }
    }
    assertThat(rootNames()).containsExactly("witness");
  }

  private List<EntryName> rootEntries() throws IOException {
    List<EntryName> names = new ArrayList<>();
    var listing = client.list(AdhocPath.ROOT, false);
    for (var item = listing.next(); item != null; item = listing.next()) {
      names.add(item.name());
    }
    return names;
  }

  private List<String> rootNames() throws IOException {
    return rootEntries().stream().map(EntryName::toString).toList();
  }

  @Test
  void messagesWithoutWhatTheyAreAboutAreRefused() throws IOException {
    long transaction = 99;
    try (RawConnection connection = serving(0)) {
      expectFailure(
          ask(
              connection,
              MessageType.PREPARE.code(),
              RawConnection.body(out -> {
                out.longValue(transaction);
                out.intValue(0);
              })),
          FsError.BAD_MESSAGE);
      expectFailure(
          ask(
              connection,
              MessageType.DECIDE.code(),
              RawConnection.body(out -> {
                out.longValue(transaction);
                out.flag(true);
                out.intValue(0);
              })),
          FsError.BAD_MESSAGE);
    }
  }

  // ---- who does not belong here

  private Instance withNodes(ClusterMap.Node other) {
    return new Instance(
        described.name(), described.id(), described.secret(), described.settings(), List.of(other));
  }

  /** What a client is told that opens this instance. */
  private static FsException refusalOf(Instance instance) {
    return errorOfOpening(instance, REFUSAL_PATIENCE);
  }

  private static FsException errorOfOpening(Instance instance, Duration deadline) {
    return catchThrowableOfType(
        FsException.class,
        () ->
            AdhocFileSystem.open(() -> instance, ClientOptions.DEFAULT.withDeadline(deadline))
                .close());
  }

  @Test
  void wrongSecretIsRefusedAndBothSidesSayWhy() throws IOException {
    byte[] guess = randomBytes(described.secret().length);
    byte[] almost = described.secret().clone();
    almost[almost.length - 1] ^= 1;
    for (byte[] secret : List.of(guess, almost)) {
      for (SocketAddress address : addresses()) {
        try (var connection = new RawConnection(address)) {
          connection.send(
              RawConnection.frame(
                  Frame.Kind.HANDSHAKE,
                  RawConnection.STEP_HELLO,
                  0,
                  RawConnection.body(introduction()::encode)));
          assertThat(connection.receive().orElseThrow().isStep(RawConnection.STEP_CHALLENGE))
              .isTrue();
          connection.send(
              RawConnection.frame(
                  Frame.Kind.HANDSHAKE,
                  RawConnection.STEP_PROOF,
                  0,
                  RawConnection.body(out -> out.bytes(secret))));
          assertThat(connection.receive().orElseThrow().refusal())
              .startsWith("4 the peer does not know the secret");
          connection.awaitEnd();
        }
        try (var connection = new RawConnection(address)) {
          assertThat(connection.introduce(introduction().withSecret(secret))).isFalse();
        }
      }
      FsException told =
          refusalOf(
              new Instance(
                  described.name(),
                  described.id(),
                  secret,
                  described.settings(),
                  described.nodes()));
      assertThat(told.error()).isEqualTo(FsError.REFUSED);
      assertThat(told).hasMessageContaining("secret").hasMessageContaining("node n0");
    }
    assertThat(log()).contains("refused (SECRET): the peer does not know the secret");
    // Neither side writes the secret down.
    assertThat(log()).doesNotContain(HexFormat.of().formatHex(described.secret()));
  }

  @Test
  void requestsBeforeTheProofAreNotRead() throws IOException {
    byte[] request =
        RawConnection.frame(
            Frame.Kind.REQUEST,
            MessageType.SHUTDOWN.code(),
            1,
            RawConnection.body(new ControlRequest.Shutdown(true)::encode));
    try (var connection = new RawConnection(anyAddress())) {
      connection.send(request);
      assertThat(connection.receive().orElseThrow().refusal()).startsWith("1 ");
      connection.awaitEnd();
    }
    try (var connection = new RawConnection(anyAddress())) {
      connection.send(hello());
      assertThat(connection.receive().orElseThrow().isStep(RawConnection.STEP_CHALLENGE)).isTrue();
      connection.send(request);
      assertThat(connection.receive().orElseThrow().refusal()).startsWith("1 ");
      connection.awaitEnd();
    }
  }

  @Test
  void otherInstanceIsRefusedAndBothSidesSaySo() throws IOException {
    String other = "another-instance";
    for (SocketAddress address : addresses()) {
      try (var connection = new RawConnection(address)) {
        connection.send(
            RawConnection.frame(
                Frame.Kind.HANDSHAKE,
                RawConnection.STEP_HELLO,
                0,
                RawConnection.body(introduction().withInstanceId(other)::encode)));
        assertThat(connection.receive().orElseThrow().refusal())
            .startsWith("3 ")
            .contains(other, described.id());
        connection.awaitEnd();
      }
    }
    FsException told =
        refusalOf(
            new Instance(
                described.name(),
                other,
                described.secret(),
                described.settings(),
                described.nodes()));
    assertThat(told.error()).isEqualTo(FsError.REFUSED);
    assertThat(told).hasMessageContaining(other).hasMessageContaining(described.id());
    assertThat(log()).contains("refused (INSTANCE): a client of instance '" + other + "'");
  }

  @Test
  void otherVersionIsRefusedAndBothSidesSaySo() throws IOException {
    int other = MessageType.PROTOCOL_VERSION + 1;
    int versionAt = 4;
    for (SocketAddress address : addresses()) {
      // Within the frame, whose form may differ, and within the hello.
      for (byte[] hello :
          List.of(
              RawConnection.withHeader(
                  hello(), header -> header.putShort(versionAt, (short) other)),
              RawConnection.frame(
                  Frame.Kind.HANDSHAKE,
                  RawConnection.STEP_HELLO,
                  0,
                  RawConnection.body(introduction().withVersion(other)::encode)))) {
        try (var connection = new RawConnection(address)) {
          connection.send(hello);
          assertThat(connection.receive().orElseThrow().refusal())
              .startsWith("2 protocol version " + other)
              .contains("speaks version " + MessageType.PROTOCOL_VERSION);
          connection.awaitEnd();
        }
      }
    }
    assertThat(log()).contains("refused (VERSION): protocol version " + other);
    byte[] answerOfOtherVersion =
        RawConnection.withHeader(
            RawConnection.frame(
                Frame.Kind.HANDSHAKE, RawConnection.STEP_CHALLENGE, 0, new byte[24]),
            header -> header.putShort(versionAt, (short) other));
    FsException told = errorOfDaemonThatSays(answerOfOtherVersion, REFUSAL_PATIENCE);
    assertThat(told.error()).isEqualTo(FsError.REFUSED);
    assertThat(told).hasMessageContaining("protocol version " + other);
  }

  @Test
  void otherNodeIsRefusedAndBothSidesSaySo() throws IOException {
    var other =
        new ClusterMap.Node(
            new NodeId(5),
            node.host(),
            node.port(),
            node.socketPath(),
            node.incarnation(),
            node.state());
    FsException told = refusalOf(withNodes(other));
    assertThat(told.error()).isEqualTo(FsError.REFUSED);
    assertThat(told).hasMessageContaining("n5").hasMessageContaining("n0");
    assertThat(log()).contains("refused (WRONG_NODE): a client looking for node n5");
    try (var connection = new RawConnection(anyAddress())) {
      assertThat(connection.introduce(introduction().withNode(5))).isFalse();
    }
  }

  /** What a client is told when whatever listens at a node's address answers with these bytes. */
  private FsException errorOfDaemonThatSays(byte[] answer, Duration deadline) throws IOException {
    try (var server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress())) {
      Thread _ = Thread.startVirtualThread(() -> answerAll(server, answer));
      return errorOfOpening(
          withNodes(
              new ClusterMap.Node(
                  node.id(), "127.0.0.1", server.getLocalPort(), "", 1, node.state())),
          deadline);
    }
  }

  private static void answerAll(ServerSocket server, byte[] answer) {
    List<Socket> open = new ArrayList<>();
    try {
      while (true) {
        Socket socket = server.accept();
        open.add(socket);
        socket.getOutputStream().write(answer);
      }
    } catch (IOException e) {
      // The test is over.
      open.forEach(BadInputIT::closeQuietly);
    }
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is over anyway.
    }
  }

  @Test
  void clientTakesNoDaemonThatCannotProveItself() throws IOException {
    byte[] challenge =
        RawConnection.frame(
            Frame.Kind.HANDSHAKE,
            RawConnection.STEP_CHALLENGE,
            0,
            RawConnection.body(out -> {
              out.intValue(node.id().value());
              out.bytes(randomBytes(16));
              out.longValue(0);
            }));
    byte[] welcome =
        RawConnection.frame(
            Frame.Kind.HANDSHAKE,
            RawConnection.STEP_WELCOME,
            0,
            RawConnection.body(out -> out.bytes(randomBytes(32))));
    byte[] both = Arrays.copyOf(challenge, challenge.length + welcome.length);
    System.arraycopy(welcome, 0, both, challenge.length, welcome.length);
    FsException told = errorOfDaemonThatSays(both, REFUSAL_PATIENCE);
    assertThat(told.error()).isEqualTo(FsError.REFUSED);
    assertThat(told).hasMessageContaining("does not know the secret");
    // What never makes sense is given up at the deadline, and named.
    FsException noise = errorOfDaemonThatSays(randomBytes(5000), SHORT_PATIENCE);
    assertThat(noise.error()).isEqualTo(FsError.TIMED_OUT);
    assertThat(noise).hasMessageContaining("sent what is no answer");
    FsException silence = errorOfDaemonThatSays(new byte[0], SHORT_PATIENCE);
    assertThat(silence.error()).isEqualTo(FsError.TIMED_OUT);
  }

  // ---- names that are none

  private static final List<String> BAD_NAMES =
      List.of("", ".", "..", "/", "a/b", "/a", "a/", "\0", "a\0b", "a\0");

  @Test
  void badNamesInRawRequestsAreRefused() throws IOException {
    try (RawConnection connection = serving(0)) {
      for (String name : BAD_NAMES) {
        FsError expected = name.isEmpty() ? FsError.NOT_FOUND : FsError.INVALID;
        Consumer<WireWriter> bad = out -> key(out, name);
        Consumer<WireWriter> good = out -> key(out, "good");
        Consumer<WireWriter> stamp =
            out -> {
              long sequence = ++requestId;
              out.longValue(sequence);
              out.longValue(sequence);
            };
        Consumer<WireWriter> now = out -> out.longValue(1);
        Consumer<WireWriter> inode = out -> out.inode(witness.id());
        Consumer<WireWriter> owner =
            out -> {
              out.intValue(0755);
              out.intValue(0);
              out.intValue(0);
            };
        Consumer<WireWriter> file =
            out -> {
              out.byteValue(FileType.REGULAR.code());
              owner.accept(out);
              out.longValue(0);
              out.bytes(new byte[0]);
              out.flag(true);
              out.longValue(0);
            };
        Consumer<WireWriter> flags = out -> out.intValue(0);
        expectFailure(ask(connection, MessageType.LOOKUP, bad), expected);
        expectFailure(ask(connection, MessageType.CREATE, stamp, bad, file, now), expected);
        expectFailure(
            ask(connection, MessageType.MAKE_DIRECTORY, stamp, bad, owner, now), expected);
        expectFailure(ask(connection, MessageType.UNLINK, stamp, bad, now), expected);
        expectFailure(ask(connection, MessageType.REMOVE_DIRECTORY, stamp, bad, now), expected);
        expectFailure(ask(connection, MessageType.LINK, stamp, inode, bad, now), expected);
        expectFailure(ask(connection, MessageType.RENAME, stamp, good, bad, flags, now), expected);
        expectFailure(ask(connection, MessageType.RENAME, stamp, bad, good, flags, now), expected);
      }
      // The same bodies with a name that is one do what they say.
      assertThat(ask(connection, MessageType.LOOKUP, out -> key(out, "witness")))
          .isInstanceOf(Reply.Entry.class);
    }
    assertThat(rootNames()).containsExactly("witness");
  }

  private static void key(WireWriter out, String name) {
    byte[] bytes = name.getBytes(US_ASCII);
    out.inode(InodeId.ROOT);
    out.byteValue(0);
    out.byteValue(bytes.length);
    for (byte b : bytes) {
      out.byteValue(b);
    }
  }

  @SafeVarargs
  private Reply ask(RawConnection connection, MessageType type, Consumer<WireWriter>... parts)
      throws IOException {
    return ask(
        connection,
        type.code(),
        RawConnection.body(out -> {
          for (Consumer<WireWriter> part : parts) {
            part.accept(out);
          }
        }));
  }

  @Test
  void badNamesAreRefusedByTheClient() throws IOException {
    for (String name : BAD_NAMES) {
      FsException refused = catchThrowableOfType(FsException.class, () -> EntryName.ofText(name));
      assertThat(refused.error()).isEqualTo(name.isEmpty() ? FsError.NOT_FOUND : FsError.INVALID);
    }
    assertThat(errorOf(() -> EntryName.ofText("x".repeat(256)))).isEqualTo(FsError.NAME_TOO_LONG);
    assertThat(errorOf(() -> AdhocPath.ofText("/a\0b"))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> AdhocPath.ofText(""))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> AdhocPath.ofText("no/root"))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> AdhocPath.ofText("/" + "x".repeat(256))))
        .isEqualTo(FsError.NAME_TOO_LONG);
    assertThat(errorOf(() -> AdhocPath.ofText("/x".repeat(2048)))).isEqualTo(FsError.NAME_TOO_LONG);
    AdhocPath up = AdhocPath.ofText("/..");
    AdhocPath witnessPath = AdhocPath.ofText("/witness");
    assertThat(errorOf(() -> client.createDirectory(up, 0755))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> client.createDirectory(AdhocPath.ROOT, 0755)))
        .isEqualTo(FsError.EXISTS);
    assertThat(errorOf(() -> client.rename(witnessPath, up, RenameMode.REPLACE)))
        .isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> client.link(witnessPath, up))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> client.remove(up))).isEqualTo(FsError.INVALID);
    assertThat(errorOf(() -> client.remove(AdhocPath.ROOT))).isEqualTo(FsError.BUSY);
    assertThat(rootNames()).containsExactly("witness");
  }

  /** A call that should fail. */
  @FunctionalInterface
  private interface Failing {
    void call() throws Exception;
  }

  private static FsError errorOf(Failing call) {
    return catchThrowableOfType(FsException.class, call::call).error();
  }

  @Test
  void mountKeepsTheLimitsOfNamesAndPaths() throws Exception {
    instance.bash(
        mountPoint,
        """
        python3 - <<'EOF'
        import errno, os
        def error(call):
            try:
                call()
            except OSError as e:
                return errno.errorcode[e.errno]
            return 'none'
        def expect(found, wanted):
            if found != wanted:
                raise SystemExit('%r instead of %r' % (found, wanted))
        def make(name):
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        longest, longer = b'x' * 255, b'x' * 256
        make(longest)
        expect(longest in os.listdir(b'.'), True)
        os.rename(longest, b'short'); os.rename(b'short', longest)
        for call in (lambda: make(longer), lambda: os.stat(longer), lambda: os.mkdir(longer),
                     lambda: os.symlink(b't', longer), lambda: os.link(b'witness', longer),
                     lambda: os.rename(longest, longer), lambda: os.unlink(longer),
                     lambda: os.rmdir(longer), lambda: os.mkfifo(longer)):
            expect(error(call), 'ENAMETOOLONG')
        os.unlink(longest)
        os.stat(b'./' * 2000 + b'witness')
        expect(error(lambda: os.stat(b'./' * 2048 + b'witness')), 'ENAMETOOLONG')
        expect(error(lambda: make(b'./' * 2048 + b'new')), 'ENAMETOOLONG')
        target = b'y' * 4095
        os.symlink(target, b'link')
        expect(os.readlink(b'link'), target)
        expect(error(lambda: os.symlink(target + b'y', b'link2')), 'ENAMETOOLONG')
        os.unlink(b'link')
        # Deeper than any path can say: step by step it works.
        for level in range(20):
            os.mkdir(longest)
            os.chdir(longest)
        make(b'bottom')
        expect(os.listdir(b'.'), [b'bottom'])
        os.unlink(b'bottom')
        for level in range(20):
            os.chdir(b'..')
            os.rmdir(longest)
        expect(os.listdir(b'.'), [b'witness'])
        EOF
        """);
  }

  @Test
  void namesAreBytesInEveryLocale() throws Exception {
    instance.bash(
        mountPoint,
        """
        python3 - <<'EOF'
        import os
        names = [b'\\xff\\xfe', b'\\x80', b'caf\\xe9', b'caf\\xc3\\xa9', b'cafe\\xcc\\x81', b'\\xed\\xa0\\x80',
                 b'\\xf8\\x88\\x80\\x80\\x80', b'new\\nline', b'\\\\', b' ', b'-rf', b'*', b'\\x01\\x7f', b'...',
                 b'\\xff' * 255]
        os.mkdir(b'names')
        os.chdir(b'names')
        for name in names:
            with open(name, 'wb') as f:
                f.write(name)
        if sorted(os.listdir(b'.')) != sorted(names):
            raise SystemExit(repr(os.listdir(b'.')))
        for name in names:
            if open(name, 'rb').read() != name:
                raise SystemExit(repr(name))
        os.mkdir(b'd\\xe9')
        os.rename(b'\\xff\\xfe', b'd\\xe9/\\xfe\\xff')
        os.link(b'd\\xe9/\\xfe\\xff', b'l\\xe9')
        os.symlink(b'd\\xe9/\\xfe\\xff', b's\\xe9')
        if os.readlink(b's\\xe9') != b'd\\xe9/\\xfe\\xff' or open(b's\\xe9', 'rb').read() != b'\\xff\\xfe':
            raise SystemExit('link')
        EOF
        [ "$("$adhocfs" ls $'adhoc:/names/d\\xe9' | od -An -tx1)" = ' fe ff 0a' ]
        "$adhocfs" cat $'adhoc:/names/d\\xe9/\\xfe\\xff' | cmp - <(printf '\\xff\\xfe')
        "$adhocfs" rm $'adhoc:/names/l\\xe9'
        [ ! -e $'names/l\\xe9' ]
        rm -r names
        [ "$(ls)" = witness ]
        """);
  }
}
