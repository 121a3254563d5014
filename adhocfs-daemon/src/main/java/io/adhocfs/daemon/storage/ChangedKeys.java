package io.adhocfs.daemon.storage;

import org.rocksdb.WriteBatch;

/** Shows the keys of a batch to a watch. */
final class ChangedKeys extends WriteBatch.Handler {
  private final StorageDatabase.KeyWatch watch;

  ChangedKeys(StorageDatabase.KeyWatch watch) {
    this.watch = watch;
  }

  @Override
  public void put(int columnFamilyId, byte[] key, byte[] value) {
    watch.changed(key, value.length);
  }

  @Override
  public void put(byte[] key, byte[] value) {
    watch.changed(key, value.length);
  }

  @Override
  public void delete(int columnFamilyId, byte[] key) {
    watch.changed(key, 0);
  }

  @Override
  public void delete(byte[] key) {
    watch.changed(key, 0);
  }

  @Override
  public void singleDelete(int columnFamilyId, byte[] key) {
    watch.changed(key, 0);
  }

  @Override
  public void singleDelete(byte[] key) {
    watch.changed(key, 0);
  }

  @Override
  public void merge(int columnFamilyId, byte[] key, byte[] value) {
    throw new IllegalStateException("nobody merges");
  }

  @Override
  public void merge(byte[] key, byte[] value) {
    throw new IllegalStateException("nobody merges");
  }

  @Override
  public void deleteRange(int columnFamilyId, byte[] beginKey, byte[] endKey) {
    watch.changedRange(beginKey, endKey);
  }

  @Override
  public void deleteRange(byte[] beginKey, byte[] endKey) {
    watch.changedRange(beginKey, endKey);
  }

  @Override
  public void logData(byte[] blob) {}

  @Override
  public void putBlobIndex(int columnFamilyId, byte[] key, byte[] value) {
    throw new IllegalStateException("there are no blobs");
  }

  @Override
  public void markBeginPrepare() {}

  @Override
  public void markEndPrepare(byte[] xid) {}

  @Override
  public void markNoop(boolean emptyBatch) {}

  @Override
  public void markRollback(byte[] xid) {}

  @Override
  public void markCommit(byte[] xid) {}

  @Override
  public void markCommitWithTimestamp(byte[] xid, byte[] timestamp) {}
}
