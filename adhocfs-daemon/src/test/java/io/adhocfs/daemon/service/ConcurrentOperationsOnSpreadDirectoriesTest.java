package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.FsException;
import java.util.Map;

/** Directories are spread as soon as they have three entries. */
class ConcurrentOperationsOnSpreadDirectoriesTest extends ConcurrentOperationsContract {
  ConcurrentOperationsOnSpreadDirectoriesTest() throws FsException {
    super(Map.of("directory.spread-entries", "3"), false);
  }
}
