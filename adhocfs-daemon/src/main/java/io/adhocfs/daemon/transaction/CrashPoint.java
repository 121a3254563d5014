package io.adhocfs.daemon.transaction;

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
  STAGING_AFTER_ENTRIES
}
