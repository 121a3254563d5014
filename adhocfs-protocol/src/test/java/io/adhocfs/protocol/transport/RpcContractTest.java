package io.adhocfs.protocol.transport;

import static io.adhocfs.protocol.transport.Cluster.answer;
import static io.adhocfs.protocol.transport.Cluster.send;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What callers may rely on, over every route. */
final class RpcContractTest {
  @TempDir private Path directory;

  @ParameterizedTest
  @EnumSource
  void answersEachCallWithItsOwnAnswer(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      List<CompletableFuture<Response>> calls = new ArrayList<>();
      for (int i = 0; i < 2000; i++) {
        calls.add(send(client, Requests.lookup("name" + i)));
      }
      for (var call : calls) {
        Response response = answer(call);
        assertThat(response.reply()).isEqualTo(new Reply.Done());
        assertThat(response.payload().isReadable()).isFalse();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void bringsPayloadsOfAllSizesThereAndBack(Route route) throws Exception {
    try (var cluster = new Cluster(route, directory)) {
      NettyRpcClient client = cluster.client();
      List<CompletableFuture<Response>> calls = new ArrayList<>();
      int[] sizes = {0, 1, 7, 48, 4095, 4096, 65536, 100_000, 1 << 20, 4 << 20};
      for (int size : sizes) {
        calls.add(send(client, Requests.write(size + 1, 1, 1), Requests.pattern(size, size)));
        calls.add(send(client, Requests.read(size, size)));
      }
      for (int i = 0; i < sizes.length; i++) {
        ByteBuf expected = Requests.pattern(sizes[i], sizes[i]);
        for (int which = 0; which < 2; which++) {
          ByteBuf payload = answer(calls.get(2 * i + which)).payload();
          assertThat(payload).isEqualTo(expected);
          assertThat(payload.nioBufferCount()).isEqualTo(1);
          assertThat(payload.isDirect()).isTrue();
          payload.release();
        }
        expected.release();
      }
    }
  }
}
