package io.adhocfs.daemon.service;

import io.adhocfs.protocol.settings.Settings;
import java.util.Map;

/**
 * The same, where each step waits for the disk before another node hears of it: a node that dies
 * with its power loses what it has not synced, and the tree is sound all the same.
 */
class ConcurrentOperationsInDiskOrderTest extends ConcurrentOperationsTest {
  @Override
  Settings settings() {
    return new Settings(Map.of("fsync", "disk"));
  }

  @Override
  boolean powerFails() {
    return true;
  }
}
