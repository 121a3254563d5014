/**
 * Agrees with the other daemons on the cluster map and on the rebalance under way: the voters keep
 * a replicated log of commands, the others follow them.
 *
 * <p>Must never answer a request for files, and must never decide what a command does to the state:
 * that is {@code protocol.control}'s.
 */
@NullMarked
package io.adhocfs.daemon.control;

import org.jspecify.annotations.NullMarked;
