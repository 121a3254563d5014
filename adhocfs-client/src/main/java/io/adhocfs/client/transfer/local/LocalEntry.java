package io.adhocfs.client.transfer.local;

import io.adhocfs.protocol.model.FileType;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a listing.
 *
 * @param type null where the file system does not tell it in listings
 */
public record LocalEntry(byte[] name, @Nullable FileType type) {}
