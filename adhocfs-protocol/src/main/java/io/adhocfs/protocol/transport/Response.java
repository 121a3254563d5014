package io.adhocfs.protocol.transport;

import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBuf;

/**
 * An answer: its message, its payload and the epoch of the daemon that gave it. Whoever takes it
 * owns the payload and releases it.
 *
 * @param payload direct and contiguous; empty where the message has none
 */
public record Response(Reply reply, ByteBuf payload, Epoch epoch) {}
