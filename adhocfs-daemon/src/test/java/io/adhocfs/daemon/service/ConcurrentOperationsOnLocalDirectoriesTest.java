package io.adhocfs.daemon.service;

import io.adhocfs.protocol.settings.Settings;
import java.util.Map;

/** The same, with directories that lie where their makers want them. */
class ConcurrentOperationsOnLocalDirectoriesTest extends ConcurrentOperationsTest {
  @Override
  Settings settings() {
    return new Settings(Map.of("distribution", "local"));
  }
}
