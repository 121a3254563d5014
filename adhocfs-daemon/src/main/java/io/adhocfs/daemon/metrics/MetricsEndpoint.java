package io.adhocfs.daemon.metrics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Serves figures to Prometheus at {@code /metrics} on loopback. The registry is made when somebody
 * first asks: a daemon that nobody watches does not pay for it.
 */
public final class MetricsEndpoint implements AutoCloseable {
  /** A figure that is asked for when it is wanted. */
  record Figure(String name, String unit, String help, DoubleSupplier value) {}

  private static final String PATH = "/metrics";

  private final OperationFigures operations;
  private final List<Figure> figures;
  private final HttpServer server;
  private final ExecutorService thread;

  @GuardedBy("this")
  private @Nullable PrometheusMeterRegistry registry;

  @GuardedBy("this")
  private @Nullable JvmGcMetrics collections;

  /**
   * Begins to serve at a free port of the loopback address.
   *
   * @throws FsException BUSY
   */
  public MetricsEndpoint(OperationFigures operations, NodeFigures node) throws FsException {
    this.operations = operations;
    this.figures = node.figures();
    // The server reads these when its classes load: a peer that stalls must not hold the thread.
    System.setProperty("sun.net.httpserver.maxReqTime", "5");
    System.setProperty("sun.net.httpserver.maxRspTime", "5");
    System.setProperty("jdk.httpserver.maxConnections", "16");
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 16);
    } catch (IOException e) {
      throw new FsException(FsError.BUSY, "cannot serve metrics: " + e.getMessage(), e);
    }
    thread =
        Executors.newSingleThreadExecutor(work -> {
          var made = new Thread(work, "adhocfs-metrics");
          made.setDaemon(true);
          return made;
        });
    server.setExecutor(thread);
    server.createContext(PATH, this::serve);
    server.start();
  }

  public int port() {
    return server.getAddress().getPort();
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      if (!exchange.getRequestURI().getPath().equals(PATH)) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      byte[] text = scrape().getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
      exchange.sendResponseHeaders(200, text.length);
      exchange.getResponseBody().write(text);
    }
  }

  synchronized String scrape() {
    PrometheusMeterRegistry made = registry;
    if (made == null) {
      made = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
      made.getPrometheusRegistry().register(operations);
      new JvmMemoryMetrics().bindTo(made);
      new JvmThreadMetrics().bindTo(made);
      collections = new JvmGcMetrics();
      collections.bindTo(made);
      for (Figure figure : figures) {
        Gauge.builder("adhocfs." + figure.name(), figure.value()::getAsDouble)
            .baseUnit(figure.unit())
            .description(figure.help())
            .register(made);
      }
      registry = made;
    }
    return made.scrape();
  }

  @Override
  public void close() {
    server.stop(0);
    thread.shutdownNow();
    synchronized (this) {
      if (collections != null) {
        collections.close();
      }
      if (registry != null) {
        registry.close();
      }
    }
  }
}
