/**
 * The replicated log of voters on Apache Ratis, over the daemons' own connections.
 *
 * <p>Must never know what an entry means: to it entries and snapshots are bytes.
 */
@NullMarked
package io.adhocfs.daemon.control.raft;

import org.jspecify.annotations.NullMarked;
