package io.adhocfs.malleability.verify;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.function.Consumer;

/**
 * Verifies an instance and repairs it, while programs use it. The command verify is built on this
 * class.
 *
 * <p>Nodes that do not answer are no failure: the report names what could not be checked. Both
 * methods block until all that the nodes store has been read. For one thread at a time.
 */
public final class Verification {
  /** The directory below the root that gets the inodes without a name. */
  public static final String ORPHANS = "/lost+found";

  private static final int ORPHANS_MODE = 0700;

  /**
   * A repair may show errors that were hidden behind the repaired one, so there are several rounds.
   */
  private static final int ROUNDS_MAX = 8;

  private final Instance instance;
  private final AdminConnection connection;
  private final ClusterMap known;

  /**
   * @param connection stays open
   * @param known a map with the addresses of all nodes; nodes that joined since are found
   */
  public Verification(Instance instance, AdminConnection connection, ClusterMap known) {
    this.instance = instance;
    this.connection = connection;
    this.known = known;
  }

  /** Told what a repair does, in the thread that repairs. */
  public interface Listener {
    /** The present step, now and then. */
    void step(String step);

    /** What was found, before its remedies are applied; once in each round. */
    void repairing(VerifyReport found);

    /** A remedy that failed and why, in a sentence. */
    void failed(String sentence);
  }

  /**
   * What a repair has done.
   *
   * @param report what is left
   * @param mends how many remedies were applied
   */
  public record Repaired(VerifyReport report, long mends) {}

  /**
   * Compares what all nodes store; changes nothing.
   *
   * @param data whether all file data is also read and compared with its checksums, which takes as
   *     long as reading it
   * @param progress told the present step, now and then
   */
  public VerifyReport verify(boolean data, Consumer<String> progress) {
    return new Verifier(connection, known, progress).verify(data);
  }

  /**
   * Verifies and applies the remedies, until there are none or they do not help. A remedy that
   * fails is reported, and the next round tries it again.
   *
   * @param data as in {@link #verify}
   */
  public Repaired repair(boolean data, Listener listener) {
    long mends = 0;
    for (int round = 1; ; round++) {
      var verifier = new Verifier(connection, known, listener::step);
      VerifyReport report = verifier.verify(data);
      if (report.mends().isEmpty() || round > ROUNDS_MAX) {
        return new Repaired(report, mends);
      }
      listener.repairing(report);
      mends +=
          new Repairer(connection, verifier.map(), this::orphanDirectory, listener::failed)
              .mend(report.mends());
    }
  }

  private InodeId orphanDirectory() throws FsException {
    try (AdhocFileSystem files = AdhocFileSystem.open(instance)) {
      return files.createDirectories(AdhocPath.ofText(ORPHANS), ORPHANS_MODE).id();
    }
  }
}
