package io.adhocfs.client.routing;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.Reply;
import java.util.concurrent.CompletionException;

/** Takes responses apart, releasing their payload; an answer of another kind is a defect. */
public final class Answers {
  private Answers() {}

  /** The reply of a response whose payload is of no interest. */
  public static Reply reply(Response response) {
    response.payload().release();
    return response.reply();
  }

  /** The attributes that a response consists of. */
  public static FileAttributes attributes(Response response) {
    Reply reply = reply(response);
    return switch (reply) {
      case Reply.Attributes answer -> answer.attributes();
      case Reply.Inline answer -> answer.attributes();
      case Reply.Created answer when answer.attributes() != null -> answer.attributes();
      case Reply.Entry answer when answer.attributes() != null -> answer.attributes();
      default -> throw unexpected(reply);
    };
  }

  /** That a daemon answered something else than was asked; to be thrown inside a completion. */
  public static CompletionException unexpected(Reply reply) {
    return new CompletionException(
        new FsException(FsError.INTERNAL, "a daemon answered " + reply.type()));
  }
}
