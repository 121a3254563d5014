package io.adhocfs.it.failure;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import io.adhocfs.protocol.placement.ClusterMap;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Few descriptors, no place to run libraries from, and connections of nobody that belongs here. */
class ScarceDescriptorsIT {
  private static final int FILES = Boolean.getBoolean("adhocfs.full") ? 5000 : 600;
  private static final int CONNECTIONS = Boolean.getBoolean("adhocfs.full") ? 39_000 : 3000;

  @Test
  void withFewDescriptorsMoreFilesThanThatAreWrittenAndRead() throws Exception {
    try (TestInstance instance = TestInstance.up(1)) {
      instance.killDaemon(0);
      String said =
          instance.bash(
              instance.scratch(),
              """
              cd ..
              mkdir mnt-few
              ulimit -n 256
              $adhocfs start 2>&1
              $adhocfs mount $PWD/mnt-few
              """);
      assertThat(said).contains("warning", "256", "ulimit -Hn");
      instance.bash(
          instance.scratch(),
          """
          cd ../mnt-few
          head -c 5000 /dev/urandom > ../one
          for i in $(seq %d); do cat ../one > $i; done
          for i in $(seq %d); do cmp ../one $i; done
          """
              .formatted(FILES, FILES));
      instance.verify();
    }
  }

  @Test
  void aLimitThatIsTooLowIsNamedWithTheNumberThatIsNeeded() throws Exception {
    try (TestInstance instance = TestInstance.up(1)) {
      instance.killDaemon(0);
      String said =
          instance.bash(
              instance.scratch(), "ulimit -n 180; if $adhocfs start 2>&1; then exit 1; fi");
      assertThat(said).contains("needs", "open files", "the limit is 180");
      instance.adhocfs("start").expectSuccess();
    }
  }

  @Test
  void librariesRunFromElsewhereWhereTemporaryFilesMayNot() throws Exception {
    try (TestInstance instance = TestInstance.up(1)) {
      instance.killDaemon(0);
      instance.bash(
          instance.scratch(),
          """
          mkdir temporary
          mount -t tmpfs -o noexec none temporary
          trap 'umount temporary' EXIT
          ADHOCFS_JAVA_OPTS="-Djava.io.tmpdir=$PWD/temporary -Djava.library.path=" $adhocfs start
          """);
      String maps =
          Files.readString(
              Path.of("/proc", Long.toString(instance.daemonProcess(0)), "maps"),
              StandardCharsets.ISO_8859_1);
      assertThat(maps.lines().filter(line -> line.contains("librocksdb")))
          .isNotEmpty()
          .allMatch(line -> line.contains(instance.dataDirectory(0).toString()));
      assertThat(maps.lines().filter(line -> line.contains("netty_transport_native_epoll")))
          .isNotEmpty()
          .allMatch(line -> line.contains(instance.dataDirectory(0).toString()));
      Path mount = instance.mount();
      instance.bash(mount, "echo works > f; [ $(cat f) = works ]");
    }
  }

  @Test
  void strangersTakeNoPlacesAndFewLinesOfTheLog() throws Exception {
    try (TestInstance instance = TestInstance.up(1)) {
      Path mount = instance.mount();
      Path log = instance.dataDirectory(0).resolve("daemon.log");
      ClusterMap.Node node = instance.described().nodes().getFirst();
      long before = Files.size(log);
      List<Socket> silent = new ArrayList<>();
      try {
        for (int i = 0; i < CONNECTIONS; i++) {
          var stranger = new Socket();
          stranger.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), node.port()));
          if (i % 4 == 0) {
            silent.add(stranger);
            if (silent.size() > 500) {
              silent.removeFirst().close();
            }
          } else {
            try (OutputStream out = stranger.getOutputStream()) {
              out.write(
                  "GET / HTTP/1.0\r\n\r\nand so on, longer than a header is"
                      .getBytes(StandardCharsets.US_ASCII));
            } catch (IOException e) {
              // It was refused before that: as good.
            }
            stranger.close();
          }
          if (i % 1000 == 999) {
            instance.bash(mount, "echo %d > f; [ $(cat f) = %d ]".formatted(i, i));
            // A new client among the strangers.
            instance.adhocfs("cat", "adhoc:/f").expectSuccess();
          }
        }
      } finally {
        for (Socket socket : silent) {
          socket.close();
        }
      }
      assertThat(Files.size(log) - before).isLessThan(20_000);
      instance.verify();
    }
  }
}
