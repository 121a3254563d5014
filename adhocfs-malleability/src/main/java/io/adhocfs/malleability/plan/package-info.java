/**
 * Which node should own which slot: pure functions of the present owners and the wanted nodes.
 *
 * <p>It must never ask a daemon anything.
 */
@NullMarked
package io.adhocfs.malleability.plan;

import org.jspecify.annotations.NullMarked;
