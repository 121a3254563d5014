package io.adhocfs.malleability;

import io.adhocfs.client.admin.AdminConnection;
import io.adhocfs.malleability.verify.Verification;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.instance.Instance;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import org.jspecify.annotations.Nullable;

/**
 * Steers one running instance: changes its nodes, sets limits and switches, reads its figures, and
 * verifies it. This is the interface for an outside controller such as a batch system; the commands
 * of adhocfs use it too.
 *
 * <p>A controller has one connection to the nodes, and hands out an object for each subject. The
 * objects share the connection and the agreed state, and are of no use once the controller is
 * closed. The daemons do the work and remember it: what has been started or set stays when the
 * controller is closed or its process dies. Several controllers may steer one instance.
 *
 * <p>The agreed state is read when the first subject needs it, and again after each change and by
 * {@link #refresh}; methods that return without asking the nodes tell what was read last. For one
 * thread at a time.
 *
 * <p>Unless said otherwise, methods here and of the subjects throw {@link FsException} with
 * UNREACHABLE if no node answers, and block for up to half a minute while the daemons elect a
 * leader.
 */
public final class Controller implements AutoCloseable {
  private final Instance instance;
  private final AdminConnection connection;

  /** Null until a subject needs it. */
  private @Nullable Agreement agreement;

  private Controller(Instance instance, AdminConnection connection) {
    this.instance = instance;
    this.connection = connection;
  }

  /**
   * Opens the connection; asks no node yet.
   *
   * @throws FsException NOT_FOUND if the instance never came up
   */
  public static Controller open(Instance instance) throws FsException {
    return new Controller(instance, AdminConnection.open(instance));
  }

  /**
   * The nodes, to be added, removed and replaced. Brings the recorded instance up to date.
   *
   * @param directory records the instance
   * @param launcher starts and removes daemons
   * @throws FsException NOT_FOUND if the instance is not recorded there
   */
  public NodeChanges nodes(InstanceDirectory directory, NodeLauncher launcher) throws FsException {
    var recorded = new RecordedInstance(directory, directory.read(instance.name()));
    Agreement agreed = agreement();
    recorded.reconcile(agreed);
    return new NodeChanges(agreed, recorded, launcher);
  }

  /** The limits of traffic. */
  public Limits limits() throws FsException {
    return new Limits(agreement());
  }

  /** The switches, of the whole instance and of directories. */
  public InstanceSwitches switches() throws FsException {
    return new InstanceSwitches(instance.settings(), agreement());
  }

  /** The directories that can have limits and switches of their own. */
  public Datasets datasets() throws FsException {
    return new Datasets(instance, agreement());
  }

  /** What the instance has done for each job. */
  public JobFigures figures() throws FsException {
    return new JobFigures(agreement());
  }

  /** Compares and repairs what the nodes store. Asks no node yet. */
  public Verification verification() throws FsException {
    return new Verification(
        instance,
        connection,
        agreement == null ? AdminConnection.knownMap(instance) : agreement.state().map());
  }

  /** What the nodes have agreed on: map, running and last rebalance, limits, switches. */
  public ControlState state() throws FsException {
    return agreement().state();
  }

  /** Reads the agreed state again. */
  public ControlState refresh() throws FsException {
    return agreement().refresh();
  }

  private Agreement agreement() throws FsException {
    Agreement agreed = agreement;
    if (agreed == null) {
      agreed = Agreement.read(instance, connection);
      agreement = agreed;
    }
    return agreed;
  }

  /** Closes the connection; what has been started or set stays. */
  @Override
  public void close() {
    connection.close();
  }
}
