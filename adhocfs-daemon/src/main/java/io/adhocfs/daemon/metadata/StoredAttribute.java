package io.adhocfs.daemon.metadata;

/** An extended attribute that an inode has: its name, and how long its value is. */
@SuppressWarnings("ArrayRecordComponent") // Never compared; the name is a key's tail as it is.
public record StoredAttribute(byte[] name, int valueBytes) {}
