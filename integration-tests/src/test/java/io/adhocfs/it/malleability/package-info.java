/**
 * Changes of the set of nodes, and the control plane that they need, in real processes.
 *
 * <p>It must never know how nodes agree, only what they have to agree on.
 */
@NullMarked
package io.adhocfs.it.malleability;

import org.jspecify.annotations.NullMarked;
