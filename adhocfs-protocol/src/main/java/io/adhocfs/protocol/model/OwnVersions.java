package io.adhocfs.protocol.model;

/**
 * Data versions of a file that the writes of one client alone have led to, one after the other.
 *
 * @param first from which on that is so
 * @param last the newest that the client was told
 */
public record OwnVersions(long first, long last) {}
