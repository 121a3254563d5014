package io.adhocfs.fuse.jnr;

import io.adhocfs.fuse.Caller;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.InodeFileSystem.OpenMode;
import io.adhocfs.fuse.InodeFileSystem.Statistics;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A request whose answer a thread of libfuse waits for. Takes the first answer; an answer after the
 * deadline is dropped. An interruption of the program is not seen here: the action for an
 * interruption runs when the deadline has passed.
 */
final class Answer
    implements InodeFileSystem.Request,
        InodeFileSystem.DoneReply,
        InodeFileSystem.AttributesReply,
        InodeFileSystem.OpenReply,
        InodeFileSystem.CreateReply,
        InodeFileSystem.DataReply,
        InodeFileSystem.WriteReply,
        InodeFileSystem.LinkReply,
        InodeFileSystem.StatisticsReply {

  /** The answer of open, and of create, which has attributes too. */
  record Opened(@Nullable FileAttributes attributes, long handle, OpenMode mode) {}

  /** In place of a value, for answers without one. */
  private static final Object DONE = new Object();

  private final Caller caller;
  private final Duration timeout;
  private final CompletableFuture<Object> result = new CompletableFuture<>();
  private volatile @Nullable Runnable interruptAction;

  Answer(Caller caller, Duration timeout) {
    this.caller = caller;
    this.timeout = timeout;
  }

  @Override
  public Caller caller() {
    return caller;
  }

  @Override
  public void onInterrupt(Runnable action) {
    interruptAction = action;
  }

  @Override
  public void error(FsError error) {
    result.complete(error);
  }

  @Override
  public void done() {
    result.complete(DONE);
  }

  @Override
  public void attributes(FileAttributes attributes) {
    result.complete(attributes);
  }

  @Override
  public void opened(long handle, OpenMode mode, FileAttributes attributes) {
    result.complete(new Opened(null, handle, mode));
  }

  @Override
  public void created(FileAttributes attributes, long handle, OpenMode mode) {
    result.complete(new Opened(attributes, handle, mode));
  }

  @Override
  public void data(ByteBuf data) {
    if (!result.complete(data)) {
      data.release();
    }
  }

  @Override
  public void written(int lengthBytes) {
    result.complete(lengthBytes);
  }

  @Override
  public void target(byte[] target) {
    result.complete(target);
  }

  @Override
  public void statistics(Statistics statistics) {
    result.complete(statistics);
  }

  /** Waits for success; the answer has no value. */
  void await() throws FsException {
    await(Object.class);
  }

  /** Waits for the answer, which is of this kind; throws the error if that was the answer. */
  <T> T await(Class<T> kind) throws FsException {
    Object answer;
    try {
      answer = result.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException late) {
      answer = answerOfDeadline();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      answer = FsError.INTERRUPTED;
    } catch (ExecutionException impossible) {
      throw new IllegalStateException(impossible);
    }
    if (answer instanceof FsError error) {
      throw new FsException(error, "answered by the file system");
    }
    return kind.cast(answer);
  }

  private Object answerOfDeadline() {
    result.complete(FsError.TIMED_OUT);
    Runnable action = interruptAction;
    if (action != null) {
      action.run();
    }
    return result.join();
  }
}
