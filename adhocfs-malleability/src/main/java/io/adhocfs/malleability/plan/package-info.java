/**
 * Who should own which slot: pure functions from who owns what, and which nodes are wanted.
 *
 * <p>Must never ask a daemon anything.
 */
@NullMarked
package io.adhocfs.malleability.plan;

import org.jspecify.annotations.NullMarked;
