package io.adhocfs.malleability.verify;

import java.util.List;

/**
 * What a verification saw.
 *
 * @param inconsistencies the inconsistencies, a sentence each, the first {@link #KEPT_MAX}
 * @param inconsistencyCount how many inconsistencies there are in all
 * @param mends the remedies, as far as there are any
 * @param unseen what could not be checked and why, a sentence each
 * @param notes what is right but worth knowing, a sentence each
 * @param readAgain how many items looked wrong at first and were read again
 */
public record VerifyReport(
    long inodes,
    long directories,
    long entries,
    long chunks,
    List<String> inconsistencies,
    long inconsistencyCount,
    List<Mend> mends,
    List<String> unseen,
    List<String> notes,
    long readAgain,
    long elapsedMillis) {
  /** How many sentences of each kind a report keeps. */
  public static final int KEPT_MAX = 1000;

  /** Everything was checked and nothing is wrong. */
  public static final int EXIT_CLEAN = 0;

  /** Something is wrong. */
  public static final int EXIT_INCONSISTENT = 1;

  /** Nothing wrong was seen, but not everything could be checked. */
  public static final int EXIT_UNSEEN = 2;

  public VerifyReport {
    inconsistencies = List.copyOf(inconsistencies);
    mends = List.copyOf(mends);
    unseen = List.copyOf(unseen);
    notes = List.copyOf(notes);
  }

  /** One of the EXIT constants: an inconsistency outweighs anything that was not checked. */
  public int exitCode() {
    if (inconsistencyCount > 0) {
      return EXIT_INCONSISTENT;
    }
    return unseen.isEmpty() ? EXIT_CLEAN : EXIT_UNSEEN;
  }
}
