package io.adhocfs.daemon.session;

import io.adhocfs.protocol.fuzz.Format;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.wire.Reply;
import io.adhocfs.protocol.wire.Samples;
import io.netty.buffer.Unpooled;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;

/** The format of stored replies, for {@code RecordsFuzzTest}. */
public final class SessionFormats {
  private static final List<Class<?>> REPLIES =
      Samples.messageRecords().stream().filter(Reply.class::isAssignableFrom).toList();

  private SessionFormats() {}

  public static List<Format<?>> all() {
    return List.of(
        new Format<>(
            "a stored reply",
            SessionFormats::reply,
            reply -> StoredReply.encode(reply, Unpooled.buffer()),
            StoredReply::decode,
            EnumSet.of(FsError.CORRUPT),
            false));
  }

  private static Reply reply(Random random) {
    return (Reply)
        new Samples(random.nextLong()).message(REPLIES.get(random.nextInt(REPLIES.size())));
  }
}
