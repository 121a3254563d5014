package io.adhocfs.malleability;

import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import java.util.function.UnaryOperator;

/**
 * The record of one instance, as read or written last. It says where daemons and their data are to
 * be found; which nodes there are is the daemons' {@link Agreement}. For one thread.
 */
final class RecordedInstance {
  private final InstanceDirectory directory;
  private InstanceDescription description;

  /**
   * An instance that has been read.
   *
   * @param directory lists the instance
   */
  RecordedInstance(InstanceDirectory directory, InstanceDescription description) {
    this.directory = directory;
    this.description = description;
  }

  InstanceDescription description() {
    return description;
  }

  /**
   * Changes the record, whoever else changes it meanwhile.
   *
   * @param change makes the new record of the present one; may be called several times
   * @throws FsException NOT_FOUND if the instance is not recorded any more
   */
  void update(UnaryOperator<InstanceDescription> change) throws FsException {
    description = directory.update(description, change);
  }

  /**
   * Brings the record in line with the agreed state: see {@link Reconciliation}.
   *
   * @throws FsException NOT_FOUND if the instance is not recorded any more
   */
  void reconcile(Agreement agreement) throws FsException {
    description =
        Reconciliation.reconcile(
            directory, description, agreement.connection(), agreement.state().map());
  }
}
