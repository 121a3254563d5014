package io.adhocfs.client;

import io.adhocfs.client.retry.Timers;
import io.adhocfs.client.routing.ConnectionSource;
import io.adhocfs.protocol.model.SessionId;
import java.time.InstantSource;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/**
 * What a client runs on, for those who bring their own: a process that is daemon and client in one,
 * and simulations. Belongs to whoever made it and outlives the client.
 *
 * @param connections makes those of each session of the client
 * @param sessionIds gives ids that no session has or had
 * @param timers clock of deadlines and waits
 * @param wallClock the times that files get
 * @param random spreads retries; thread-safe
 * @param waiting runs the reading of the instance's description; must not be a network thread
 */
public record Surroundings(
    ConnectionSource connections,
    Supplier<SessionId> sessionIds,
    Timers timers,
    InstantSource wallClock,
    RandomGenerator random,
    Executor waiting) {}
