package io.adhocfs.client.transfer;

/**
 * How to copy. Immutable; begin with {@link #DEFAULT}.
 *
 * @param existing what to do with files that are there already
 * @param verification what is compared after each file
 * @param keepOwner whether the copies belong to whom the sources belong to; needs root
 * @param failFast whether the first error ends the copy
 * @param countAhead whether the sources are counted while they are copied, so that progress knows
 *     the whole; asks a source once more for each file's size
 * @param filesInFlightMax files, links and directories under way at a time
 * @param bytesInFlightMax bytes of content in memory at a time; at least one piece
 * @param pieceBytes how much of a file is read and written at a time; a large file has several
 *     pieces under way
 * @param localThreads threads that wait for the host's file systems
 */
public record TransferOptions(
    Existing existing,
    Verification verification,
    boolean keepOwner,
    boolean failFast,
    boolean countAhead,
    int filesInFlightMax,
    long bytesInFlightMax,
    int pieceBytes,
    int localThreads) {

  /** What to do with a file that is there already. */
  public enum Existing {
    /** Its content is replaced, as cp does. */
    OVERWRITE,
    /** It stays as it is and counts as skipped. */
    KEEP,
    /** As OVERWRITE, but a regular file of the same size and mtime counts as skipped. */
    OVERWRITE_IF_DIFFERENT
  }

  /** What is compared after each file. */
  public enum Verification {
    /** The copy's size and the source's, and that the source did not change meanwhile. */
    SIZE,
    /** Also the content: the copy is read back and its CRC32C compared with what was read. */
    CHECKSUM
  }

  private static final int PIECE_BYTES_MIN = 4 << 10;
  private static final int PIECE_BYTES_MAX = 64 << 20;
  private static final int IN_FLIGHT_LIMIT = 1 << 16;
  private static final int THREADS_LIMIT = 256;

  /** What cp -a does, as far as this user may, with as much in flight as keeps daemons busy. */
  public static final TransferOptions DEFAULT =
      new TransferOptions(
          Existing.OVERWRITE,
          Verification.SIZE,
          false,
          false,
          true,
          256,
          64L << 20,
          4 << 20,
          Math.clamp(2L * Runtime.getRuntime().availableProcessors(), 4, 16));

  public TransferOptions {
    if (filesInFlightMax < 1 || filesInFlightMax > IN_FLIGHT_LIMIT) {
      throw new IllegalArgumentException(
          filesInFlightMax + " files in flight; 1 to " + IN_FLIGHT_LIMIT);
    }
    if (pieceBytes < PIECE_BYTES_MIN || pieceBytes > PIECE_BYTES_MAX) {
      throw new IllegalArgumentException(
          "pieces of " + pieceBytes + " bytes; " + PIECE_BYTES_MIN + " to " + PIECE_BYTES_MAX);
    }
    if (bytesInFlightMax < pieceBytes || bytesInFlightMax / PIECE_BYTES_MIN > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(bytesInFlightMax + " bytes in flight");
    }
    if (localThreads < 1 || localThreads > THREADS_LIMIT) {
      throw new IllegalArgumentException(localThreads + " threads; 1 to " + THREADS_LIMIT);
    }
  }

  public TransferOptions withExisting(Existing changed) {
    return new TransferOptions(
        changed,
        verification,
        keepOwner,
        failFast,
        countAhead,
        filesInFlightMax,
        bytesInFlightMax,
        pieceBytes,
        localThreads);
  }

  public TransferOptions withVerification(Verification changed) {
    return new TransferOptions(
        existing,
        changed,
        keepOwner,
        failFast,
        countAhead,
        filesInFlightMax,
        bytesInFlightMax,
        pieceBytes,
        localThreads);
  }

  public TransferOptions withKeepOwner(boolean changed) {
    return new TransferOptions(
        existing,
        verification,
        changed,
        failFast,
        countAhead,
        filesInFlightMax,
        bytesInFlightMax,
        pieceBytes,
        localThreads);
  }

  public TransferOptions withFailFast(boolean changed) {
    return new TransferOptions(
        existing,
        verification,
        keepOwner,
        changed,
        countAhead,
        filesInFlightMax,
        bytesInFlightMax,
        pieceBytes,
        localThreads);
  }

  public TransferOptions withCountAhead(boolean changed) {
    return new TransferOptions(
        existing,
        verification,
        keepOwner,
        failFast,
        changed,
        filesInFlightMax,
        bytesInFlightMax,
        pieceBytes,
        localThreads);
  }

  /** Other bounds, for other machines and for tests. */
  public TransferOptions withBounds(
      int changedFilesInFlightMax,
      long changedBytesInFlightMax,
      int changedPieceBytes,
      int changedLocalThreads) {
    return new TransferOptions(
        existing,
        verification,
        keepOwner,
        failFast,
        countAhead,
        changedFilesInFlightMax,
        changedBytesInFlightMax,
        changedPieceBytes,
        changedLocalThreads);
  }
}
