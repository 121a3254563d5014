package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.NodeId;
import java.util.List;

/**
 * What a verification saw.
 *
 * @param inconsistencies the inconsistencies, a sentence each, the first {@link #KEPT_MAX}
 * @param inconsistencyCount how many inconsistencies there are in all
 * @param mends the remedies, as far as there are any
 * @param unseen what could not be checked and why, a sentence each
 * @param idle nodes that do not answer, and store nothing that could be checked
 * @param notes what else is right but worth knowing, a sentence each
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
    List<NodeId> idle,
    List<String> notes,
    long readAgain,
    long elapsedMillis) {
  /** How many sentences of each kind a report keeps. */
  public static final int KEPT_MAX = 1000;

  /** What a verification has come to. */
  public enum Verdict {
    /** Everything was checked and nothing is wrong. */
    CLEAN,
    /** Something is wrong. */
    INCONSISTENT,
    /** Nothing wrong was seen, but not everything could be checked. */
    INCOMPLETE
  }

  public VerifyReport {
    inconsistencies = List.copyOf(inconsistencies);
    mends = List.copyOf(mends);
    unseen = List.copyOf(unseen);
    idle = List.copyOf(idle);
    notes = List.copyOf(notes);
  }

  /** The verdict: an inconsistency outweighs anything that was not checked. */
  public Verdict verdict() {
    if (inconsistencyCount > 0) {
      return Verdict.INCONSISTENT;
    }
    return unseen.isEmpty() ? Verdict.CLEAN : Verdict.INCOMPLETE;
  }
}
