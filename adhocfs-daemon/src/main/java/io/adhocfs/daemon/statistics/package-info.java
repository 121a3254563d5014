/**
 * Counts what is done for each job and user, by the kinds of operations that they think in.
 *
 * <p>It must never hold a request up: counting is adding to counters that are there already.
 */
@NullMarked
package io.adhocfs.daemon.statistics;

import org.jspecify.annotations.NullMarked;
