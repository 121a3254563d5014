/**
 * Changes the set of nodes while the file system is in use: expand, shrink and relocate, each a
 * plan, a migration and a commit.
 *
 * <p>It must never move bytes itself, and never leave a change half committed: a started change
 * either takes effect as a whole or is undone.
 */
@NullMarked
package io.adhocfs.malleability;

import org.jspecify.annotations.NullMarked;
