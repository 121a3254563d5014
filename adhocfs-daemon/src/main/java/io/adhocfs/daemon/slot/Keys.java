package io.adhocfs.daemon.slot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Makes and reads keys. Pure functions. */
public final class Keys {
  /** Bytes of slot and kind before the rest of a key. */
  public static final int PREFIX_BYTES = 3;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private Keys() {}

  /** {@code [slot][kind]} with room for so many more bytes. */
  public static byte[] key(int slot, RecordKind kind, int restBytes) {
    var key = new byte[PREFIX_BYTES + restBytes];
    SHORT.set(key, 0, (short) slot);
    key[2] = kind.code();
    return key;
  }

  public static byte[] key(int slot, RecordKind kind) {
    return key(slot, kind, 0);
  }

  /** {@code [slot][kind]} of a kind that has this code. */
  static byte[] prefix(int slot, byte kindCode) {
    var key = new byte[PREFIX_BYTES];
    SHORT.set(key, 0, (short) slot);
    key[2] = kindCode;
    return key;
  }

  public static byte[] key(int slot, RecordKind kind, long first) {
    byte[] key = key(slot, kind, Long.BYTES);
    LONG.set(key, PREFIX_BYTES, first);
    return key;
  }

  public static byte[] key(int slot, RecordKind kind, long first, long second) {
    byte[] key = key(slot, kind, 2 * Long.BYTES);
    LONG.set(key, PREFIX_BYTES, first);
    LONG.set(key, PREFIX_BYTES + Long.BYTES, second);
    return key;
  }

  public static byte[] key(int slot, RecordKind kind, long first, byte[] last) {
    byte[] key = key(slot, kind, Long.BYTES + last.length);
    LONG.set(key, PREFIX_BYTES, first);
    System.arraycopy(last, 0, key, PREFIX_BYTES + Long.BYTES, last.length);
    return key;
  }

  public static byte[] key(int slot, RecordKind kind, long first, long second, byte[] last) {
    byte[] key = key(slot, kind, 2 * Long.BYTES + last.length);
    LONG.set(key, PREFIX_BYTES, first);
    LONG.set(key, PREFIX_BYTES + Long.BYTES, second);
    System.arraycopy(last, 0, key, PREFIX_BYTES + 2 * Long.BYTES, last.length);
    return key;
  }

  public static int slot(byte[] key) {
    return Short.toUnsignedInt((short) SHORT.get(key, 0));
  }

  public static byte kindCode(byte[] key) {
    return key[2];
  }

  /** Whether a key is of a slot and a kind. */
  public static boolean isKind(byte[] key, int slot, RecordKind kind) {
    return slot(key) == slot && kindCode(key) == kind.code();
  }

  /** Whether a record is the node's own and no slot's, so that it stays where it is. */
  public static boolean isOfNode(byte[] key) {
    return kindCode(key) == RecordKind.CHUNK_FLOOR.code();
  }

  /** The n-th 64-bit number after the prefix, n from 0. */
  public static long number(byte[] key, int n) {
    return (long) LONG.get(key, PREFIX_BYTES + n * Long.BYTES);
  }
}
