package io.adhocfs.client.transfer.local;

/** An extended attribute of a file; the name with its namespace, such as {@code user.origin}. */
@SuppressWarnings("ArrayRecordComponent") // Carried from one file to another, never compared.
public record ExtendedAttribute(byte[] name, byte[] value) {}
