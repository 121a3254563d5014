package io.adhocfs.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.instance.JsonFields;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Deadline;
import io.adhocfs.protocol.transport.InstanceIdentity;
import io.adhocfs.protocol.transport.NettyRpcClient;
import io.adhocfs.protocol.transport.RequestHandler.PeerRole;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** A daemon in a process of its own, and a connection to it. */
final class DaemonProcess implements AutoCloseable {
  static final InstanceIdentity IDENTITY = new InstanceIdentity("test-instance", new byte[32]);
  static final NodeId NODE = new NodeId(3);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Path data;
  private final Process process;
  private final Path output;

  private DaemonProcess(Path data, Process process, Path output) {
    this.data = data;
    this.process = process;
    this.output = output;
  }

  static DaemonConfiguration configuration(Path data, Map<String, String> settings) {
    return new DaemonConfiguration(
        IDENTITY, NODE, data, "127.0.0.1", "127.0.0.1", 0, "", new Settings(settings), 17, 18);
  }

  /** Nothing but the daemon. */
  private static final DaemonMain.Companion ALONE =
      new DaemonMain.Companion() {
        @Override
        public void ready() {}

        @Override
        public void removed() {}
      };

  /** What its test process calls. */
  public static final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
      System.exit(DaemonMain.run(Path.of(arguments[0]), ALONE));
    }
  }

  /** Begins to start a daemon; its output goes beside the data directory. */
  static DaemonProcess begin(DaemonConfiguration configuration) throws IOException {
    return begin(configuration, "-Dadhocfs.crash=");
  }

  /** As the other, with an option of the JVM. */
  static DaemonProcess begin(DaemonConfiguration configuration, String option) throws IOException {
    Path data = configuration.dataDirectory();
    Path file = Path.of(data + ".json");
    Files.deleteIfExists(file);
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.write(file, configuration.toJson());
    Path output = Files.createTempFile(data.toAbsolutePath().getParent(), "daemon", ".log");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xms16m",
                "-Xmx128m",
                "-XX:MaxDirectMemorySize=128m",
                "-XX:-UsePerfData",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                option,
                Main.class.getName(),
                file.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    return new DaemonProcess(data, process, output);
  }

  /** Starts a daemon and waits until it is ready. */
  static DaemonProcess start(DaemonConfiguration configuration) throws Exception {
    DaemonProcess daemon = begin(configuration);
    Waiting.until(
        "the daemon to be ready",
        () -> {
          if (!daemon.process.isAlive()) {
            throw new AssertionError("the daemon ended: " + daemon.output());
          }
          return daemon.isReady();
        });
    return daemon;
  }

  private boolean isReady() throws IOException {
    try {
      return ready().number("pid") == process.pid();
    } catch (NoSuchFileException e) {
      // Not yet, or what the one before has left has just been taken away.
      return false;
    }
  }

  Path readyFile() {
    return data.resolve("daemon.json");
  }

  JsonFields ready() throws IOException {
    return JsonFields.parse(readyFile().toString(), Files.readAllBytes(readyFile()));
  }

  String output() throws IOException {
    return Files.readString(output);
  }

  Process process() {
    return process;
  }

  ClusterMap.Node address() throws IOException {
    JsonFields ready = ready();
    return new ClusterMap.Node(
        NODE,
        ready.text("host"),
        ready.intNumber("port"),
        ready.text("socket"),
        ready.number("incarnation"),
        NodeState.ACTIVE);
  }

  /** A connection as somebody new. */
  Connection connect() throws IOException {
    return new Connection(address());
  }

  int exitCode() throws InterruptedException {
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }

  /** Calls one daemon. */
  static final class Connection implements AutoCloseable {
    private final NettyRpcClient client;

    Connection(ClusterMap.Node address) {
      client =
          new NettyRpcClient(
              IDENTITY,
              new SessionId(System.nanoTime() | 1),
              PeerRole.ADMIN,
              1,
              ClusterMap.initial(java.util.List.of(address)));
    }

    Reply call(Request request) throws FsException {
      Response response = call(request, Unpooled.EMPTY_BUFFER);
      response.payload().release();
      return response.reply();
    }

    Response call(Request request, ByteBuf payload) throws FsException {
      try {
        return client
            .call(NODE, request, payload, TrafficClass.FOREGROUND, Deadline.after(PATIENCE))
            .get();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof FsException failure) {
          throw failure;
        }
        throw new AssertionError(e);
      }
    }

    @Override
    public void close() {
      client.close();
    }
  }

  /** The address where nobody listens but this machine. */
  static InetAddress loopback() {
    return InetAddress.getLoopbackAddress();
  }
}
