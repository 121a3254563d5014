package io.adhocfs.malleability;

import io.adhocfs.malleability.verify.LostSearch.LostFile;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.instance.InstanceDescription;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.placement.ClusterMap;
import java.util.List;
import java.util.function.Consumer;

/**
 * Changes the nodes of one instance while programs use it. The commands expand, shrink, relocate
 * and rebalance are built on this class.
 *
 * <p>The daemons do the work and remember it: a started change goes on when the controller is
 * closed or its process dies, and whoever opens the instance next sees the progress. The daemons
 * agree on one change at a time; several controllers may work on one instance, and all but one get
 * BUSY. Threads and errors are those of the {@link Controller}.
 */
public final class NodeChanges {
  /** The reason of a pause that a controller has asked for. */
  public static final String PAUSED_ON_REQUEST = "by command";

  private final Agreement agreement;
  private final RecordedInstance recorded;
  private final ChangePlanner planner;
  private final ChangeStart changeStart;
  private final LostNodes lostNodes;
  private final DepartedNodes departed;
  private final RunningRebalance rebalance;

  NodeChanges(Agreement agreement, RecordedInstance recorded, NodeLauncher launcher) {
    this.agreement = agreement;
    this.recorded = recorded;
    var answering = new AnsweringNodes(agreement);
    this.departed = new DepartedNodes(agreement, recorded, launcher, answering);
    this.planner = new ChangePlanner(agreement, recorded);
    var newNodes = new NewNodes(agreement, recorded, launcher, departed);
    this.changeStart = new ChangeStart(agreement, planner, newNodes, departed, answering);
    this.lostNodes = new LostNodes(agreement, departed, answering);
    this.rebalance = new RunningRebalance(agreement, answering);
  }

  /** The instance as recorded. */
  public InstanceDescription description() {
    return recorded.description();
  }

  /** The nodes that are part of the instance, joining and leaving nodes included. */
  public List<ClusterMap.Node> present() {
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
   *     or came first; what {@link NodeLauncher} throws, with all new nodes removed again
   */
  public Started start(Change change, long bytesPerSecond, boolean supersede) throws FsException {
    return changeStart.start(change, bytesPerSecond, supersede);
  }

  /**
   * Goes on without nodes that are lost with their disks: their slots pass, empty, to the other
   * nodes, and none of their data comes back. A running rebalance ends. Afterwards the caller has
   * to {@linkplain #searchLost search} for the missing data.
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
   * Searches all remaining nodes for what files have lost with nodes, in all losses up to now,
   * records it at the nodes, and tells the instance that the search is over: until then, programs
   * that touch data which may be missing wait. May be repeated.
   *
   * @return the files that have lost chunks, by inode
   * @throws FsException if a node does not answer; the search must then be repeated
   */
  public List<LostFile> searchLost() throws FsException {
    return lostNodes.search();
  }

  /**
   * The silent nodes that a running rebalance waits for: nodes that own slots which are to move,
   * nodes that are to get slots, and voters. A sentence for each, without its subject, says what to
   * do.
   *
   * @throws FsException INTERRUPTED
   */
  public List<String> awaited() throws FsException {
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
   * left. Waits a minute at most.
   *
   * @return what could not be removed and why, a sentence each
   * @throws FsException INTERRUPTED, with nothing removed
   */
  public List<String> awaitEnds() throws FsException {
    return departed.awaitEnds();
  }
}
