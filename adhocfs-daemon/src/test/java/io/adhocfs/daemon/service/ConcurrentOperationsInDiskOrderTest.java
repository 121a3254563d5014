package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.FsException;
import java.util.Map;

/**
 * Each step waits for the disk before another node hears of it: a node that dies with its power
 * loses what it has not synced, and the tree is sound all the same.
 */
class ConcurrentOperationsInDiskOrderTest extends ConcurrentOperationsContract {
  ConcurrentOperationsInDiskOrderTest() throws FsException {
    super(Map.of("fsync", "disk"), true);
  }
}
