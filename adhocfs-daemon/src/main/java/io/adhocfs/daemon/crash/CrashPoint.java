package io.adhocfs.daemon.crash;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** Moments at which a death is worth testing. */
public enum CrashPoint {
  COORDINATOR_BEFORE_PREPARE(Group.COORDINATOR),
  COORDINATOR_AFTER_PREPARE(Group.COORDINATOR),
  COORDINATOR_BEFORE_DECISION(Group.COORDINATOR),
  COORDINATOR_AFTER_DECISION(Group.COORDINATOR),
  COORDINATOR_BEFORE_DECIDE(Group.COORDINATOR),
  COORDINATOR_AFTER_DECIDE(Group.COORDINATOR),
  COORDINATOR_BEFORE_FORGET(Group.COORDINATOR),
  PARTICIPANT_BEFORE_PREPARED(Group.PARTICIPANT),
  PARTICIPANT_AFTER_PREPARED(Group.PARTICIPANT),
  PARTICIPANT_BEFORE_APPLY(Group.PARTICIPANT),
  PARTICIPANT_AFTER_APPLY(Group.PARTICIPANT),
  /** An operation of one node is written and not yet answered. */
  LOCAL_AFTER_COMMIT(Group.LOCAL),
  CUT_AFTER_RECORD(Group.CUT),
  CUT_AFTER_DISCARD(Group.CUT),
  INLINE_AFTER_RECORD(Group.INLINE),
  INLINE_AFTER_WRITE(Group.INLINE),
  RECLAIM_AFTER_RECORD(Group.RECLAIM),
  RECLAIM_AFTER_DISCARD(Group.RECLAIM),
  /** At a directory's home: its partitions wait for their entries. */
  SPREAD_AFTER_BEGIN(Group.SPREADING),
  /** At a directory's home: the partitions have their entries. */
  SPREAD_AFTER_ENTRIES(Group.SPREADING),
  /** At a partition's owner: it waits for entries. */
  STAGING_AFTER_BEGIN(Group.SPREADING),
  /** At a partition's owner: it has some entries. */
  STAGING_AFTER_ENTRIES(Group.SPREADING),

  /** A node that has left marks its directory before it removes it. */
  REMOVAL_AFTER_MARK(Group.REMOVAL),
  /** Of the directory of a node that has left, the mark alone is there. */
  REMOVAL_BEFORE_END(Group.REMOVAL),

  /** The target of a batch of slots waits for them. */
  MIGRATION_SOURCE_AFTER_BEGIN(Group.MIGRATION_SOURCE),
  /** All records of one of the slots have been read and sent, or will be at once. */
  MIGRATION_SOURCE_IN_FIRST_PASS(Group.MIGRATION_SOURCE),
  /** The target has on disk what the slots held. */
  MIGRATION_SOURCE_AFTER_FIRST_PASS(Group.MIGRATION_SOURCE),
  /** The target has what had changed since. */
  MIGRATION_SOURCE_IN_CATCH_UP(Group.MIGRATION_SOURCE),
  /** Nothing of the slots changes any more. */
  MIGRATION_SOURCE_AFTER_HOLD(Group.MIGRATION_SOURCE),
  /** The target has everything; the move is not proposed. */
  MIGRATION_SOURCE_AFTER_FINISH(Group.MIGRATION_SOURCE),
  /** The move is agreed on, which the source has just heard; it still acts as the owner. */
  MIGRATION_SOURCE_BEFORE_LETTING_GO(Group.MIGRATION_SOURCE),
  /** The source has answered those that waited, with the new owner. */
  MIGRATION_SOURCE_AFTER_MOVE(Group.MIGRATION_SOURCE),
  /** One of the slots that have gone is about to be dropped. */
  MIGRATION_SOURCE_WHILE_DROPPING(Group.MIGRATION_SOURCE),
  /** What was left of the slots is dropped; they may come. */
  MIGRATION_TARGET_AFTER_BEGIN(Group.MIGRATION_TARGET),
  MIGRATION_TARGET_AFTER_RECORDS(Group.MIGRATION_TARGET),
  MIGRATION_TARGET_AFTER_CHUNK(Group.MIGRATION_TARGET),
  /** What has come is on disk, which is not answered yet. */
  MIGRATION_TARGET_AFTER_SYNC(Group.MIGRATION_TARGET),
  /** Everything is on disk, which is not answered yet. */
  MIGRATION_TARGET_AFTER_FINISH(Group.MIGRATION_TARGET),
  /** The move is known, and what is under way in the slots is not taken up yet. */
  MIGRATION_TARGET_BEFORE_TAKE_UP(Group.MIGRATION_TARGET),
  MIGRATION_TARGET_AFTER_TAKE_UP(Group.MIGRATION_TARGET),
  /** Who leads the control plane has been asked for a move. */
  MIGRATION_LEADER_BEFORE_APPEND(Group.MIGRATION_LEADER),
  /** The move is agreed on; nobody has been answered. */
  MIGRATION_LEADER_AFTER_APPEND(Group.MIGRATION_LEADER),
  /** One that voted has learnt that others vote now. */
  MIGRATION_VOTER_AFTER_REPLACED(Group.MIGRATION_VOTER),
  /** What it learnt is on its disk, and so is the log that says nothing further. */
  MIGRATION_VOTER_BEFORE_FORGET(Group.MIGRATION_VOTER),
  /** Who leads the new voters has not begun their log. */
  MIGRATION_VOTER_BEFORE_FOUND(Group.MIGRATION_VOTER);

  /** What a death interrupts. */
  public enum Area {
    /** Operations of clients, and what follows from them. */
    OPERATIONS,
    /** A node removes what it has stored. */
    REMOVAL,
    /** Slots are handed over, and others agree on it. */
    MIGRATION
  }

  /** Whose step of it, or which one. */
  public enum Group {
    /** Of a transaction. */
    COORDINATOR(Area.OPERATIONS),
    /** Of a transaction. */
    PARTICIPANT(Area.OPERATIONS),
    /** One batch at one node. */
    LOCAL(Area.OPERATIONS),
    CUT(Area.OPERATIONS),
    /** A file leaves inline form. */
    INLINE(Area.OPERATIONS),
    RECLAIM(Area.OPERATIONS),
    /** Of a directory, at its home and at the owners of its partitions. */
    SPREADING(Area.OPERATIONS),
    REMOVAL(Area.REMOVAL),
    MIGRATION_SOURCE(Area.MIGRATION),
    MIGRATION_TARGET(Area.MIGRATION),
    /** Of the control plane. */
    MIGRATION_LEADER(Area.MIGRATION),
    /** All who vote are replaced. */
    MIGRATION_VOTER(Area.MIGRATION);

    private final Area area;

    Group(Area area) {
      this.area = area;
    }
  }

  private final Group group;

  CrashPoint(Group group) {
    this.group = group;
  }

  public Group group() {
    return group;
  }

  /** The points of an area, in their order. */
  public static Set<CrashPoint> of(Area area) {
    return those(point -> point.group.area == area);
  }

  /** The points of a group, in their order. */
  public static Set<CrashPoint> of(Group group) {
    return those(point -> point.group == group);
  }

  private static Set<CrashPoint> those(Predicate<CrashPoint> wanted) {
    return Arrays.stream(values())
        .filter(wanted)
        .collect(Collectors.toCollection(() -> EnumSet.noneOf(CrashPoint.class)));
  }
}
