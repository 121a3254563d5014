package io.adhocfs.client;

import io.adhocfs.client.size.KnownFile;

/**
 * Data versions of a file that the writes of one client alone have led to, one after the other.
 *
 * @param first from which on that is so
 * @param last the newest that the client was told
 */
public record OwnVersions(long first, long last) {
  static OwnVersions of(KnownFile file) {
    KnownFile.OwnVersions versions = file.ownVersions();
    return new OwnVersions(versions.first(), versions.last());
  }
}
