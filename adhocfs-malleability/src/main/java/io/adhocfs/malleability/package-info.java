/**
 * Steers an instance while it is in use, through one {@link io.adhocfs.malleability.Controller}:
 * changes the set of nodes (expand, shrink and relocate, each a plan, a migration and a commit),
 * sets limits and switches, reads figures.
 *
 * <p>It must never move bytes itself, and never leave a change half committed: a started change
 * either takes effect as a whole or is undone.
 */
@NullMarked
package io.adhocfs.malleability;

import org.jspecify.annotations.NullMarked;
