package io.adhocfs.daemon.simulation.client;

import java.util.Arrays;

/** What a file has to contain: a byte array. */
final class FileModel {
  final byte[] bytes;
  int size;

  FileModel(int sizeMax) {
    bytes = new byte[sizeMax];
  }

  void write(int offset, byte[] data) {
    System.arraycopy(data, 0, bytes, offset, data.length);
    if (data.length > 0) {
      size = Math.max(size, offset + data.length);
    }
  }

  void clear(int offset, int length) {
    Arrays.fill(bytes, offset, offset + length, (byte) 0);
  }

  void grow(int newSize) {
    size = Math.max(size, newSize);
  }

  void truncate(int newSize) {
    if (newSize < size) {
      Arrays.fill(bytes, newSize, size, (byte) 0);
    }
    size = newSize;
  }

  byte[] read(int offset, int length) {
    return Arrays.copyOfRange(
        bytes,
        Math.min(offset, size),
        Math.min(size, offset + length) < offset
            ? Math.min(offset, size)
            : Math.min(size, offset + length));
  }
}
