/**
 * What the control plane replicates: the cluster map, the rebalance that is under way and the
 * voters, the commands that change them, and how each changes them.
 *
 * <p>Must never know how commands travel or are agreed on, and never read a clock: what a command
 * needs of the world it carries, so that every replica comes to the same state.
 */
@NullMarked
package io.adhocfs.protocol.control;

import org.jspecify.annotations.NullMarked;
