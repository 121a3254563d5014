package io.adhocfs.client.data;

import io.netty.buffer.ByteBuf;

/**
 * Takes the bytes of one range, in parts that come in any order from several threads; may be filled
 * anew when a try has failed. A range that ends in failure gets nothing afterwards.
 */
interface ReadTarget {
  /**
   * A try begins.
   *
   * @param parts how many parts it will have
   */
  void begin(int parts);

  /**
   * One part.
   *
   * @param number of the part, in order of the file
   * @param start of its first byte in the range
   * @param bytes read from the reader index on; not released here
   */
  void put(int number, int start, ByteBuf bytes, int lengthBytes);
}
