package io.adhocfs.client.transfer;

/**
 * How far a copy is. Found numbers grow until {@code everythingFound}: only then is a share of them
 * a share of the whole. With {@link TransferOptions#countAhead} that is soon, without it near the
 * end.
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
