package io.adhocfs.fuse;

import io.adhocfs.fuse.InodeFileSystem.Reply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs calls of the client on behalf of the programs that made the requests, and answers each
 * request with the outcome, on the thread that brings it. An interrupt of the program cancels the
 * call. Failures that a program cannot explain are logged too. Thread-safe; no method waits for a
 * call.
 */
final class Answers {
  private static final Logger log = LoggerFactory.getLogger(Answers.class);

  private final Callers callers;
  private final FailureLog failures;

  Answers(Callers callers, FailureLog failures) {
    this.callers = callers;
    this.failures = failures;
  }

  /** Starts an operation of the client. */
  @FunctionalInterface
  interface Call<T> {
    CompletableFuture<T> start() throws FsException;
  }

  /**
   * Starts an operation and answers with its outcome; an interrupt of the program cancels the
   * operation.
   *
   * @param call starts the operation; an exception that it throws is answered too
   */
  <T> void answer(Request request, Reply reply, Call<T> call, Consumer<? super T> success) {
    answer(request, reply, call, success, failure -> refuse(reply, failure));
  }

  /**
   * As {@link #answer(Request, Reply, Call, Consumer)}, with an answer of its own for failures.
   *
   * @param refusal answers a failure
   */
  <T> void answer(
      Request request,
      Reply reply,
      Call<T> call,
      Consumer<? super T> success,
      Consumer<FsException> refusal) {
    callers.run(request.caller(), () -> start(request, reply, call, success, refusal));
  }

  /**
   * As {@link #answer(Request, Reply, Call, Consumer)}, for a request that a program makes while it
   * closes a file.
   */
  <T> void answerClosing(Request request, Reply reply, Call<T> call, Consumer<? super T> success) {
    callers.runClosing(
        request.caller(),
        () -> start(request, reply, call, success, failure -> refuse(reply, failure)));
  }

  private <T> void start(
      Request request,
      Reply reply,
      Call<T> call,
      Consumer<? super T> success,
      Consumer<FsException> refusal) {
    CompletableFuture<T> future;
    try {
      future = call.start();
    } catch (FsException e) {
      refusal.accept(e);
      return;
    } catch (RuntimeException e) {
      refuse(reply, defect(e));
      return;
    }
    CompletableFuture<Boolean> _ =
        future.handle((value, failure) -> {
          if (failure != null) {
            refusal.accept(failureOf(failure));
            return false;
          }
          try {
            success.accept(value);
          } catch (RuntimeException e) {
            refuse(reply, defect(e));
          }
          return true;
        });
    if (!future.isDone()) {
      request.onInterrupt(() -> future.cancel(true));
    }
  }

  /** Answers a failure, and logs it if its error number says too little about it. */
  void refuse(Reply reply, FsException failure) {
    switch (failure.error()) {
      case TIMED_OUT, CORRUPT, STORAGE_FAILED, REFUSED, SESSION_EXPIRED, INTERNAL, BAD_MESSAGE ->
          failures.warn(failure);
      default -> {}
    }
    reply.error(failure.error());
  }

  /** The failure to answer when a future has failed; logs what can only be a defect. */
  static FsException failureOf(Throwable failure) {
    Throwable cause = FsException.unwrapped(failure);
    return switch (cause) {
      case FsException answer -> answer;
      case CancellationException e -> new FsException(FsError.INTERRUPTED, "interrupted", e);
      default -> defect(cause);
    };
  }

  private static FsException defect(Throwable cause) {
    log.error("a defect in the mount", cause);
    return new FsException(FsError.INTERNAL, "a defect in the mount: " + cause, cause);
  }
}
