package io.adhocfs.daemon;

import io.adhocfs.daemon.storage.RocksSlotStore;

/** Where a daemon unpacks the library of its database. */
public final class StorageLibrary {
  /** System property: the directory to unpack into; without it, the one of temporary files. */
  public static final String DIRECTORY_PROPERTY = RocksSlotStore.LIBRARY_DIRECTORY_PROPERTY;

  private StorageLibrary() {}
}
