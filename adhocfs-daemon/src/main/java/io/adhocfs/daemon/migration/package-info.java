/**
 * Hands slots over to other nodes and takes slots in, as the rebalance that was agreed on wants it,
 * while both nodes serve.
 *
 * <p>Must never decide who owns a slot: only an agreed move does.
 */
@NullMarked
package io.adhocfs.daemon.migration;

import org.jspecify.annotations.NullMarked;
