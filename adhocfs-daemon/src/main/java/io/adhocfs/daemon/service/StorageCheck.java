package io.adhocfs.daemon.service;

import io.adhocfs.protocol.model.FsException;
import java.util.List;

/** Looks whether what is stored on this node fits together. */
@FunctionalInterface
public interface StorageCheck {
  /** What does not fit, one sentence each. May take long; not called on the metadata thread. */
  List<String> findings() throws FsException;
}
