package io.adhocfs.protocol.fuzz;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;

/** Changes bytes as damage, cuts and ill will do. */
public final class Mutation {
  /** Numbers that lie at the edges of what decoders expect. */
  private static final long[] EDGES = {
    0,
    1,
    -1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    0xFFFFFFFFL,
    Long.MAX_VALUE,
    Long.MIN_VALUE
  };

  private static final int CHANGES_MAX = 4;
  private static final int NOISE_BYTES_MAX = 200;

  private Mutation() {}

  /** Mostly the sample with a few changes; now and then as it is, or noise instead. */
  public static byte[] of(byte[] sample, Random random) {
    int kind = random.nextInt(16);
    if (kind == 0) {
      return sample.clone();
    }
    if (kind == 1) {
      var noise = new byte[random.nextInt(NOISE_BYTES_MAX)];
      random.nextBytes(noise);
      return noise;
    }
    byte[] bytes = sample.clone();
    for (int left = 1 + random.nextInt(CHANGES_MAX); left > 0 && bytes.length > 0; left--) {
      bytes = changed(bytes, random);
    }
    return bytes;
  }

  private static byte[] changed(byte[] bytes, Random random) {
    // Lengths and kinds lie at the beginning: half of the changes hit the first bytes.
    int at = random.nextInt(random.nextBoolean() ? bytes.length : Math.min(bytes.length, 64));
    int length = 1 + random.nextInt(Math.min(bytes.length - at, 32));
    switch (random.nextInt(7)) {
      case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> bytes[at] = (byte) random.nextInt(256);
      case 2 -> putNumber(bytes, at, EDGES[random.nextInt(EDGES.length)], random);
      case 3 -> putNumber(bytes, at, random.nextInt(2 * bytes.length + 2), random);
      case 4 -> {
        return Arrays.copyOf(bytes, at);
      }
      case 5 -> {
        // Without a range.
        return ByteBuffer.allocate(bytes.length - length)
            .put(bytes, 0, at)
            .put(bytes, at + length, bytes.length - at - length)
            .array();
      }
      default -> {
        // With a range twice.
        return ByteBuffer.allocate(bytes.length + length)
            .put(bytes, 0, at + length)
            .put(bytes, at, bytes.length - at)
            .array();
      }
    }
    return bytes;
  }

  /** Overwrites 1, 2, 4 or 8 bytes, big-endian. */
  private static void putNumber(byte[] bytes, int at, long number, Random random) {
    int width = Math.min(1 << random.nextInt(4), bytes.length - at);
    for (int i = 0; i < width; i++) {
      bytes[at + i] = (byte) (number >>> (8 * (width - 1 - i)));
    }
  }
}
