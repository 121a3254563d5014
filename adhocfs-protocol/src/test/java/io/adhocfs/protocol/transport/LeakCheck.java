package io.adhocfs.protocol.transport;

import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Fails tests after which buffers are found that nobody released. */
final class LeakCheck implements BeforeAllCallback, AfterEachCallback {
  private static final Queue<String> LEAKS = new ConcurrentLinkedQueue<>();

  /** Loggers are collected when nobody holds them, and their handlers with them. */
  private static final Logger LOGGER = Logger.getLogger(ResourceLeakDetector.class.getName());

  static {
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
    LOGGER.addHandler(
        new Handler() {
          @Override
          public void publish(LogRecord record) {
            LEAKS.add(String.valueOf(record.getMessage()));
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        });
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    LEAKS.clear();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    // Collects what nobody refers to, then makes the detector look at what was collected.
    System.gc();
    for (int i = 0; i < 16; i++) {
      PooledByteBufAllocator.DEFAULT.directBuffer(1).release();
    }
    if (!LEAKS.isEmpty()) {
      String first = LEAKS.peek();
      LEAKS.clear();
      throw new AssertionError(first);
    }
  }
}
