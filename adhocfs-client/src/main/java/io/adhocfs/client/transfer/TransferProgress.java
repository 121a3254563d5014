package io.adhocfs.client.transfer;

/**
 * How far a copy is. Found numbers grow until {@code everythingFound}, so a share of the whole is
 * known only then.
 *
 * @param filesFound whatever is no directory: files, links, nodes
 * @param filesDone of these, the ones copied, skipped or failed
 * @param bytesFound sizes of the regular files found
 * @param bytesDone of these, what has been copied, holes included, or skipped
 * @param elapsedNanos since the copy began
 * @param bytesPerSecond over about the last second
 */
public record TransferProgress(
    long filesFound,
    long filesDone,
    long directoriesDone,
    long bytesFound,
    long bytesDone,
    long errors,
    boolean everythingFound,
    long elapsedNanos,
    long bytesPerSecond) {}
