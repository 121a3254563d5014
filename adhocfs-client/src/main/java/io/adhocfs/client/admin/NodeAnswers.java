package io.adhocfs.client.admin;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What the nodes said to the same question.
 *
 * @param answers of those that answered
 * @param failures of the others, each naming its node
 */
public record NodeAnswers<T>(
    SortedMap<NodeId, T> answers, SortedMap<NodeId, FsException> failures) {
  public NodeAnswers {
    answers = new TreeMap<>(answers);
    failures = new TreeMap<>(failures);
  }

  /** Throws the first failure if there is one. */
  public SortedMap<NodeId, T> orThrow() throws FsException {
    if (!failures.isEmpty()) {
      throw failures.get(failures.firstKey());
    }
    return answers;
  }
}
