package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.FsException;
import java.util.Map;

/** With the settings that an instance has by default. */
class ConcurrentOperationsTest extends ConcurrentOperationsContract {
  ConcurrentOperationsTest() throws FsException {
    super(Map.of(), false);
  }
}
