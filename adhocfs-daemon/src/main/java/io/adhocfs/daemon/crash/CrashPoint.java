package io.adhocfs.daemon.crash;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** Moments at which a death is worth testing. */
public enum CrashPoint {
  COORDINATOR_BEFORE_PREPARE,
  COORDINATOR_AFTER_PREPARE,
  COORDINATOR_BEFORE_DECISION,
  COORDINATOR_AFTER_DECISION,
  COORDINATOR_BEFORE_DECIDE,
  COORDINATOR_AFTER_DECIDE,
  COORDINATOR_BEFORE_FORGET,
  PARTICIPANT_BEFORE_PREPARED,
  PARTICIPANT_AFTER_PREPARED,
  PARTICIPANT_BEFORE_APPLY,
  PARTICIPANT_AFTER_APPLY,
  /** An operation of one node is written and not yet answered. */
  LOCAL_AFTER_COMMIT,
  CUT_AFTER_RECORD,
  CUT_AFTER_DISCARD,
  INLINE_AFTER_RECORD,
  INLINE_AFTER_WRITE,
  RECLAIM_AFTER_RECORD,
  RECLAIM_AFTER_DISCARD,
  /** At a directory's home: its partitions wait for their entries. */
  SPREAD_AFTER_BEGIN,
  /** At a directory's home: the partitions have their entries. */
  SPREAD_AFTER_ENTRIES,
  /** At a partition's owner: it waits for entries. */
  STAGING_AFTER_BEGIN,
  /** At a partition's owner: it has some entries. */
  STAGING_AFTER_ENTRIES,

  /** A node that has left marks its directory before it removes it. */
  REMOVAL_AFTER_MARK,
  /** Of the directory of a node that has left, the mark alone is there. */
  REMOVAL_BEFORE_END,

  /** The target of a batch of slots waits for them. */
  MIGRATION_SOURCE_AFTER_BEGIN,
  /** All records of one of the slots have been read and sent, or will be at once. */
  MIGRATION_SOURCE_IN_FIRST_PASS,
  /** The target has on disk what the slots held. */
  MIGRATION_SOURCE_AFTER_FIRST_PASS,
  /** The target has what had changed since. */
  MIGRATION_SOURCE_IN_CATCH_UP,
  /** Nothing of the slots changes any more. */
  MIGRATION_SOURCE_AFTER_HOLD,
  /** The target has everything; the move is not proposed. */
  MIGRATION_SOURCE_AFTER_FINISH,
  /** The move is agreed on, which the source has just heard; it still acts as the owner. */
  MIGRATION_SOURCE_BEFORE_LETTING_GO,
  /** The source has answered those that waited, with the new owner. */
  MIGRATION_SOURCE_AFTER_MOVE,
  /** One of the slots that have gone is about to be dropped. */
  MIGRATION_SOURCE_WHILE_DROPPING,
  /** What was left of the slots is dropped; they may come. */
  MIGRATION_TARGET_AFTER_BEGIN,
  MIGRATION_TARGET_AFTER_RECORDS,
  MIGRATION_TARGET_AFTER_CHUNK,
  /** What has come is on disk, which is not answered yet. */
  MIGRATION_TARGET_AFTER_SYNC,
  /** Everything is on disk, which is not answered yet. */
  MIGRATION_TARGET_AFTER_FINISH,
  /** The move is known, and what is under way in the slots is not taken up yet. */
  MIGRATION_TARGET_BEFORE_TAKE_UP,
  MIGRATION_TARGET_AFTER_TAKE_UP,
  /** Who leads the control plane has been asked for a move. */
  MIGRATION_LEADER_BEFORE_APPEND,
  /** The move is agreed on; nobody has been answered. */
  MIGRATION_LEADER_AFTER_APPEND,
  /** One that voted has learnt that others vote now. */
  MIGRATION_VOTER_AFTER_REPLACED,
  /** What it learnt is on its disk, and so is the log that says nothing further. */
  MIGRATION_VOTER_BEFORE_FORGET,
  /** Who leads the new voters has not begun their log. */
  MIGRATION_VOTER_BEFORE_FOUND;

  private static final Set<CrashPoint> OF_MIGRATION =
      Collections.unmodifiableSet(
          EnumSet.range(MIGRATION_SOURCE_AFTER_BEGIN, MIGRATION_VOTER_BEFORE_FOUND));

  private static final Set<CrashPoint> OF_OPERATIONS =
      Collections.unmodifiableSet(EnumSet.range(COORDINATOR_BEFORE_PREPARE, STAGING_AFTER_ENTRIES));

  /** Those of a node that removes what it has stored. */
  public static Set<CrashPoint> ofRemoval() {
    return EnumSet.of(REMOVAL_AFTER_MARK, REMOVAL_BEFORE_END);
  }

  /** Those of handing slots over, and of who agrees on it. */
  public static Set<CrashPoint> ofMigration() {
    return OF_MIGRATION;
  }

  /** Those of operations of clients, and of what follows from them. */
  public static Set<CrashPoint> ofOperations() {
    return OF_OPERATIONS;
  }
}
