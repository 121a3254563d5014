package io.adhocfs.daemon.metadata;

import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;

/**
 * What the work of a daemon on metadata runs on.
 *
 * @param blocking runs what waits for a disk: a few at a time, never on the metadata thread
 * @param syncing runs what transactions wait for, so nothing that takes long
 * @param random for pauses
 */
public record Workers(
    MetadataThread metadataThread, Executor blocking, Executor syncing, RandomGenerator random) {}
