package io.adhocfs.fuse.switches;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BackgroundWalksTest {
  private final BlockingQueue<String> begun = new LinkedBlockingQueue<>();
  private final Semaphore mayEnd = new Semaphore(0);
  private final BackgroundWalks walks = new BackgroundWalks(this::walk);

  private void walk(Dataset dataset) throws FsException {
    begun.add(dataset.path());
    try {
      mayEnd.acquire();
    } catch (InterruptedException e) {
      begun.add("interrupted");
      throw new FsException(FsError.INTERRUPTED, "interrupted", e);
    }
    if (dataset.path().equals("/fails")) {
      throw new FsException(FsError.UNREACHABLE, "no node answers");
    }
  }

  @AfterEach
  void close() {
    walks.close();
  }

  private static Dataset dataset(int id, String path, boolean complete) {
    return new Dataset(id, new InodeId(id + 1), path, 0, complete);
  }

  private @Nullable String next() throws InterruptedException {
    return begun.poll(30, TimeUnit.SECONDS);
  }

  /** Starts walks until one begins: the one before may just be ending. */
  private String begunAgain(Dataset dataset) throws InterruptedException {
    String path = null;
    while (path == null) {
      walks.start(dataset);
      path = begun.poll(1, TimeUnit.MILLISECONDS);
    }
    return path;
  }

  @Test
  void aDatasetIsWalkedOnceAtATimeAndOthersMeanwhile() throws Exception {
    Dataset out = dataset(1, "/out", false);
    for (int i = 0; i < 10; i++) {
      walks.start(out);
    }
    walks.start(dataset(2, "/done", true));
    assertThat(next()).isEqualTo("/out");
    walks.start(dataset(3, "/other", false));
    assertThat(next()).isEqualTo("/other");
    assertThat(begun).isEmpty();
    mayEnd.release(2);
    // Not complete, so it may be that something is missing.
    assertThat(begunAgain(out)).isEqualTo("/out");
  }

  @Test
  void aWalkThatHasFailedMayBeginAgain() throws Exception {
    Dataset fails = dataset(1, "/fails", false);
    walks.start(fails);
    assertThat(next()).isEqualTo("/fails");
    mayEnd.release();
    assertThat(begunAgain(fails)).isEqualTo("/fails");
  }

  @Test
  void closingEndsWhatIsUnderWay() throws Exception {
    walks.start(dataset(1, "/out", false));
    assertThat(next()).isEqualTo("/out");
    walks.close();
    assertThat(next()).isEqualTo("interrupted");
  }
}
