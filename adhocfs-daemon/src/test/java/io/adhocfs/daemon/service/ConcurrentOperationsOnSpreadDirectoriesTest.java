package io.adhocfs.daemon.service;

import io.adhocfs.protocol.settings.Settings;
import java.util.Map;

/** The same, with directories that are spread as soon as they have three entries. */
class ConcurrentOperationsOnSpreadDirectoriesTest extends ConcurrentOperationsTest {
  @Override
  Settings settings() {
    return new Settings(Map.of("directory.spread-entries", "3"));
  }
}
