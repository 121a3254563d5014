package io.adhocfs.client.transfer;

import io.adhocfs.protocol.model.FsError;

/**
 * Why one file, directory or link is not as it should be in the copy.
 *
 * @param path of the source as people read it; inside the instance it begins with "adhoc:"
 * @param message what went wrong, with the path it went wrong at
 */
public record TransferError(String path, FsError error, String message) {}
