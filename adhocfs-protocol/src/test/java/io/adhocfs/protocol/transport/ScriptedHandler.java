package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.wire.DataRequest.ReadChunks;
import io.adhocfs.protocol.wire.DataRequest.SyncChunks;
import io.adhocfs.protocol.wire.DataRequest.WriteChunks;
import io.adhocfs.protocol.wire.NamespaceRequest.Lookup;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Request;
import io.netty.buffer.ByteBuf;
import io.netty.util.ReferenceCountUtil;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Answers lookups at once, echoes written payloads, reads a pattern seeded by the inode from
 * another thread, and keeps syncs until the test answers them.
 */
final class ScriptedHandler implements RequestHandler, AutoCloseable {
  /** A request that waits for the test. */
  record Held(Exchange exchange, Request request) {}

  /** The data generation of writes that are kept until the test answers them. */
  static final long HOLD = 1L << 40;

  final BlockingQueue<Held> held = new LinkedBlockingQueue<>();
  final Queue<Request> seen = new ConcurrentLinkedQueue<>();
  final Queue<String> threads = new ConcurrentLinkedQueue<>();
  final BlockingQueue<SessionId> sessions = new LinkedBlockingQueue<>();
  final ExecutorService dataThreads =
      Executors.newFixedThreadPool(2, work -> new Thread(work, "test-data"));
  volatile Epoch epoch = Epoch.FIRST;

  @Override
  public void handle(Exchange exchange, Request request, ByteBuf payload) {
    seen.add(request);
    if (seen.size() > 10_000) {
      seen.poll();
    }
    switch (request) {
      case Lookup lookup -> {
        payload.release();
        String name = lookup.entry().name().toString();
        if (name.startsWith("thread")) {
          threads.add(Thread.currentThread().getName());
        }
        if (name.equals("throw")) {
          throw new IllegalStateException("told to");
        }
        if (name.equals("hold")) {
          held.add(new Held(exchange, request));
          return;
        }
        exchange.reply(new Reply.Done());
      }
      case WriteChunks write when write.dataGeneration() == HOLD -> {
        payload.release();
        held.add(new Held(exchange, write));
      }
      case WriteChunks write ->
          dataThreads.execute(() -> exchange.reply(new Reply.Done(), payload));
      case ReadChunks read -> {
        payload.release();
        int length = (int) read.replyPayloadBytesMax();
        dataThreads.execute(() ->
            exchange.reply(
                new Reply.Spans(new byte[] {0}), Requests.pattern(read.inode().value(), length)));
      }
      case SyncChunks sync -> {
        payload.release();
        held.add(new Held(exchange, sync));
      }
      default -> {
        ReferenceCountUtil.release(payload);
        exchange.reply(
            new Reply.Bytes(
                request.type().name().getBytes(java.nio.charset.StandardCharsets.UTF_8)));
      }
    }
  }

  @Override
  public Epoch currentEpoch() {
    return epoch;
  }

  @Override
  public void sessionConnected(SessionId session, PeerRole role) {
    threads.add(Thread.currentThread().getName());
    sessions.add(session);
  }

  @Override
  public void close() {
    dataThreads.shutdownNow();
  }
}
