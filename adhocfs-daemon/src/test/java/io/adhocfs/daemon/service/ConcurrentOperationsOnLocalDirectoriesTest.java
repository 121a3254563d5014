package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.FsException;
import java.util.Map;

/** Directories lie where their makers want them. */
class ConcurrentOperationsOnLocalDirectoriesTest extends ConcurrentOperationsContract {
  ConcurrentOperationsOnLocalDirectoriesTest() throws FsException {
    super(Map.of("distribution", "local"), false);
  }
}
