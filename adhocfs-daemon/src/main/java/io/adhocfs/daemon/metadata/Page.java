package io.adhocfs.daemon.metadata;

import java.util.List;

/**
 * Part of a scan.
 *
 * @param cursor where the next page starts; empty = there is none
 */
public record Page<T>(List<T> items, byte[] cursor) {}
