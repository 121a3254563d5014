/**
 * What a daemon tells of itself: figures about operations, stores and the process, for its status
 * and for the endpoint that Prometheus asks.
 *
 * <p>Must never change what it counts, and must cost a request no more than adding to counters.
 */
@NullMarked
package io.adhocfs.daemon.metrics;

import org.jspecify.annotations.NullMarked;
