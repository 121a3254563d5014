package io.adhocfs.client.transfer;

import java.util.List;

/**
 * What a copy did.
 *
 * @param files regular files copied with all their content and attributes; each has been verified
 * @param hardLinks further names of files that had been copied under another one
 * @param directories made or found, and given the attributes of their source
 * @param nodes FIFOs, sockets and device nodes
 * @param bytes content moved; holes are not moved
 * @param skipped files that stayed as they were
 * @param errorCount everything that is not as it should be
 * @param errors the first {@link #ERRORS_KEPT_MAX} of these; a listener hears of all
 * @param interrupted whether it was closed, or failed fast, before it had tried everything
 * @param becameDestination whether a directory was copied as the destination, which was not there:
 *     the same copy once more would now go into it
 */
public record TransferReport(
    long files,
    long hardLinks,
    long directories,
    long symlinks,
    long nodes,
    long bytes,
    long skipped,
    long errorCount,
    List<TransferError> errors,
    boolean interrupted,
    boolean becameDestination,
    long elapsedNanos) {

  /** How many errors a report keeps. */
  public static final int ERRORS_KEPT_MAX = 1000;

  public TransferReport {
    errors = List.copyOf(errors);
  }

  /** Whether everything there was to copy is there now, as it was at its source. */
  public boolean complete() {
    return errorCount == 0 && !interrupted;
  }
}
