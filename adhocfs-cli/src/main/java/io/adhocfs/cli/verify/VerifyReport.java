package io.adhocfs.cli.verify;

import java.util.List;

/**
 * What a verification saw.
 *
 * @param inconsistencies what is wrong, a sentence each, the first {@link #KEPT_MAX} of them
 * @param inconsistencyCount all of them
 * @param mends what would mend that, as far as anything does
 * @param unseen why something could not be looked at, a sentence each
 * @param notes what is right but worth knowing, a sentence each
 * @param readAgain how many things looked wrong at first and were read again
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

  /** Everything was seen and nothing is wrong. */
  public static final int EXIT_CLEAN = 0;

  /** Something is wrong. */
  public static final int EXIT_INCONSISTENT = 1;

  /** Nothing wrong was seen, but not everything could be looked at. */
  public static final int EXIT_UNSEEN = 2;

  public VerifyReport {
    inconsistencies = List.copyOf(inconsistencies);
    mends = List.copyOf(mends);
    unseen = List.copyOf(unseen);
    notes = List.copyOf(notes);
  }

  /** One of the EXIT constants: what is wrong weighs more than what was not seen. */
  public int exitCode() {
    if (inconsistencyCount > 0) {
      return EXIT_INCONSISTENT;
    }
    return unseen.isEmpty() ? EXIT_CLEAN : EXIT_UNSEEN;
  }
}
