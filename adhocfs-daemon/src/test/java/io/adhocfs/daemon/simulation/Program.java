package io.adhocfs.daemon.simulation;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.protocol.model.FsException;
import java.util.SplittableRandom;

/** Code of a process that does so many steps, and knows what must come of them. */
abstract class Program {
  final ClientProcess process;
  final SplittableRandom random;
  private final int steps;
  private final long pauseNanosMax;
  private int done;
  private boolean over;

  /** What it does at this moment, for people. */
  String doing = "";

  /**
   * @param pauseNanosMax the longest pause after a step; 0 = none
   */
  Program(ClientProcess process, SplittableRandom random, int steps, long pauseNanosMax) {
    this.process = process;
    this.random = random;
    this.steps = steps;
    this.pauseNanosMax = pauseNanosMax;
  }

  /** Whether it has done all that it was to do. */
  final boolean isOver() {
    return over;
  }

  /** How many steps it has begun. */
  final int done() {
    return done;
  }

  @Override
  public final String toString() {
    return "%s of %s at step %d of %d: %s"
        .formatted(getClass().getSimpleName(), process.name(), done, steps, doing);
  }

  /** Begins. */
  final void start() {
    process.begin(() -> {
      try {
        AdhocFileSystem fs = process.fileSystem();
        begin(fs);
        while (done < steps) {
          done++;
          step(fs);
          process.trace(() -> "done: " + this);
          if (pauseNanosMax > 0) {
            process.pause(random.nextLong(pauseNanosMax));
          }
        }
        end();
        over = true;
      } catch (FsException e) {
        throw new AssertionError(this + ": " + e.error() + " " + e.getMessage(), e);
      } catch (AssertionError e) {
        throw new AssertionError(this + ": " + e.getMessage(), e);
      }
    });
  }

  /** Makes what it works on. */
  abstract void begin(AdhocFileSystem fs) throws FsException;

  abstract void step(AdhocFileSystem fs) throws FsException;

  /** Closes what it has open. */
  abstract void end() throws FsException;

  /** Whether all is as it was left, to another process, in code that waits. */
  abstract void requireAll(ClientProcess by) throws FsException;

  static AdhocPath path(String text) throws FsException {
    return AdhocPath.ofText(text);
  }
}
