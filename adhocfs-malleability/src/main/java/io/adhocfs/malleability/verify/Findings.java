package io.adhocfs.malleability.verify;

import io.adhocfs.protocol.model.NodeId;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** Collects the findings of a verification, each sentence once, in bounded memory. Thread-safe. */
final class Findings {
  private final Set<String> inconsistencies = Collections.synchronizedSet(new LinkedHashSet<>());
  private final Set<String> unseen = Collections.synchronizedSet(new LinkedHashSet<>());
  private final Set<NodeId> idle = Collections.synchronizedSet(new LinkedHashSet<>());
  private final Set<String> notes = Collections.synchronizedSet(new LinkedHashSet<>());
  private final Set<Mend> mends = Collections.synchronizedSet(new LinkedHashSet<>());
  private final AtomicLong inconsistencyCount = new AtomicLong();

  void inconsistent(String sentence) {
    if (keep(inconsistencies, sentence)) {
      inconsistencyCount.incrementAndGet();
    }
  }

  /**
   * Adds an inconsistency with its remedies. All remedies are kept: the suspects that lead to them
   * are bounded.
   */
  void inconsistent(String sentence, List<Mend> cures) {
    inconsistent(sentence);
    mends.addAll(cures);
  }

  void unseen(String sentence) {
    var _ = keep(unseen, sentence);
  }

  void idle(List<NodeId> nodes) {
    idle.addAll(nodes);
  }

  void note(String sentence) {
    var _ = keep(notes, sentence);
  }

  /** Whether the sentence is new, as far as the kept sentences tell. */
  private static boolean keep(Set<String> sentences, String sentence) {
    return sentences.size() >= VerifyReport.KEPT_MAX
        ? !sentences.contains(sentence)
        : sentences.add(sentence);
  }

  VerifyReport report(
      long inodes,
      long directories,
      long entries,
      long chunks,
      long readAgain,
      long elapsedMillis) {
    return new VerifyReport(
        inodes,
        directories,
        entries,
        chunks,
        inconsistencies.stream().toList(),
        inconsistencyCount.get(),
        mends.stream().toList(),
        unseen.stream().toList(),
        idle.stream().toList(),
        notes.stream().toList(),
        readAgain,
        elapsedMillis);
  }
}
