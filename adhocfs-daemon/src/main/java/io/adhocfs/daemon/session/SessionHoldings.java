package io.adhocfs.daemon.session;

import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.SessionId;

/** Something besides pins and replies that goes with its session. Metadata thread only. */
public interface SessionHoldings {
  /** Whether a session holds anything of it. */
  boolean holdsAnything(SessionId session);

  /**
   * Puts the release of some of it into a batch, and sees to it that the session, which has ended,
   * gets nothing more.
   *
   * @param max of how many things
   */
  void release(SessionId session, int max, Batch batch) throws FsException;

  /** Nothing. */
  SessionHoldings NONE =
      new SessionHoldings() {
        @Override
        public boolean holdsAnything(SessionId session) {
          return false;
        }

        @Override
        public void release(SessionId session, int max, Batch batch) {}
      };
}
