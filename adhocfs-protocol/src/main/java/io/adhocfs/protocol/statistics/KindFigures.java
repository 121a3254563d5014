package io.adhocfs.protocol.statistics;

/**
 * Operations of one kind.
 *
 * @param kind name of an {@link OperationKind}, perhaps of one that this version does not know
 * @param failed those of them that were answered with an error
 * @param bytes of files, read or written
 * @param small those of fewer than {@value #SMALL_BYTES} bytes
 * @param unaligned those that begin at no multiple of {@value #SMALL_BYTES} bytes
 */
public record KindFigures(
    String kind, long operations, long failed, long bytes, long small, long unaligned) {
  /** A page: what disks, kernels and networks like best is made of these. */
  public static final int SMALL_BYTES = 4096;

  /** Of two of the same kind. */
  public KindFigures plus(KindFigures other) {
    if (!kind.equals(other.kind)) {
      throw new IllegalArgumentException(kind + " and " + other.kind);
    }
    return new KindFigures(
        kind,
        operations + other.operations,
        failed + other.failed,
        bytes + other.bytes,
        small + other.small,
        unaligned + other.unaligned);
  }
}
