package io.adhocfs.malleability;

import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.List;
import java.util.function.Consumer;

/**
 * Changes the nodes of one instance while programs use it: the interface for an outside controller
 * such as a batch system. The commands expand, shrink, relocate and rebalance are built on this
 * class.
 *
 * <p>The daemons do the work and remember it: a started change goes on when this object is closed
 * or its process dies, and whoever opens the instance next sees the progress. The daemons agree on
 * one change at a time; several controllers may work on one instance, and all but one get BUSY. An
 * object is for one thread at a time.
 *
 * <p>Unless said otherwise, methods throw {@link FsException} with UNREACHABLE if no node answers,
 * and block for up to half a minute while the daemons elect a leader.
 */
public final class Malleability implements AutoCloseable {
  /** The reason of a pause that a controller has asked for. */
  public static final String PAUSED_ON_REQUEST = "by command";

  private final Agreement agreement;
  private final RecordedInstance recorded;
  private final ChangePlanner planner;
  private final ChangeStart changeStart;
  private final LostNodes lostNodes;
  private final DepartedNodes departed;
  private final RunningRebalance rebalance;

  private Malleability(Agreement agreement, RecordedInstance recorded, NodeControl control) {
    this.agreement = agreement;
    this.recorded = recorded;
    var answering = new AnsweringNodes(agreement);
    this.departed = new DepartedNodes(agreement, recorded, control, answering);
    this.planner = new ChangePlanner(agreement, recorded);
    var newNodes = new NewNodes(agreement, recorded, control, departed);
    this.changeStart = new ChangeStart(agreement, planner, newNodes, departed, answering);
    this.lostNodes = new LostNodes(agreement, departed, answering);
    this.rebalance = new RunningRebalance(agreement, answering);
  }

  /**
   * Reads the agreed state of an instance, and brings the recorded instance up to date.
   *
   * @param directory lists the instance
   * @throws FsException NOT_FOUND if there is no such instance
   */
  public static Malleability open(InstanceDirectory directory, String name, NodeControl control)
      throws FsException {
    var recorded = new RecordedInstance(directory, directory.read(name));
    Agreement agreement = Agreement.open(recorded.description().instance());
    boolean opened = false;
    try {
      recorded.reconcile(agreement);
      var malleability = new Malleability(agreement, recorded, control);
      opened = true;
      return malleability;
    } finally {
      if (!opened) {
        agreement.close();
      }
    }
  }

  /**
   * The agreed state, as of the last time that a daemon was asked: map, running and last rebalance.
   */
  public ControlState state() {
    return agreement.state();
  }

  /** Reads the agreed state again. */
  public ControlState refresh() throws FsException {
    return agreement.refresh();
  }

  /** The instance as recorded. */
  public InstanceDescription description() {
    return recorded.description();
  }

  /** The nodes that are part of the instance, joining and leaving nodes included. */
  public List<ClusterMap.Node> nodes() {
    return agreement.nodes();
  }

  /**
   * What a change would move; nothing is changed.
   *
   * @throws FsException NO_SPACE if a node would get more than it has room for; INVALID if the
   *     instance does not have a named node, or no node would be left
   */
  public ResizePlan plan(Change change) throws FsException {
    return planner.plan(change);
  }

  /**
   * Starts the daemons of new nodes and has all daemons move the slots that the change needs;
   * returns when the rebalance has begun. The moves are planned from where slots are at that time.
   *
   * @param bytesPerSecond the most that each node may send; 0 = no bound
   * @param supersede whether the change replaces a running change; slots already moved are not
   *     moved back first
   * @return the id of the rebalance, for {@link #await}, and the plan
   * @throws FsException as {@link #plan}, with nothing changed; BUSY if another change is running
   *     or came first; what {@link NodeControl} throws, with all new nodes removed again
   */
  public Started start(Change change, long bytesPerSecond, boolean supersede) throws FsException {
    return changeStart.start(change, bytesPerSecond, supersede);
  }

  /**
   * Goes on without nodes that are lost with their disks: their slots pass, empty, to the other
   * nodes, and none of their data comes back. A running rebalance ends. Afterwards the caller has
   * to search for the missing data, and then to call {@link #searched}.
   *
   * @param force whether the remaining nodes may decide alone if most voters do not answer:
   *     anything that the silent voters had agreed on, and the remaining nodes have not heard of,
   *     is then void
   * @return the nodes that own slots now; nodes that were given up before are not given up again
   * @throws FsException INVALID for a node that answers or never existed, if no node would be left,
   *     or if force is not needed; UNREACHABLE if most voters do not answer
   */
  public List<NodeId> lose(List<NodeId> nodes, boolean force) throws FsException {
    return lostNodes.lose(nodes, force);
  }

  /**
   * Tells the instance that the missing chunks of all losses up to now have been recorded.
   *
   * @param losses how many there were when the search began
   */
  public void searched(int losses) throws FsException {
    lostNodes.searched(losses);
  }

  /**
   * The silent nodes that a running rebalance waits for: nodes that own slots which are to move,
   * nodes that are to get slots, and voters. A sentence for each, without its subject, says what to
   * do.
   */
  public List<String> awaited() {
    return rebalance.awaited();
  }

  /**
   * The rebalance that {@link #start} has begun.
   *
   * @param id of the rebalance
   */
  public record Started(long id, ResizePlan plan) {}

  /** Stops the sending of slots until {@link #resume}. NOT_FOUND if no rebalance is running. */
  public void pause() throws FsException {
    rebalance.pause();
  }

  /** Goes on after a pause. NOT_FOUND if no rebalance is running. */
  public void resume() throws FsException {
    rebalance.resume();
  }

  /**
   * Moves back the slots that have moved; new nodes leave. NOT_FOUND if no rebalance is running.
   */
  public void cancel() throws FsException {
    rebalance.cancel();
  }

  /**
   * Changes how much each node may send in a second. NOT_FOUND if no rebalance is running.
   *
   * @param bytesPerSecond 0 = no bound
   */
  public void limit(long bytesPerSecond) throws FsException {
    rebalance.limit(bytesPerSecond);
  }

  /**
   * Waits until a rebalance, or the rebalance that cancels it, is over. Leaving nodes end a little
   * later: see {@link #awaitEnds}.
   *
   * @param progress told the progress ten times a second, in this thread
   * @param stalled told every few seconds, while nothing moves, which nodes the rebalance waits
   *     for, as {@link #awaited} does; in this thread
   * @return the finished rebalance, or the finished one that has replaced it
   * @throws FsException NO_SPACE if the daemons have paused the rebalance, with the reason;
   *     INTERRUPTED
   */
  public FinishedRebalance await(
      long id, Consumer<Rebalance> progress, Consumer<List<String>> stalled) throws FsException {
    return rebalance.await(id, progress, stalled);
  }

  /** As {@link #await(long, Consumer, Consumer)}, without reports of silent nodes. */
  public FinishedRebalance await(long id, Consumer<Rebalance> progress) throws FsException {
    return await(id, progress, sentences -> {});
  }

  /**
   * Waits until nodes that have left have ended, which they do by themselves, and removes what they
   * left.
   *
   * @return what could not be removed and why, a sentence each
   */
  public List<String> awaitEnds() throws FsException {
    return departed.awaitEnds();
  }

  /** Closes the connections; a started change goes on. */
  @Override
  public void close() {
    agreement.close();
  }
}
